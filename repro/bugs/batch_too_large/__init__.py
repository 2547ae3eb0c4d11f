"""map and batch with drop_last_batch=True give all rows unchanged if there is not even one whole batch."""
