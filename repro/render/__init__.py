"""Turns evidence into what people read: tables, charts, issue texts, notebooks. Starts nothing."""
