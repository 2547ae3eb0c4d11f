"""The correctness gate of a fix: random cases, the probe that runs them inside a target, and the oracle."""
