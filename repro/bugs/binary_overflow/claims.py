"""What the upload notes say of arrays over 2 GiB, each judged from evidence. Pure."""

from __future__ import annotations

from packaging.version import Version

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Witness
from repro.bugs.witness import Evidence, decide, newest, untested
from repro.model import Symptom

RUN = "repro run binary-overflow --scenario"
OVER, UNDER, CAST, DICTIONARY = "row-over-2gib", "just-under", "sliced-cast", "dictionary-over-2gib"
FILE = "file-over-2gib"
FIXED_IN, CLAIMED = Version("17"), Version("5")
OLD = '--target "pyarrow==16.1.0 numpy<2"'
NEW = '--target "pyarrow==17.0.0 numpy<2"'


def pyarrow(one: Witness) -> Version:
    return Version(str(one.target.get("pyarrow") or "0"))


def arrow(one: Witness) -> str:
    return f"pyarrow {pyarrow(one)}"


def said(one: Witness) -> str:
    return f"{one.scenario} with datasets {one.target.get('datasets')}, {arrow(one)}: {one.verdict.reason}"


def two_gib(evidence: Evidence) -> ClaimFinding:
    seen = [(name, newest(evidence, name)) for name in (OVER, FILE, UNDER)]
    for name, one in seen:
        if one is None:
            return untested(f"{RUN} {name}")
    over, file, under = (one for _, one in seen if one is not None)
    held = over.verdict.is_bug and file.verdict.is_bug and under.verdict.symptom.healthy
    return decide(held, "; ".join(map(said, (over, file, under))), over, file, under)


def sliced_cast(evidence: Evidence) -> ClaimFinding:
    """Of variable width or of fixed: the probe casts both, in this order, and says what it has done."""
    old = newest(evidence, CAST, lambda one: pyarrow(one) < FIXED_IN)
    told = [one for one in evidence if one.scenario == CAST and one.verdict.informative and pyarrow(one) >= FIXED_IN]
    new = min(told, key=pyarrow, default=None)  # the oldest release in which it is said to be gone
    if old is None:
        return untested(f"{RUN} {CAST} {OLD}")
    if new is None:
        return untested(f"{RUN} {CAST} {NEW}")
    both = f"{arrow(old)}: {old.verdict.reason}; {arrow(new)}: {new.verdict.reason}"
    if not (old.verdict.symptom is Symptom.CRASH and new.verdict.symptom.healthy):
        return decide(False, both, old, new)
    if "variable" not in old.outcome.measures:
        return decide(True, both, old, new)
    text = f"only of fixed width: a slice of a binary array is cast well by {arrow(old)} too; {both}"
    return decide(False, text, old, new, otherwise=ClaimVerdict.REFINED)


def dictionary(evidence: Evidence) -> ClaimFinding:
    old = newest(evidence, DICTIONARY, lambda one: pyarrow(one) < CLAIMED)
    if old is None:
        return untested(f'{RUN} {DICTIONARY} --target "python==3.9 pyarrow==4.0.1 numpy<2"')
    if not old.verdict.symptom.healthy:
        return decide(True, f"{arrow(old)}: {old.verdict.reason}", old)
    text = f"{arrow(old)} writes such a column well; the report of it names 0.7.1 and 0.8.0, which were not run"
    return decide(False, text, old, otherwise=ClaimVerdict.REFINED)


CLAIMS = (
    Claim("two-gib", "pa.binary() holds at most 2 GB an array", "upload notes", two_gib),
    Claim(
        "sliced-cast",
        "apache/arrow#41306: casting a sliced binary array segfaults, fixed in Arrow 17",
        "upload notes",
        sliced_cast,
    ),
    Claim(
        "arrow-1677",
        "apache/arrow#1677: a column over 2 GB crashes on write, fixed in Arrow 5",
        "upload notes",
        dictionary,
    ),
)
