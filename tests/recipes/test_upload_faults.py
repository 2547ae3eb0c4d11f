"""Every fault at every endpoint of an upload: the right result, or one line that says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from repro.hub.faults import KINDS
from tests.hub.conftest import Running
from tests.recipes.conftest import COUNT
from tests.recipes.uploading import RECIPE, SHORT_PAUSES, checksums, held, one_line, stored, upload

Start = Callable[..., Running]
READ, WRITE = (
    ("info", "tree", "resolve"),
    ("create", "validate-yaml", "preupload", "lfs-batch", "put", "verify", "commit"),
)
LASTING = ("put:not-stored",)


def passing(endpoint: str) -> list[str]:
    """All faults of an endpoint that pass, one after the other."""
    kinds = ["429=1s", "500", "503=1s", *(kind for kind in KINDS if endpoint in KINDS[kind] and kind != "slow")]
    kinds += ["applied-504", "applied-reset", "applied-close"] if endpoint in WRITE else []
    faults = [f"{endpoint}:{kind}" for kind in kinds if f"{endpoint}:{kind}" not in LASTING]
    return [*faults, f"{endpoint}:slow=1MiB"]


@pytest.mark.slow
@pytest.mark.parametrize("endpoint", [*READ, *WRITE])
def test_faults_that_pass_are_waited_out(hub: Start, folder: Path, endpoint: str) -> None:
    running = hub(*passing(endpoint))
    script = ("-c", SHORT_PAUSES, str(RECIPE.parent))
    run = upload(running, folder, "--tries", "25", "--quiet", "--commit-every", "1", script=script)
    assert (run.returncode, run.stderr) == (0, "")
    assert held(running) == checksums(folder)
    record = running.close()
    happened = {one.fault for one in record.requests} - {""}
    assert happened >= set(passing(endpoint)[:-1])
    assert sum(one.added for one in record.commits) == COUNT + 1
    assert max(stored(record).values()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("endpoint", [*READ, *WRITE])
def test_faults_that_last_end_the_upload_at_once(hub: Start, folder: Path, endpoint: str, status: int) -> None:
    if (endpoint, status) == ("verify", 404):
        pytest.skip("says that the object did not arrive, which is asked about once more")
    running = hub(f"{endpoint}:{status}x*")
    run = upload(running, folder, "--quiet", "--tries", "2")
    assert any(word in one_line(run) for word in (str(status), "lost its bytes"))
    record = running.close()
    assert len([one for one in record.requests if one.fault]) == 1


@pytest.mark.parametrize("fault", ["commit:applied-504", "commit:not-stored", "put:applied-504", "verify:404"])
def test_what_was_done_and_not_said_is_neither_lost_nor_done_twice(hub: Start, folder: Path, fault: str) -> None:
    running = hub(fault)
    run = upload(running, folder, "--quiet", "--commit-every", "3")
    assert (run.returncode, run.stderr) == (0, "")
    assert held(running) == checksums(folder)
    record = running.close()
    assert [one.added for one in record.commits] == [3, 3]
    assert sum(1 for one in record.requests if one.endpoint == "put" and one.up > 0) == COUNT


def test_objects_that_the_hub_took_and_lost_are_noticed(hub: Start, folder: Path) -> None:
    running = hub("put:not-stored@2")
    line = one_line(upload(running, folder, "--quiet"))
    assert "data/train-00002-of-00005.parquet is committed, but the Hub lost its bytes: delete it there" in line


@pytest.mark.parametrize("fault", ["put:stall", "commit:stall", "info:stall"])
def test_a_stall_ends_when_patience_does(hub: Start, folder: Path, fault: str) -> None:
    running = hub(f"{fault}x*")
    line = one_line(upload(running, folder, "--quiet", "--tries", "1", "--patience", "1"))
    assert "run the same command again" in line


@pytest.mark.parametrize("endpoint", ["commit", "put"])
def test_the_hub_is_asked_again_when_it_said(hub: Start, folder: Path, endpoint: str) -> None:
    running = hub(f"{endpoint}:429=3s")
    run = upload(running, folder, "--quiet")
    assert (run.returncode, run.stderr) == (0, "")
    first, second = [one for one in running.close().requests if one.endpoint == endpoint][:2]
    assert second.at_s - first.at_s >= 3


@pytest.mark.parametrize("fault", ["put:503x*", "commit:500x*", "tree:htmlx*", "lfs-batch:emptyx*"])
def test_a_fault_without_an_end_is_one_line(hub: Start, folder: Path, fault: str) -> None:
    running = hub(fault)
    line = one_line(upload(running, folder, "--quiet", "--tries", "2"))
    assert "run the same command again, and what arrived is not sent again" in line


def test_a_hub_that_is_not_there_is_one_line(hub: Start, folder: Path) -> None:
    running = hub()
    running.close()
    assert "Connection refused" in one_line(upload(running, folder, "--quiet", "--tries", "1"))
