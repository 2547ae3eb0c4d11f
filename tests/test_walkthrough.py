"""docs/add-a-bug.md, followed to the letter: its files are written, its commands run, and nothing else is touched."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from repro.bugs.declaration import Bug
from repro.model import Symptom

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "add-a-bug.md").read_text("utf-8")
FILES = re.findall(r"^\*\*`([\w/.]+)`\*\*.*?^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]
STATUS = {
    "repro run nonsense-version --target packaging==21.3": 1,
    "repro run waits-forever --target packaging==24.2": 1,
    "repro run takes-all --target packaging==24.2": 1,
}
"""Where the guide says that a command does not end with 0."""


def rows(title: str) -> str:
    """The first column of the table below a title."""
    table = GUIDE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return "\n".join(line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `"))


def test_the_first_bug_takes_few_lines():
    assert sum(len(source.splitlines()) for name, source in FILES if name.startswith("nonsense")) <= 45


def test_every_symptom_is_in_the_table():
    assert sorted(re.findall(r"`([a-z-]+)`", rows("How a trial ends"))) == sorted(Symptom)


def test_every_optional_field_is_in_the_table_and_no_other():
    required = {"slug", "title", "summary", "scenarios"}
    named = set(re.findall(r"`(\w+)=", rows("What a bug may have besides")))
    assert named == {field.name for field in fields(Bug)} - required


@pytest.mark.slow
@pytest.mark.targets
def test_a_newcomer_who_follows_the_guide_gets_a_run_a_listing_an_issue_text_and_its_verification(tmp_path):
    for name, source in FILES:
        path = tmp_path / "bugs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, "utf-8")
    folder = tmp_path / "bugs" / "nonsense_version"
    assert [name for name, _ in FILES][:3] == [f"nonsense_version/{name}.py" for name in ("probe", "bug", "minimal")]
    shown = {}

    for command in COMMANDS:
        program, *words = shlex.split(command)
        assert program == "repro"
        env = {**os.environ, "REPRO_BUGS": str(tmp_path / "bugs"), "REPRO_REPORTS": str(tmp_path / "reports")}
        done = subprocess.run(
            [sys.executable, "-m", "repro", *words], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == STATUS.get(command, 0), f"{command}\n{done.stdout}\n{done.stderr}"
        shown[command] = done.stdout

    assert "nonsense-version: packaging takes any text" in shown["repro list"]
    assert "refused is False, expected True" in shown["repro run nonsense-version --target packaging==21.3"]
    assert "1 hang" in shown["repro run waits-forever --target packaging==24.2"]
    assert "1 out-of-memory" in shown["repro run takes-all --target packaging==24.2"]
    text = (tmp_path / "reports" / "issues" / "nonsense-version.md").read_text("utf-8")
    assert "parsed as <LegacyVersion('not a version')>" in text
    assert "| 21.3 | affected |" in text and "| 24.2 | not affected |" in text
    assert "FIXED in" in shown["repro verify reports/issues/nonsense-version.md --target packaging==24.2 --yes"]
    page = (tmp_path / "reports" / "index.html").read_text("utf-8")
    assert 'id="nonsense-version"' in page and "present (wrong-output)" in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bugs", "reports"]
    assert {path.name for path in folder.glob("*.*")} == {"probe.py", "bug.py", "minimal.py"}
