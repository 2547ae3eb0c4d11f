"""Recipe: give the client of huggingface_hub a timeout before `push_to_hub`; then it sends again by itself."""

from typing import Any

from datasets import Dataset
from huggingface_hub import set_client_factory
from huggingface_hub.utils import _http


def client_timeout(dataset: Dataset, repo_id: str, num_shards: int, patience: float = 60.0) -> None:
    """Push; a connection without a byte for ``patience`` seconds, in either direction, has failed."""

    def client() -> Any:
        made = _http.default_client_factory()
        made.timeout = patience
        return made

    set_client_factory(client)
    dataset.push_to_hub(repo_id, num_shards=num_shards)
