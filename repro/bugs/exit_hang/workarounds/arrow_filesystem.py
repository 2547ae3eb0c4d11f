"""Give a path and an Arrow file system, no open file: ``make_fragment(path, filesystem=fs.LocalFileSystem())``."""

import pyarrow.fs as fs

STAGE = "open"


def arrow_filesystem(path: str) -> tuple[str, fs.FileSystem]:
    return path, fs.LocalFileSystem()
