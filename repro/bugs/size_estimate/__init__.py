"""Files outside the Arrow table that the size estimate of ``datasets`` does not count: huggingface/datasets#5386."""
