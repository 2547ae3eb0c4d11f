"""What the Spaces report says of reading one case through HfFileSystem, judged from evidence. Pure."""

from __future__ import annotations

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Witness
from repro.bugs.unchecked_range.oracle import fetched
from repro.bugs.witness import Evidence, decide, newest, untested
from repro.units import about

SOURCE = "Spaces report"
REPORT = "report"
RUN = f"repro run unchecked-range --scenario {REPORT}"
STATED_CASE, STATED_REPOSITORY, STATED_FILES = 50e6, 99e9, 149
NEARLY = 1.25


def _read(one: Witness) -> bool:
    return bool(one.verdict.symptom.healthy and not one.outcome.measures["raised"] and fetched(one.outcome))


def _one_file(evidence: Evidence) -> ClaimFinding:
    """What it costs is a multiple of the case, so the 50 MB hold for a case of that size, if the multiple is near 1."""
    one = newest(evidence, REPORT, _read)
    if one is None:
        return untested(RUN)
    seen, sent = one.outcome.measures, fetched(one.outcome) or 0
    share, files = (
        sent / seen["amount"],
        len({r["path"] for r in seen["hub"]["requests"] if r["endpoint"] == "resolve"}),
    )
    memory = ""
    if seen.get("peak_bytes") and seen.get("rss_before_bytes"):
        memory = (
            f", and memory grew by {(seen['peak_bytes'] - seen['rss_before_bytes']) / seen['amount']:.2f} times them"
        )
    text = (
        f"huggingface_hub {one.target.get('huggingface-hub')}: {files} file read, the Hub sent {share:.2f} times the "
        f"bytes of the three images ({about(seen['amount'])}){memory}; so it is 50 MB for a case of 50 MB only"
    )
    few = share < NEARLY
    return decide(False, text, one, otherwise=ClaimVerdict.REFINED if few else ClaimVerdict.REFUTED)


def _case_size(evidence: Evidence) -> ClaimFinding:
    """The two sizes of the report against each other: what is sent for three columns is about what they hold."""
    one = newest(evidence, REPORT, _read)
    if one is None:
        return untested(RUN)
    share = (fetched(one.outcome) or 0) / one.outcome.measures["amount"]
    per_file = STATED_REPOSITORY / STATED_FILES
    text = (
        f"99 GB in 149 files are {per_file / 1e6:.0f} MB a file as stored; three columns of one case took {share:.2f} "
        f"times their bytes; for {STATED_CASE / 1e6:.0f} MB it would have to be {STATED_CASE / per_file:.2f} times"
    )
    fits = share < STATED_CASE / per_file * NEARLY
    return decide(fits, text, one, otherwise=ClaimVerdict.REFINED)


CLAIMS = (
    Claim("one-file", "HfFileSystem with pyarrow reads one case in about 50 MB", SOURCE, _one_file),
    Claim(
        "case-size",
        "A case has 600 to 700 MB of raw data (and 50 MB to fetch: the report says both)",
        SOURCE,
        _case_size,
    ),
)
