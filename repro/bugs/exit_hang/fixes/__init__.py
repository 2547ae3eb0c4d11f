"""What users do against the hang at exit, one recipe a file; the probe's docstring says what STAGE means."""
