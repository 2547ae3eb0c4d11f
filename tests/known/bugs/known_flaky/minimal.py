# /// script
# requires-python = ">=3.9"
# dependencies = ["datasets==9.0"]
# ///
"""A wrong answer in a fifth of the runs from 4.0 on."""

import sys

import datasets

got = datasets.flaky()
print("answered", got)
sys.exit(got != 42)
