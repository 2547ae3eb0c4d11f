"""docs/add-a-bug.md, followed to the letter: its files are written, its commands run, and nothing else is touched."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "docs" / "add-a-bug.md").read_text("utf-8")
FILES = re.findall(r"^\*\*`([\w.]+)`\*\*.*?^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL) for line in block.splitlines()
]
STATUS = {"repro run nonsense-version --target packaging==21.3": 1}
"""Where the guide says that a command does not end with 0."""


@pytest.mark.slow
@pytest.mark.targets
def test_a_newcomer_who_follows_the_guide_gets_a_run_a_listing_an_issue_text_and_its_verification(tmp_path):
    folder = tmp_path / "bugs" / "nonsense_version"
    folder.mkdir(parents=True)
    for name, source in FILES:
        (folder / name).write_text(source, "utf-8")
    assert [name for name, _ in FILES] == ["probe.py", "bug.py", "minimal.py"]
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
    text = (tmp_path / "reports" / "issues" / "nonsense-version.md").read_text("utf-8")
    assert "parsed as <LegacyVersion('not a version')>" in text
    assert "| 21.3 | affected |" in text and "| 24.2, the newest tested | not affected |" in text
    assert "FIXED in" in shown["repro verify reports/issues/nonsense-version.md --target packaging==24.2 --yes"]
    page = (tmp_path / "reports" / "index.html").read_text("utf-8")
    assert 'id="nonsense-version"' in page and "present (wrong-output)" in page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bugs", "reports"]
    assert {path.name for path in folder.glob("*.*")} == {name for name, _ in FILES}
