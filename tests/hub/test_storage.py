"""Repositories on disk: commits are whole or not at all, and holes stay holes."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.hub.storage import Refused, Repository, Storage, read_changes
from repro.inputs.sparse import allocated_bytes


def made(folder: Path) -> Repository:
    storage = Storage(folder)
    storage.create("datasets", "me/data")
    return storage.get("datasets", "me/data")


def lines(*operations: tuple[str, dict[str, Any]], **header: str) -> list[bytes]:
    head = ("header", {"summary": "a title", **header})
    return [json.dumps({"key": key, "value": value}).encode() + b"\n" for key, value in (head, *operations)]


def file(path: str, content: bytes) -> tuple[str, dict[str, Any]]:
    return "file", {"path": path, "content": base64.b64encode(content).decode(), "encoding": "base64"}


def commit(repository: Repository, *operations: tuple[str, dict[str, Any]], **header: str) -> str:
    return repository.commit("main", read_changes(lines(*operations, **header), repository.keep))


def stored(repository: Repository, content: bytes, piece: int = 1 << 20) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    upload = repository.upload(sha256)
    for start in range(0, len(content), piece):
        upload.write(content[start : start + piece])
    upload.store()
    return sha256


def test_a_commit_is_found_again_by_another_process(tmp_path: Path) -> None:
    oid = commit(made(tmp_path), file("a/b.txt", b"hello"))
    again = Storage(tmp_path).get("datasets", "me/data")
    assert again.resolve("main") == oid
    entry = again.at(oid).files["a/b.txt"]
    assert again.content(entry).read_bytes() == b"hello"
    assert entry.oid == "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"  # what git hash-object says


def test_a_refused_commit_changes_nothing(tmp_path: Path) -> None:
    repository = made(tmp_path)
    before = repository.resolve("main")
    for bad in (
        [file("a", b"1"), ("deletedFile", {"path": "missing"})],
        [file("a", b"1"), ("deletedFolder", {"path": "missing"})],
        [file("a", b"1"), ("lfsFile", {"path": "b", "oid": "0" * 64, "size": 3})],
        [file("../../a", b"1")],
        [file("a", b"1"), ("moveFile", {"path": "b"})],
    ):
        with pytest.raises(Refused):
            commit(repository, *bad)
    with pytest.raises(Refused) as stale:
        commit(repository, file("a", b"1"), parentCommit="f" * 40)
    assert stale.value.status == 412
    assert repository.resolve("main") == Storage(tmp_path).get("datasets", "me/data").resolve("main") == before


def test_a_folder_is_removed_with_all_below_it_and_nothing_beside_it(tmp_path: Path) -> None:
    repository = made(tmp_path)
    commit(repository, file("a/1", b"1"), file("a/b/2", b"2"), file("ab", b"3"))
    oid = commit(repository, ("deletedFolder", {"path": "a/"}))
    assert sorted(repository.at(oid).files) == [".gitattributes", "ab"]


def test_zeros_take_no_room(tmp_path: Path) -> None:
    repository = made(tmp_path)
    content = b"head" + bytes(64 << 20) + b"tail"
    commit(repository, ("lfsFile", {"path": "big", "oid": stored(repository, content), "size": len(content)}))
    path = repository.content(repository.at(repository.resolve("main")).files["big"])
    assert path.stat().st_size == len(content)
    assert allocated_bytes(path) < 1 << 20
    assert path.read_bytes() == content


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 200_000)), max_size=6), st.integers(1, 150_000))
def test_what_arrives_in_pieces_is_what_is_stored(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[bool, int]], piece: int
) -> None:
    content = b"".join((b"\1" if full else b"\0") * size for full, size in parts)
    repository = made(tmp_path_factory.mktemp("hub"))
    assert (repository.folder / "blobs" / stored(repository, content, piece)).read_bytes() == content


def test_other_bytes_than_announced_are_not_stored(tmp_path: Path) -> None:
    repository = made(tmp_path)
    announced = hashlib.sha256(b"right").hexdigest()
    upload = repository.upload(announced)
    upload.write(b"wrong")
    with pytest.raises(Refused):
        upload.store()
    upload.close()
    assert not repository.has(announced)
    assert [one.name for one in (repository.folder / "blobs").iterdir() if one.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["../../../etc/passwd", "../refs.json", "0" * 63, ""])
def test_nothing_but_a_sha256_names_an_object(tmp_path: Path, name: str) -> None:
    assert not made(tmp_path).has(name)


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]\n", b"not json\n", b'{"key": "file", "value": {"path": 3}}\n'])
def test_a_malformed_commit_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        read_changes(body.splitlines(keepends=True), lambda content: ("", 0))
