"""Declares ``known-flaky``."""

from tests.known.declared import declare

BUG = declare(
    __file__, "A wrong answer in a fifth of the runs from 4.0 on", "The made-up release throws dice.", race=True
)
