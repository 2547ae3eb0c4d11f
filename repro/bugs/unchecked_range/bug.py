"""Declares ``unchecked-range``: HfFileSystem takes whatever a server sends for the bytes it asked for."""

from __future__ import annotations

from pathlib import Path

from repro.bugs.declaration import NO_FIX, Bug, CodePlace, Column, Fix, FixKind
from repro.bugs.unchecked_range.claims import CLAIMS
from repro.bugs.unchecked_range.oracle import asked, judge
from repro.bugs.unchecked_range.prepare import prepare
from repro.bugs.unchecked_range.readers import SCENARIOS
from repro.model import Limits, Outcome

HERE = Path(__file__).parent


def _came(outcome: Outcome) -> str:
    """What came of the read: the type of the error, or how much there was."""
    raised = str(outcome.measures.get("raised", ""))
    return raised.partition(":")[0] if raised else str(outcome.measures.get("amount", ""))


def _asked(outcome: Outcome) -> str:
    return str(asked(outcome) or "")


BUG = Bug(
    slug="unchecked-range",
    title="HfFileSystem returns other bytes than those asked for if the server does not honour the range",
    summary=(
        "A ranged read through HfFileSystem takes the body of any answer below status 400 as the bytes that it asked "
        "for: the whole file, another range, nothing, or a login page. fs.open().read() then returns wrong bytes, and "
        "no error is raised. What is built on it notices only what breaks its format."
    ),
    expected="The read checks status 206, Content-Range and length; it asks again, or raises.",
    cause="HfFileSystemFile._fetch_range returns the content of the answer after raise_for_status, and checks no more.",
    cause_at=CodePlace(
        "huggingface_hub/hf_file_system.py",
        after=r"def _fetch_range",
        pattern=r"return r\.content",
        permalink=(
            "https://github.com/huggingface/huggingface_hub/blob/v{version}/src/huggingface_hub/"
            "hf_file_system.py#L{line}"
        ),
    ),
    links={
        "reconnects of HfFileSystemStreamFile": "https://github.com/huggingface/huggingface_hub/issues/4397",
        "status 408 of a ranged read": "https://github.com/huggingface/huggingface_hub/pull/4359",
        "an answer of the real Hub with the whole file": "https://github.com/huggingface/huggingface_hub/issues/2248",
        "the same in fsspec's HTTP file system": "https://github.com/fsspec/filesystem_spec/issues/1140",
    },
    needs=("huggingface-hub",),
    scenarios=SCENARIOS,
    fixes=(
        NO_FIX,
        Fix(
            "checked-ranges",
            FixKind.WORKAROUND,
            HERE / "workarounds" / "checked_ranges.py",
            "HfFileSystem checks status, range and length, and asks again",
        ),
        Fix(
            "checked-range",
            FixKind.PATCH,
            HERE / "patches" / "checked_range.patch",
            "raise OSError if status, range or length are not those asked for",
        ),
    ),
    prepare=prepare,
    oracle=judge,
    workaround="checked-ranges",
    columns=(Column("what came", _came), Column("requests", _asked)),
    claims=CLAIMS,
    folder=HERE,
    default_scenario="open-range-ignored",
    default_limits=Limits(timeout_s=120.0, grace_s=30.0),
    hub=True,
)
