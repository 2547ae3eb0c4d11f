"""Recipe: select the rows of whole batches before batch() or map(), in place of drop_last_batch=True."""

from datasets import Dataset


def whole_batches(dataset: Dataset, batch_size: int, num_proc: int = 1) -> Dataset:
    """The first rows of `dataset`, as many as fill whole batches; with num_proc, the same number in each process."""
    step = batch_size * num_proc
    return dataset.select(range(len(dataset) // step * step))
