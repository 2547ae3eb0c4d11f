"""Two folders for a test of write_shards: of the files, and of the shards (not made yet)."""

import pytest


@pytest.fixture
def source(tmp_path):
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"
