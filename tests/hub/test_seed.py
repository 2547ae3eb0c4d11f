"""A tree of files as the repositories of a Hub: read in place, summed once, the same commit each time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from repro.errors import UserError
from repro.hub.seed import SUMS, plant
from repro.hub.storage import Changes, Repository, Storage
from repro.inputs.sparse import allocated_bytes
from repro.run.hub import MEASURE
from repro.run.question import question
from tests.conftest import Fake
from tests.hub.test_trial import with_hub

SPARSE = 64 << 20


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree/datasets/me/data"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("# Data\n")
    with (folder / "data/large.parquet").open("wb") as file:
        file.write(b"PAR1")
        file.truncate(SPARSE)
    (tmp_path / "tree/models/me/net").mkdir(parents=True)
    (tmp_path / "tree/models/me/net/weights").write_bytes(b"\0\1")
    return tmp_path / "tree"


def planted(tree: Path, folder: Path) -> Repository:
    storage = Storage(folder)
    plant(storage, tree)
    return storage.get("datasets", "me/data")


def test_large_files_are_served_where_they_lie(tree: Path, tmp_path: Path) -> None:
    repository = planted(tree, tmp_path / "hub")
    files = repository.at(repository.resolve("main")).files
    assert sorted(files) == [".gitattributes", "README.md", "data/large.parquet"]
    large, small = files["data/large.parquet"], files["README.md"]
    assert repository.content(large).resolve() == tree / "datasets/me/data/data/large.parquet"
    assert (large.size, large.sha256) == (SPARSE, hashlib.sha256(b"PAR1".ljust(SPARSE, b"\0")).hexdigest())
    assert (repository.content(small).read_text(), small.sha256) == ("# Data\n", "")
    assert sum(map(allocated_bytes, (tmp_path / "hub").rglob("*"))) < 1 << 20
    weights = Storage(tmp_path / "hub").get("models", "me/net")
    assert weights.at(weights.resolve("main")).files["weights"].sha256, (
        "binary files go through LFS whatever their name"
    )


def test_a_file_is_read_to_its_end_by_the_first_hub_only(tree: Path, tmp_path: Path) -> None:
    first = planted(tree, tmp_path / "one").resolve("main")
    sums = json.loads((tree / SUMS).read_text())
    known = hashlib.sha256(b"PAR1".ljust(SPARSE, b"\0")).hexdigest()
    (tree / SUMS).write_text(json.dumps({key: "f" * 64 if value == known else value for key, value in sums.items()}))
    told = planted(tree, tmp_path / "two")
    assert told.at(told.resolve("main")).files["data/large.parquet"].sha256 == "f" * 64
    (tree / SUMS).unlink()
    assert planted(tree, tmp_path / "three").resolve("main") == first, "the same files are the same commit"


def test_another_content_is_summed_anew_and_is_another_commit(tree: Path, tmp_path: Path) -> None:
    first = planted(tree, tmp_path / "one").resolve("main")
    path = tree / "datasets/me/data/data/large.parquet"
    path.write_bytes(b"PAR1 other")
    repository = planted(tree, tmp_path / "two")
    assert repository.resolve("main") != first
    entry = repository.at(repository.resolve("main")).files["data/large.parquet"]
    assert entry.sha256 == hashlib.sha256(b"PAR1 other").hexdigest()


def test_what_clients_do_to_a_repository_stays_and_leaves_the_tree_alone(tree: Path, tmp_path: Path) -> None:
    repository = planted(tree, tmp_path / "hub")
    changes = Changes("gone", "", "", {}, ("data/large.parquet",), ())
    oid = repository.commit("main", changes)
    again = planted(tree, tmp_path / "hub")
    assert again.resolve("main") == oid
    Storage(tmp_path / "hub").delete("datasets", "me/data")
    assert (tree / "datasets/me/data/data/large.parquet").stat().st_size == SPARSE


def test_a_clone_with_its_git_folder_is_served_without_that(tree: Path, tmp_path: Path) -> None:
    git = tree / "datasets/me/data/.git"
    git.mkdir()
    (git / "HEAD").write_text("ref: refs/heads/main")
    repository = planted(tree, tmp_path / "hub")
    assert not [path for path in repository.at(repository.resolve("main")).files if ".git/" in path]


def test_a_tree_without_repositories_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="datasets/OWNER/NAME"):
        plant(Storage(tmp_path / "hub"), tmp_path)


def test_the_hub_of_a_trial_serves_what_was_prepared(fake: Fake, tree: Path) -> None:
    body = """
    say("measure", measures={"seen": 3, "status": ask("/datasets/me/data/resolve/main/README.md")})
    say("done")
    """
    asked = with_hub(fake, body)
    without = fake.runner.key(asked)
    file = fake.root / "bugs/made_up/bug.py"
    rows = '{"rows": parameters["rows"]})'
    file.write_text(file.read_text().replace(rows, f"{rows[:-1]}, Path({str(tree)!r}))"))
    asked = question("made-up")
    outcome = fake.runner.trial(asked).outcome
    assert outcome.measures["status"] == 200
    assert [one["path"] for one in outcome.measures[MEASURE]["requests"]] == [
        "/datasets/me/data/resolve/main/README.md"
    ]
    assert fake.runner.key(asked).partition("-")[2] != without.partition("-")[2]
