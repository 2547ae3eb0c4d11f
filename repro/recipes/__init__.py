"""Whole files that users take home; each stands alone and imports nothing of the kit."""
