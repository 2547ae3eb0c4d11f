"""drop_last_batch=True must drop the last, incomplete batch, also if it is the only one."""

import pytest
from datasets import Dataset


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 7, 8])
def test_only_whole_batches_come(rows: int) -> None:
    dataset = Dataset.from_dict({"n": list(range(rows))})
    whole = list(range(rows // 4 * 4))
    batched = dataset.batch(4, drop_last_batch=True)["n"][:]
    assert [value for batch in batched for value in batch] == whole
    mapped = dataset.map(
        lambda part: {"n": [value + 1 for value in part["n"]]}, batched=True, batch_size=4, drop_last_batch=True
    )
    assert mapped["n"][:] == [value + 1 for value in whole]
