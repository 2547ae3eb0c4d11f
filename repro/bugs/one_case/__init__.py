"""The ways to read one case out of a large dataset, as the Spaces report had to find one."""
