# /// script
# requires-python = ">=3.9"
# dependencies = ["datasets==8.0"]
# ///
"""A wrong answer in 3.0, 4.0, 7.0 and 8.0."""

import sys

import datasets

got = datasets.twice()
print("answered", got)
sys.exit(got != 42)
