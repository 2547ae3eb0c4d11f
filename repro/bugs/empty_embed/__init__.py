"""Nifti files that are named but not embedded, without an error: huggingface/datasets#7852."""
