"""Recipe: the loop of the upload notes: each shard through pandas, embedded, written to Parquet, uploaded, removed."""

import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from datasets import Dataset
from datasets.table import embed_table_storage
from huggingface_hub import HfApi


def own_loop(dataset: Dataset, repo_id: str, num_shards: int, num_proc: int | None = None) -> None:
    """Upload `dataset` shard by shard in one process, a commit each; it writes no dataset card."""
    api = HfApi()
    api.create_repo(repo_id, repo_type="dataset", exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for index in range(num_shards):
            shard = dataset.shard(num_shards=num_shards, index=index, contiguous=True)
            fresh = Dataset.from_pandas(shard.to_pandas(), preserve_index=False).cast(dataset.features)
            path = Path(folder, f"train-{index:05d}-of-{num_shards:05d}.parquet")
            pq.write_table(embed_table_storage(fresh._data.table.combine_chunks()), path)
            api.upload_file(
                path_or_fileobj=path, path_in_repo=f"data/{path.name}", repo_id=repo_id, repo_type="dataset"
            )
            path.unlink()
