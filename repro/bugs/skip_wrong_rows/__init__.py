"""Streaming ``skip(n)`` gives other rows (huggingface/datasets#8236)."""
