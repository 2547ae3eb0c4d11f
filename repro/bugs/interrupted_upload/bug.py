"""Declares ``interrupted-upload``: an upload that gets no answer waits without end."""

from __future__ import annotations

from pathlib import Path

from repro.bugs.declaration import NO_FIX, Bug, CodePlace, Column, ComparisonPlan, Fix, FixKind, Measured, Scenario
from repro.bugs.interrupted_upload.claims import CLAIMS
from repro.bugs.interrupted_upload.oracle import bytes_sent, judge
from repro.bugs.interrupted_upload.prepare import KILLED, PARAMETERS, RESHARDED, prepare
from repro.errors import UserError
from repro.model import Limits, Outcome, Scalar, Symptom

HERE = Path(__file__).parent
ROWS = 4


def _way(name: str, title: str, proposed_in: str) -> Fix:
    return Fix(name, FixKind.WORKAROUND, HERE / "workarounds" / f"{name.replace('-', '_')}.py", title, proposed_in)


def _upload(size: int) -> dict[str, Scalar]:
    """Four shards, together of about ``size`` bytes."""
    if size < 64 << 10:
        raise UserError(f"an upload of {size} bytes holds no {4 * ROWS} images: give 64KiB or more")
    return {"rows": ROWS, "files_per_row": 4, "file_size": size // 4 // ROWS}


def _sent(outcome: Outcome) -> str:
    """``1.53``: bytes sent to the Hub in all, for each byte of the files."""
    sent, payload = bytes_sent(outcome), outcome.measures.get("source_bytes")
    return f"{sent / payload:.3f}" if sent and payload else ""


def _attempts(outcome: Outcome) -> str:
    """``2``; empty where none ended."""
    return str(len(outcome.measures.get("endings", ())) or "")


def _meanwhile(outcome: Outcome) -> str:
    """Rows that a reader saw after an attempt that failed."""
    return str(outcome.measures.get("rows_meanwhile", ""))


BUG = Bug(
    slug="interrupted-upload",
    title="An upload whose PUT gets no answer waits without end",
    summary=(
        "huggingface_hub gives its uploads no timeout. Where a connection is held open and nothing comes, as behind a "
        "proxy that lost its other side, push_to_hub() and upload_file() wait until somebody ends them."
    ),
    links={
        "a large push hangs": "https://github.com/huggingface/datasets/issues/5990",
        "uploading in the documentation": "https://huggingface.co/docs/huggingface_hub/guides/upload",
    },
    needs=("datasets", "pyarrow", "huggingface_hub"),
    failure=Symptom.HANG,
    scenarios=(
        Scenario("undisturbed", "an upload that nothing disturbs", control=True),
        Scenario("put-stalls", "half of the first shard is taken, then nothing more is, and no answer comes",
                 faults=("put:stall",)),
        Scenario(KILLED, "the uploader is killed within a shard, then run again"),
        Scenario(RESHARDED, "killed the same way, then run again with half as many shards"),
        Scenario("commit-refused", "the commit is answered 503 after all bytes went up, then run again",
                 faults=("commit:503",)),
        Scenario("commit-applied-504", "the commit is applied, but answered 504, then run again",
                 faults=("commit:applied-504",)),
        Scenario("put-reset", "the connection is reset in the middle of the first shard", faults=("put:reset",)),
        Scenario("too-many-requests", "the first shard and the first commit are answered 429 with Retry-After",
                 faults=("put:429=1s", "commit:429=1s")),
    ),
    default_scenario="put-stalls",
    fixes=(
        NO_FIX,
        _way("client-timeout", "a timeout for the client of huggingface_hub, then push_to_hub", ""),
        _way("hand-written-loop", "shard by shard through pandas, and upload_file", "huggingface/datasets#7894"),
        Fix("put-timeout", FixKind.PATCH, HERE / "patches" / "put_timeout.patch", "a timeout for each PUT"),
        _way("upload-shards", "shards written to disk, then uploaded from there (recipes of this kit)", ""),
    ),
    workaround="client-timeout",
    asked=("hand-written-loop",),
    parameters=PARAMETERS,
    prepare=prepare,
    oracle=judge,
    expected="An upload that gets no answer fails after some time, and is then sent again.",
    cause="huggingface_hub makes its HTTP client with timeout=None, and the PUT of a shard gives none either.",
    cause_at=CodePlace(
        "huggingface_hub/utils/_http.py",
        after=r"def default_client_factory",
        pattern=r"timeout=None",
        permalink="https://github.com/huggingface/huggingface_hub/blob/v{version}/src/huggingface_hub/utils/_http.py#L{line}",
    ),
    comparison=ComparisonPlan(
        target="datasets==5.2.0 pyarrow==24.0.0",
        newest="datasets==5.2.0 pyarrow==24.0.0",
        shard=_upload,
        scale={"rows": 64, "files_per_row": 4, "file_size": 5 << 20},
        measured=Measured("upload", "verify", "source_bytes", "rss_before_upload_bytes", "peak_upload_bytes"),
    ),
    small={"rows": 4, "files_per_row": 2, "file_size": 64 << 10},
    columns=(
        Column("bytes sent / payload", _sent),
        Column("attempts", _attempts),
        Column("rows seen in between", _meanwhile),
    ),
    claims=CLAIMS,
    folder=HERE,
    hub=True,
    default_limits=Limits(timeout_s=60.0, grace_s=30.0),
)  # fmt: skip
