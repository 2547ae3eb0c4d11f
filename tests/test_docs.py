"""README and docs: every link leads somewhere, every command exists, and no verdict is copied into them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from repro.cli import cli

ROOT = Path(__file__).resolve().parents[1]
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "reports" / "README.md", *sorted(ROOT.glob("docs/*.md"))]
PUBLISHED = ROOT / "reports" / "published"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(path):
    links = re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8"))
    targets = [(path.parent / link).resolve() for link in links]
    made = (PUBLISHED, ROOT / "reports" / "claims.md") if not PUBLISHED.is_dir() else ()
    wanted = [target for target in targets if not any(target.is_relative_to(one) for one in made)]
    assert [str(target) for target in wanted if not target.exists()] == []


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_is_named_exists(path):
    code = " ".join(re.findall(r"`+[^`]+`+", path.read_text("utf-8")))
    named = set(re.findall(r"(?<!from )\brepro ([a-z]+)\b(?! and| is)", code))
    assert named - set(cli.commands) == set()


def test_the_readme_names_every_bug():
    from repro import bugs

    text = (ROOT / "README.md").read_text("utf-8")
    assert [slug for slug in bugs.slugs() if f"`{slug}`" not in text] == []
