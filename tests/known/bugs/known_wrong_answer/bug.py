"""Declares ``known-wrong-answer``."""

from tests.known.declared import declare

BUG = declare(__file__, "A wrong answer up to 4.0", "The made-up release counts one too few.")
