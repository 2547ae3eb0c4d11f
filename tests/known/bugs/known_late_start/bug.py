"""Declares ``known-late-start``."""

from tests.known.declared import declare

BUG = declare(
    __file__,
    "A TypeError from 6.0 on",
    "The made-up release expects another number of rows.",
    error="TypeError: expected 3 of 100 rows",
)
