"""What the Spaces report says of the ways to one case, judged from evidence. Pure."""

from __future__ import annotations

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Witness
from repro.bugs.one_case.oracle import ratios
from repro.bugs.witness import Evidence, decide, untested
from repro.units import about

ONE_IMAGE = "one-image"
REPORTED = "hf-file-system"
OTHERS = ("none", "streaming")


def _newest_of_each(evidence: Evidence) -> dict[str, Witness]:
    """The newest trial of each way that says something, all of the target of the newest of them."""
    fitting = [one for one in evidence if one.scenario == ONE_IMAGE and one.verdict.informative]
    release = fitting[-1].target.get("datasets") if fitting else None
    return {one.fix: one for one in fitting if one.target.get("datasets") == release}


def _words(name: str, one: Witness) -> str:
    told = ratios(one.outcome)
    return f"{'load_dataset' if name == 'none' else name} {told[0]:.3g}" if told else name


def _only_way(evidence: Evidence) -> ClaimFinding:
    """Refined if the other two give the right bytes too; what each way costs is said, at the scale that was tried."""
    tried = _newest_of_each(evidence)
    if REPORTED not in tried or not all(name in tried for name in OTHERS):
        return untested("repro run one-case --fix hf-file-system, then --fix streaming, then without --fix")
    right = {name: one for name, one in tried.items() if one.verdict.symptom.healthy}
    ways = sorted(right, key=lambda name: (ratios(right[name].outcome) or [float("inf")])[0])
    size = tried[REPORTED].outcome.measures["needed_bytes"]
    said = ", ".join(_words(name, right[name]) for name in ways)
    text = (
        f"datasets {tried[REPORTED].target.get('datasets')}: {len(right)} of {len(tried)} ways gave the right bytes of "
        f"an image of {about(size)}; bytes sent for each byte asked for: {said}"
    )
    if REPORTED not in right:
        return decide(False, text, *tried.values())
    only = not any(name in right for name in OTHERS)
    return decide(only, text, *right.values(), otherwise=ClaimVerdict.REFINED)


CLAIMS = (
    Claim(
        "only-way",
        "Of streaming, load_dataset, and HfFileSystem with pyarrow, only the last one gets at one case",
        "Spaces report",
        _only_way,
    ),
)
