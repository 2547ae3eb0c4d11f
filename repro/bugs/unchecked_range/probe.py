"""Reads a file of a loopback Hub, which may do wrong, through one reader; reports what came out or what was raised.

An error is an answer here: it is measured, not raised. What came out is measured as its sha256 and its amount (bytes,
rows, or names of files). `inputs` hold the repository, the file, and where `open` reads.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

os.environ["HF_HUB_DOWNLOAD_TIMEOUT"] = os.environ["HF_HUB_ETAG_TIMEOUT"] = "3"  # a stall is over by then

import huggingface_hub
import probe_tools
from probe_tools import INPUTS, SCENARIO, measure, phase, started, unsupported

READER = SCENARIO.partition("-")[0]
if READER in ("parquet", "report"):
    import pyarrow.parquet as pq
elif READER == "pandas":
    import pandas
elif READER == "datasets":
    import datasets

started("huggingface-hub", "fsspec", "pyarrow", "pandas", "datasets")
apply = probe_tools.workaround(lambda: None)
if READER in ("stream", "download", "head", "info", "tree") and apply.__name__ != "<lambda>":
    unsupported("it is for reads of a part of a file")
apply()
PATH = f"datasets/{INPUTS['repo']}/{INPUTS['file']}"
digest, amount = hashlib.sha256(), 0


def take(content: Any, count: int) -> None:
    """Adds to what came out."""
    global amount
    digest.update(content)
    amount += count


def read() -> None:
    if READER == "open":
        with huggingface_hub.HfFileSystem().open(PATH) as file:
            file.read(1000)
            file.seek(INPUTS["at"])
            content = file.read(INPUTS["count"])
        take(content, len(content))
    elif READER == "stream":
        with huggingface_hub.HfFileSystem().open(PATH, block_size=0) as file:
            while content := file.read(1 << 20):
                take(content, len(content))
    elif READER in ("parquet", "report"):
        columns = ["subject_id", *INPUTS["images"]] if READER == "report" else None
        with huggingface_hub.HfFileSystem().open(PATH, "rb") as file:
            table = pq.ParquetFile(file).read(columns=columns)
        for column in INPUTS["images"]:
            value = table[column][0].as_buffer()
            take(value, value.size)
    elif READER == "pandas":
        for row in pandas.read_csv(f"hf://{PATH}").itertuples():
            take(f"{row.n} {row.text}".encode(), 1)
    elif READER in ("download", "head"):
        content = Path(
            huggingface_hub.hf_hub_download(INPUTS["repo"], INPUTS["file"], repo_type="dataset")
        ).read_bytes()
        take(content, len(content))
    elif READER == "info":
        found = huggingface_hub.HfApi().dataset_info(INPUTS["repo"]).siblings or []
        for name in sorted(one.rfilename for one in found):
            take(name.encode(), 1)
    elif READER == "tree":
        for name in sorted(
            one.path for one in huggingface_hub.HfApi().list_repo_tree(INPUTS["repo"], repo_type="dataset")
        ):
            take(name.encode(), 1)
    else:
        for row in datasets.load_dataset("json", data_files=f"hf://{PATH}", split="train", streaming=True):
            take(f"{row['n']} {row['text']}".encode(), 1)


phase("read")
raised = ""
probe_tools.forget_peak()
before = probe_tools.resident()
try:
    read()
except Exception as error:
    raised = f"{type(error).__name__}: {str(error).strip()}"[:300]
measure(raised=raised, sha256=digest.hexdigest(), amount=amount, rss_before_bytes=before, peak_bytes=probe_tools.peak())
probe_tools.done()
