"""Decides what evidence says: bisection, races, attribution, failures, facts, claims. Pure: no I/O."""
