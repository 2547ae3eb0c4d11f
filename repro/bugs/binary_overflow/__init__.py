"""The bug ``binary-overflow``: files of more than 2 GiB together cannot be embedded."""
