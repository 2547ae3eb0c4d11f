"""Embedding a slice of a list column reads the files of the whole column (huggingface/datasets#7894)."""
