"""Recipe: `hf_hub_download` of the one file, then pyarrow."""

from typing import Any

import pyarrow.parquet as pq
from huggingface_hub import hf_hub_download


def hub_download(repository: str, columns: list[str], *, file: str, **_: object) -> dict[str, Any]:
    table = pq.read_table(hf_hub_download(repository, file, repo_type="dataset"), columns=columns)
    return {name: table[name][0].as_buffer() for name in columns}
