"""The probe that runs the correctness gate inside a target."""
