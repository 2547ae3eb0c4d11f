"""What the notes say of large pushes that hang, with the rule that judges it from evidence. Pure."""

from __future__ import annotations

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict
from repro.bugs.witness import Evidence, decide, newest, untested
from repro.model import Symptom


def _related_hangs(evidence: Evidence) -> ClaimFinding:
    """They are said to be #7894; a push that hangs with every shard embedded needs another cause."""
    hung = newest(evidence, "put-stalls")
    if hung is None:
        return untested("repro run interrupted-upload")
    reading = f"datasets {hung.target.get('datasets')}: {hung.verdict.reason}"
    if hung.verdict.symptom is not Symptom.HANG:
        return decide(False, reading, hung, otherwise=ClaimVerdict.NOT_TESTABLE_HERE)
    words = f"a push also hangs for a reason of its own ({reading}); what hung in those reports is not known"
    return decide(False, words, hung, otherwise=ClaimVerdict.REFINED)


CLAIMS = (
    Claim(
        "related-hangs",
        "datasets#5672 and #5990 (large pushes crash or hang) are related",
        "upload notes",
        _related_hangs,
    ),
)
