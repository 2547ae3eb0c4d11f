"""Each fault as the real client beside the kit meets it; the record says which request had it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from repro.hub.record import Record
from tests.hub.conftest import Client, Failed, Running

Start = Callable[..., Running]
Here = Callable[..., Client]
CONTENT = random.Random(14).randbytes(300_000)
DOWNLOAD = """
from pathlib import Path
out = Path(snapshot_download("me/data", repo_type="dataset", allow_patterns="a")).joinpath("a").read_bytes().hex()
"""
RANGED = """
with HfFileSystem().open("datasets/me/data/a", block_size=1000) as file:
    file.seek(1000)
    out = file.read(1000).hex()
"""
UPLOAD = """
import os
api.upload_file(path_or_fileobj=os.urandom(1 << 20), path_in_repo="b.bin", repo_id="me/data", repo_type="dataset")
"""
INFO = "out = api.dataset_info('me/data').sha"
FILES = "out = api.list_repo_files('me/data', repo_type='dataset')"


def asked(hub: Start, here: Here, code: str, *faults: str, content: bytes = CONTENT) -> tuple[Any, Record]:
    """What a client gets (or its exception) when it runs ``code`` against a Hub with one file and these faults."""
    running = hub(*faults)
    running.repository("data", a=content)
    client = here(running)
    try:
        value = client.run(code)
    except Failed as failed:
        value = failed
    return value, running.close()


def answers(record: Record, endpoint: str) -> list[tuple[int, bool, str]]:
    return [(one.status, one.whole, one.fault) for one in record.requests if one.endpoint == endpoint]


@pytest.mark.parametrize("fault", ["tree:429=1s", "tree:500", "tree:503=1s", "tree:close", "tree:reset"])
def test_a_list_of_files_is_asked_for_again(hub: Start, here: Here, fault: str) -> None:
    value, record = asked(hub, here, FILES, fault)
    assert value == [".gitattributes", "a"]
    first, second = answers(record, "tree")
    assert (first[2], second) == (fault, (200, True, ""))


@pytest.mark.parametrize(
    ("fault", "error"),
    [("info:401", "401 Unauthorized"), ("info:403", "403 Forbidden"), ("info:500", "500"), ("info:429", "429")],
)
def test_a_status_that_no_client_asks_again_about(hub: Start, here: Here, fault: str, error: str) -> None:
    value, record = asked(hub, here, INFO, fault)
    assert isinstance(value, Failed)
    assert error in str(value)
    assert answers(record, "info") == [(int(fault[-3:]), True, fault)]


@pytest.mark.parametrize("fault", ["resolve:close", "resolve:stall", "resolve:429=1s"])
def test_a_download_is_asked_for_again(hub: Start, here: Here, fault: str) -> None:
    value, record = asked(hub, here, DOWNLOAD, fault)
    assert value == CONTENT.hex()
    first, second = (one for one in record.requests if one.endpoint == "resolve")
    assert (first.fault, first.whole) == (fault, "429" in fault)
    assert (second.fault, second.down, second.whole) == ("", len(CONTENT), True)


def test_a_download_goes_on_behind_the_last_10_mib_that_arrived(hub: Start, here: Here) -> None:
    content = random.Random(15).randbytes(25 << 20)
    value, record = asked(hub, here, DOWNLOAD.replace(".hex()", ".__len__()"), "resolve:close", content=content)
    assert value == len(content)
    first, second = (one for one in record.requests if one.endpoint == "resolve")
    assert (first.whole, second.status, second.bytes) == (False, 206, f"bytes={10 << 20}-")
    assert second.down == len(content) - (10 << 20)


@pytest.mark.parametrize("fault", ["resolve:wrong-length", "resolve:empty", "resolve:html"])
def test_a_download_of_another_size_is_noticed(hub: Start, here: Here, fault: str) -> None:
    value, record = asked(hub, here, DOWNLOAD, fault)
    assert isinstance(value, Failed)
    assert "Consistency check failed" in str(value)
    assert answers(record, "resolve") == [(200, True, fault)]


def test_a_flipped_bit_is_noticed_by_nobody(hub: Start, here: Here) -> None:
    value, _ = asked(hub, here, DOWNLOAD, "resolve:flip")
    received = bytes.fromhex(value)
    assert len(received) == len(CONTENT)
    assert [a ^ b for a, b in zip(received, CONTENT, strict=True) if a != b] == [1]


def test_a_slow_download_takes_as_long_as_its_bytes_need(hub: Start, here: Here) -> None:
    value, record = asked(hub, here, DOWNLOAD, "resolve:slow=300000")
    assert value == CONTENT.hex()
    (request,) = (one for one in record.requests if one.endpoint == "resolve")
    assert request.seconds >= len(CONTENT) / 300_000


def test_a_reset_download(hub: Start, here: Here) -> None:
    value, record = asked(hub, here, DOWNLOAD, "resolve:reset")
    assert isinstance(value, Failed) or value == CONTENT.hex()
    assert answers(record, "resolve")[0] == (200, False, "resolve:reset")


def test_ranges_that_are_ignored_or_wrong(hub: Start, here: Here) -> None:
    value, record = asked(hub, here, RANGED, "resolve:range-ignored")
    assert answers(record, "resolve")[0] == (200, True, "resolve:range-ignored")
    assert isinstance(value, Failed) or value != CONTENT[1000:2000].hex()


def test_a_wrong_range(hub: Start, here: Here) -> None:
    value, record = asked(hub, here, RANGED, "resolve:wrong-range")
    assert answers(record, "resolve")[0] == (206, True, "resolve:wrong-range")
    assert value == CONTENT[999:1999].hex()


@pytest.mark.parametrize("fault", ["put:reset", "put:close", "put:500", "put:503"])
def test_an_upload_is_sent_again(hub: Start, here: Here, fault: str) -> None:
    value, record = asked(hub, here, UPLOAD, fault)
    assert value is None
    first, second = (one for one in record.requests if one.endpoint == "put")
    assert (first.fault, second.status, second.up) == (fault, 200, 1 << 20)
    assert [one.title for one in record.commits][1:] == ["Upload b.bin with huggingface_hub"]


@pytest.mark.parametrize("fault", ["commit:504@1", "commit:reset@1", "commit:html@1", "commit:stall=1s@1"])
def test_a_commit_that_is_refused(hub: Start, here: Here, fault: str) -> None:
    value, record = asked(hub, here, UPLOAD, fault)
    assert answers(record, "commit")[1][2] == fault
    applied = len(record.commits) - 1
    assert applied == (0 if isinstance(value, Failed) else 1)
    assert isinstance(value, Failed) == ("stall" not in fault)


@pytest.mark.parametrize(("fault", "status"), [("applied-504", 504), ("applied-reset", 200), ("applied-close", 200)])
def test_a_commit_that_is_applied_and_not_said_to_be(hub: Start, here: Here, fault: str, status: int) -> None:
    value, record = asked(hub, here, UPLOAD, f"commit:{fault}@1")
    assert isinstance(value, Failed)
    assert answers(record, "commit")[1] == (status, status == 504, f"commit:{fault}@1")
    assert [one.title for one in record.commits][1:] == ["Upload b.bin with huggingface_hub"]


def test_an_upload_that_is_answered_and_not_stored(hub: Start, here: Here) -> None:
    read = UPLOAD + 'snapshot_download("me/data", repo_type="dataset")'
    value, record = asked(hub, here, read, "put:not-stored")
    assert len(record.commits) == 2
    assert isinstance(value, Failed)
    assert "404" in str(value)


def test_a_commit_that_is_answered_and_not_stored(hub: Start, here: Here) -> None:
    value, record = asked(hub, here, UPLOAD + FILES, "commit:not-stored@1")
    assert value == [".gitattributes", "a"]
    assert len(record.commits) == 1
