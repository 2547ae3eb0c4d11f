# /// script
# requires-python = ">=3.10"
# dependencies = ["datasets==5.1.0", "pyarrow==24.0.0"]
# ///
"""Embedding one row of a Sequence(Nifti()) column opens the files of every row (sparse files: hardly any disk)."""

import struct
import sys
import tempfile
import tracemalloc
from pathlib import Path

from datasets import Dataset, Features, Nifti, Sequence
from datasets.table import embed_table_storage

ROWS, MIB = 300, 1  # with 900 rows of 300 MiB the process is killed for memory (SIGKILL, exit status 137)
opened: list[str] = []
head = struct.pack("<i36x8h14x2h2x8ff232x4s4x", 348, 3, 1024, 1024, MIB, 1, 1, 1, 1, 2, 8, *[1] * 8, 352, b"n+1\0")
with tempfile.TemporaryDirectory() as folder:
    paths = [f"{folder}/sub-{row}_bold.nii" for row in range(ROWS)]
    for path in paths:
        with Path(path).open("wb") as file:
            file.write(head)
            file.truncate(len(head) + MIB * 2**20)
    ds = Dataset.from_dict({"bold": [[path] for path in paths]}).cast(Features({"bold": Sequence(Nifti())}))
    sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" and args[0] in paths else None)
    tracemalloc.start()
    embed_table_storage(ds.shard(num_shards=ROWS, index=0).with_format("arrow")[:])
print(f"opened {len(opened)} files, needed 1; Python's memory peak {tracemalloc.get_traced_memory()[1] >> 20} MiB")
sys.exit(len(opened) > 1)
