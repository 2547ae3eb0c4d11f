# /// script
# requires-python = ">=3.9"
# dependencies = ["datasets==9.0"]
# ///
"""A TypeError from 6.0 on."""

import sys

import datasets

got = datasets.late()
print("answered", got)
sys.exit(got != 42)
