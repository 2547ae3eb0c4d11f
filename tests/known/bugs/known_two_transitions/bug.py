"""Declares ``known-two-transitions``."""

from tests.known.declared import declare

BUG = declare(
    __file__, "A wrong answer in 3.0, 4.0, 7.0 and 8.0", "The made-up release counts one too few, twice in its life."
)
