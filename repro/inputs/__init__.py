"""Inputs for the probes: sparse cohorts at true scale, small dense volumes, real NIfTI files, a user's own folder."""
