"""Recipe: embed, write and upload one shard after the other, each through pandas (the reporter's loop)."""

import tempfile

import pyarrow.parquet as pq
from datasets import Dataset
from datasets.table import embed_table_storage
from huggingface_hub import HfApi


def hand_written_loop(dataset: Dataset, repo_id: str, num_shards: int, patience: float) -> None:
    """Give each shard a commit of its own; ``patience`` cannot be given to ``upload_file``."""
    api = HfApi()
    api.create_repo(repo_id, repo_type="dataset", exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for index in range(num_shards):
            shard = dataset.shard(num_shards=num_shards, index=index, contiguous=True)
            fresh = Dataset.from_pandas(shard.to_pandas(), preserve_index=False).cast(dataset.features)
            name = f"train-{index:05d}-of-{num_shards:05d}.parquet"
            pq.write_table(embed_table_storage(fresh.data.table.combine_chunks()), f"{folder}/{name}")
            api.upload_file(
                path_or_fileobj=f"{folder}/{name}", path_in_repo=f"data/{name}", repo_id=repo_id, repo_type="dataset"
            )
