"""upload_shards with three generations of the client: the same result, and no other address is opened."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from repro import targets
from repro.model import TargetInfo
from tests.hub.conftest import Client, Running
from tests.hub.test_clients import RELEASES
from tests.recipes.conftest import COUNT
from tests.recipes.uploading import RECIPE, checksums, held, one_line, stored, upload

Start = Callable[..., Running]
pytestmark = [pytest.mark.targets, pytest.mark.slow]


@pytest.fixture(scope="module", params=RELEASES)
def target(request: pytest.FixtureRequest, shared_cache: Path) -> Iterator[TargetInfo]:
    needs = ("datasets", "pyarrow", "huggingface-hub")
    found = targets.provision(request.param, cache=shared_cache, requires=needs, diagnostic=())
    assert isinstance(found, TargetInfo), found
    yield found


def test_what_goes_up_comes_down_with_load_dataset(
    hub: Start, folder: Path, target: TargetInfo, tmp_path: Path
) -> None:
    running = hub()
    for _ in range(2):
        run = upload(running, folder, "--commit-every", "2", "--quiet", python=target.python)
        assert (run.returncode, run.stderr) == (0, "")
    assert held(running) == checksums(folder)
    client = Client(target.python, running.environment, tmp_path / "home")
    code = """
import datasets, hashlib
read = datasets.load_dataset("me/data", split="train").with_format("arrow")
streamed = datasets.load_dataset("me/data", split="train", streaming=True)
scans = [one["bytes"] for one in read[:]["scan"].to_pylist()]
rows = [read.num_rows, sum(1 for _ in streamed.decode(False))]
out = [*rows, str(read.features), [hashlib.sha256(scan).hexdigest() for scan in scans]]
"""
    rows, streamed, features, scans = client.run(code)
    client.close()
    assert (rows, streamed, len(set(scans))) == (COUNT, COUNT, COUNT)
    assert "Nifti" in features
    record = running.close()
    assert sorted(stored(record).values()) == [1] * COUNT
    assert not [
        one.path for one in record.requests if one.endpoint == "elsewhere" and "datasets-server" not in one.path
    ]


@pytest.mark.parametrize(
    "fault",
    ["commit:applied-504", "commit:applied-reset", "commit:503", "put:429=1s", "put:reset", "put:stall", "tree:stall"],
)
def test_faults_that_pass(hub: Start, folder: Path, target: TargetInfo, fault: str) -> None:
    running = hub(fault)
    run = upload(running, folder, "--quiet", python=target.python)
    assert (run.returncode, run.stderr) == (0, "")
    assert held(running) == checksums(folder)
    assert [one.added for one in running.close().commits] == [COUNT + 1]


@pytest.mark.parametrize("fault", ["commit:403x*", "put:403x*", "info:401x*", "create:503x*"])
def test_faults_that_last(hub: Start, folder: Path, target: TargetInfo, fault: str) -> None:
    assert fault[-5:-2] in one_line(upload(hub(fault), folder, "--quiet", "--tries", "2", python=target.python))


def test_xet_is_off_unless_asked_for(target: TargetInfo) -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import upload_shards; from huggingface_hub import constants; "
    line = [str(target.python), "-c", code + "print(constants.HF_HUB_DISABLE_XET)", str(RECIPE.parent)]
    for given, seen in (({}, "True"), ({"HF_HUB_DISABLE_XET": "0"}, "False")):
        assert subprocess.run(line, env=given, capture_output=True, text=True, check=True).stdout.strip() == seen
