"""Reads ``pending.toml``: claims for which no bug is built yet, and claims that nothing here can test."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Witness

FILE = Path(__file__).with_name("pending.toml")


def chapters() -> dict[str, tuple[Claim, ...]]:
    """Title of each chapter -> its claims, in the order of the file."""
    read = tomllib.loads(FILE.read_text("utf-8"))
    return {one["title"]: tuple(_claim(**claim) for claim in one["claim"]) for one in read["chapter"]}


def _claim(slug: str, text: str, source: str, would: str = "", why: str = "") -> Claim:
    """``would`` is what would test the claim, ``why`` the reason why nothing here can."""
    if bool(would) == bool(why):
        raise ValueError(f"{FILE.name}: {slug} needs either would or why")
    waits = ClaimFinding(ClaimVerdict.NOT_YET_TESTED, f"would test it: {would}")
    finding = waits if would else ClaimFinding(ClaimVerdict.NOT_TESTABLE_HERE, why)

    def rule(_: Sequence[Witness]) -> ClaimFinding:
        return finding

    return Claim(slug, text, source, rule)
