# /// script
# requires-python = ">=3.9"
# dependencies = ["datasets==6.0"]
# ///
"""A wrong answer in 5.0 and 6.0."""

import sys

import datasets

got = datasets.load_extra().rows()
print("answered", got)
sys.exit(got != 42)
