# /// script
# requires-python = ">=3.9"
# dependencies = ["datasets==4.0"]
# ///
"""A wrong answer up to 4.0."""

import sys

import datasets

got = datasets.answer()
print("answered", got)
sys.exit(got != 42)
