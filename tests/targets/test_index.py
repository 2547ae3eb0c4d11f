"""The same against the real package index: what the tiny packages cannot show."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from repro.model import TargetInfo, Unsolvable
from repro.targets import list_releases, provision

pytestmark = pytest.mark.targets


def test_a_release_that_forbids_the_pinned_pyarrow_is_unsolvable_for_that_reason(tmp_path: Path) -> None:
    result = provision("datasets==5.2.0 pyarrow==22.0.0", cache=tmp_path)
    assert isinstance(result, Unsolvable)
    assert "datasets>=5.2.0 depends on pyarrow>=24.0.0" in result.reason


def test_a_pyarrow_bug_gets_pyarrow_and_the_tracer_but_no_datasets(tmp_path: Path) -> None:
    target = provision("pyarrow==24.0.0", cache=tmp_path, requires=("pyarrow",))
    assert isinstance(target, TargetInfo)
    assert "memray" in target.packages
    assert "datasets" not in target.packages
    program = "import memray, pyarrow; print(pyarrow.__version__)"
    assert subprocess.check_output([target.python, "-c", program], text=True) == "24.0.0\n"


def test_the_configured_index_lists_the_releases(tmp_path: Path) -> None:
    known = list_releases("datasets", cache=tmp_path)
    assert [one for one in known if one.startswith("4.4.")] == ["4.4.0", "4.4.1", "4.4.2"]
