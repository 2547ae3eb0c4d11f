"""Marks the trials of a study, so that stored evidence alone tells which study, candidate and round each belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from repro.evidence.record import LABEL, Evidence, new_id


def label_of(evidence: Evidence) -> Mapping[str, Any]:
    """The mark of a trial; empty for a trial of no study."""
    found = evidence.provenance.get(LABEL)
    return found if isinstance(found, Mapping) else {}


def study_key(*words: str) -> str:
    """The same for the same plan, so that an interrupted study is found again."""
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]


def of_study(evidence: Iterable[Evidence], kind: str, *, key: str | None = None) -> list[Evidence]:
    """The trials of the newest study of that kind (and plan), oldest first."""
    members = [e for e in evidence if label_of(e).get("kind") == kind and key in (None, label_of(e).get("key"))]
    newest = max((str(label_of(e)["id"]) for e in members), default="")
    return [e for e in members if label_of(e)["id"] == newest]


def open_study(evidence: Iterable[Evidence], kind: str, key: str, resume: bool) -> tuple[str, list[Evidence]]:
    """The id of a study to run and the trials it has already: those of the newest one with ``resume``, else none."""
    known = of_study(evidence, kind, key=key) if resume else []
    return (str(label_of(known[0])["id"]) if known else new_id()), known
