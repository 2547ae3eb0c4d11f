"""Recipe: write the shards to disk, then upload those files; `repro recipe NAME` prints the two recipes it imports."""

import upload_shards as recipe
from datasets import Dataset
from write_shards import write_shards


def upload_shards(dataset: Dataset, repo_id: str, num_shards: int, patience: float = 120.0) -> None:
    """Keep the shards in a folder, so that nothing is embedded again after a kill."""
    folder = f"shards-{num_shards}"
    write_shards(dataset, folder, num_shards=num_shards, progress=False)
    recipe.upload_shards(folder, repo_id, patience=patience, progress=False)
