"""Read each column chunk when it is decoded, not a row group ahead: ``pre_buffer=False``."""

from typing import Any

import pyarrow.dataset as ds

STAGE = "options"


def no_pre_buffer() -> dict[str, dict[str, Any]]:
    scan = {"fragment_scan_options": ds.ParquetFragmentScanOptions(pre_buffer=False)}
    return {"to_batches": scan, "load_dataset": scan, "read_table": {"pre_buffer": False}}
