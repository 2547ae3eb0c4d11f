"""Declares ``known-broken-old``."""

from tests.known.declared import declare

BUG = declare(__file__, "A wrong answer in 5.0 and 6.0", "The made-up release counts one too few.")
