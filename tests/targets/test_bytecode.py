"""What Python compiled in one environment serves the next, and never changes what is imported."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from repro.targets.bytecode import nearest, share


def module(site: Path, text: str, *, seconds: int = 1_000_000_000, compiled: bool = True) -> Path:
    """``site/tiny/__init__.py``, last changed at ``seconds``, with its compiled file."""
    source = site / "tiny" / "__init__.py"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(text)
    os.utime(source, (seconds, seconds))
    if compiled:
        py_compile.compile(str(source), doraise=True)
    return source


def compiled(site: Path) -> list[str]:
    return sorted(str(path.relative_to(site)) for path in site.rglob("*.pyc"))


def said(site: Path, program: str) -> str:
    command = [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(site)!r}); {program}"]
    return subprocess.check_output(command, text=True, cwd="/").strip()


def test_the_compiled_files_of_the_same_sources_are_shared(tmp_path: Path) -> None:
    module(tmp_path / "old", "said = 'hello'")
    module(tmp_path / "new", "said = 'hello'", compiled=False)
    share(tmp_path / "new", [tmp_path / "old"])
    assert compiled(tmp_path / "new") == compiled(tmp_path / "old") != []


@pytest.mark.parametrize("change", [{"text": "said = 'HELLO'", "seconds": 1_000_000_001}, {"text": "said = 'hello!'"}])
def test_what_belongs_to_another_source_is_left_out(tmp_path: Path, change: dict[str, object]) -> None:
    module(tmp_path / "old", "said = 'hello'")
    module(tmp_path / "new", **{"compiled": False, **change})  # type: ignore[arg-type]
    share(tmp_path / "new", [tmp_path / "old"])
    assert compiled(tmp_path / "new") == []


def test_a_traceback_names_the_file_of_its_own_environment(tmp_path: Path) -> None:
    text = "import sys\nwhere = sys._getframe().f_code.co_filename"
    module(tmp_path / "old", text)
    module(tmp_path / "new", text, compiled=False)
    share(tmp_path / "new", [tmp_path / "old"])
    assert said(tmp_path / "new", "import tiny; print(tiny.where)") == str(tmp_path / "new" / "tiny" / "__init__.py")


def test_a_source_changed_later_is_compiled_anew_and_the_neighbour_keeps_its_own(tmp_path: Path) -> None:
    module(tmp_path / "old", "said = 'hello'")
    module(tmp_path / "new", "said = 'hello'", compiled=False)
    share(tmp_path / "new", [tmp_path / "old"])
    module(tmp_path / "new", "said = 'patched'", seconds=1_000_000_007, compiled=False)
    for site, expected in (("new", "patched"), ("old", "hello"), ("new", "patched")):
        assert said(tmp_path / site, "import tiny; print(tiny.said)") == expected


def test_a_neighbour_that_vanishes_leaves_something_out(tmp_path: Path) -> None:
    module(tmp_path / "new", "said = 'hello'", compiled=False)
    share(tmp_path / "new", [tmp_path / "gone"])
    assert compiled(tmp_path / "new") == []


def test_the_neighbours_that_hold_most_come_first_and_only_those_that_add_something() -> None:
    one, two, three = Path("one"), Path("two"), Path("three")
    others = {one: {"a": "1"}, two: {"a": "1", "b": "1"}, three: {"a": "2", "c": "1"}}
    assert nearest({"a": "1", "b": "1", "c": "1"}, others) == [two, three]
    assert nearest({"a": "1"}, others) == [one]
    assert nearest({"d": "1"}, others) == []
    assert nearest({"a": "1"}, {}) == []
