"""Recipe: select the rows of whole batches before batch() or map(), in place of drop_last_batch=True."""

from datasets import Dataset


def whole_batches(dataset: Dataset, batch_size: int) -> Dataset:
    """The first rows of `dataset`, as many as whole batches hold; with num_proc, batches end within each process."""
    return dataset.select(range(len(dataset) // batch_size * batch_size))
