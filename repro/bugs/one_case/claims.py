"""What the Spaces report says of the ways to one case, judged from evidence. Pure."""

from __future__ import annotations

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Witness
from repro.bugs.one_case.oracle import ratios
from repro.bugs.witness import Evidence, decide, untested
from repro.units import about

ONE_IMAGE = "one-image"
REPORTED = "hf-file-system"
OTHERS = ("none", "streaming")


def _sizes(evidence: Evidence) -> list[dict[str, Witness]]:
    """The newest trial of each way, for each release and size of an image; what was tried last comes first."""
    found: dict[tuple[object, ...], dict[str, Witness]] = {}
    for one in evidence:
        if one.scenario == ONE_IMAGE and one.verdict.informative and "needed_bytes" in one.outcome.measures:
            names = ("datasets", "huggingface-hub")
            key = (*(one.target.get(name) for name in names), one.outcome.measures["needed_bytes"])
            found[key] = {**found.pop(key, {}), one.fix: one}
    return list(reversed(found.values()))


def _name(way: str) -> str:
    return "load_dataset" if way == "none" else way


def _words(way: str, one: Witness) -> str:
    told = ratios(one.outcome)
    return f"{_name(way)} {told[0]:.3g}" if told else _name(way)


def _said(tried: dict[str, Witness]) -> str:
    """What each way cost that gave the right bytes, and what became of the others."""
    right = [name for name, one in tried.items() if one.verdict.symptom.healthy]
    ways = sorted(right, key=lambda name: (ratios(tried[name].outcome) or [float("inf")])[0])
    failed = [f"{_name(name)} {one.verdict.symptom.value}" for name, one in tried.items() if name not in right]
    size = about(next(iter(tried.values())).outcome.measures["needed_bytes"])
    costs = ", ".join(_words(name, tried[name]) for name in ways)
    text = f"of an image of {size} {len(right)} of {len(tried)} ways gave the right bytes; bytes sent for each: {costs}"
    return f"{text}; {', '.join(failed)}" if failed else text


def _only_way(evidence: Evidence) -> ClaimFinding:
    """Refined if the other two give the right bytes too; what each way costs is said of each size that was tried."""
    sizes = _sizes(evidence)
    tried = next((ways for ways in sizes if {REPORTED, *OTHERS} <= set(ways)), None)
    if tried is None:
        return untested("repro run one-case --fix hf-file-system, then --fix streaming, then without --fix")
    target = tried[REPORTED].target
    others = [ways for ways in sizes if ways is not tried and _largest(ways) > _largest(tried)]
    shown = [tried, *others[:1]]
    text = f"datasets {target.get('datasets')}: {'; '.join(map(_said, shown))}"
    right = {name for name in (REPORTED, *OTHERS) if tried[name].verdict.symptom.healthy}
    outcome = ClaimVerdict.REFINED if REPORTED in right else ClaimVerdict.REFUTED
    return decide(right == {REPORTED}, text, *(one for ways in shown for one in ways.values()), otherwise=outcome)


def _largest(ways: dict[str, Witness]) -> int:
    return max(int(one.outcome.measures["needed_bytes"]) for one in ways.values())


CLAIMS = (
    Claim(
        "only-way",
        "Of streaming, load_dataset, and HfFileSystem with pyarrow, only the last one gets at one case",
        "Spaces report",
        _only_way,
    ),
)
