"""What "why large uploads fail" says of empty uploads beyond that they are, each statement with its rule. Pure."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Witness
from repro.bugs.witness import Evidence, decide, newest, untested
from repro.model import Symptom

SOURCE = "why large uploads fail"
RUN = "repro run empty-embed --scenario"


def shows(one: Witness) -> bool:
    return one.verdict.is_bug


def version(one: Witness) -> Version | None:
    try:
        return Version(str(one.target.get("datasets")))
    except InvalidVersion:
        return None


def fails_to_read(evidence: Evidence) -> ClaimFinding:
    """To fail to read the bytes, it would have to open the files."""
    seen = newest(evidence, "nifti", shows, lambda one: isinstance(one.outcome.measures.get("files_opened"), int))
    if seen is None:
        return untested(f'{RUN} nifti --target "datasets==4.4.1"')
    opened = seen.outcome.measures["files_opened"]
    text = f"datasets {seen.target.get('datasets')}: {seen.verdict.reason}"
    return decide(opened > 0, text, seen, otherwise=ClaimVerdict.REFINED)


def install_from_git(evidence: Evidence) -> ClaimFinding:
    """Confirmed only while no released version embeds."""
    released = [one for one in evidence if one.scenario == "push" and one.fix == "none" and one.verdict.informative]
    released = [one for one in released if version(one) is not None]
    healthy = [one for one in released if one.verdict.symptom is Symptom.OK]
    bad = [one for one in released if shows(one)]
    if not bad or not healthy:
        wanted = "4.4.2" if bad else "4.4.1"
        return untested(f'{RUN} push --target "datasets=={wanted}"')
    first, last = min(healthy, key=lambda one: version(one) or Version("0")), bad[-1]
    text = (
        f"datasets {last.target.get('datasets')}: {last.verdict.reason}; "
        f"datasets {first.target.get('datasets')} as released: {first.verdict.reason}"
    )
    return decide(False, text, last, first, otherwise=ClaimVerdict.REFINED)


def looks_well(evidence: Evidence) -> ClaimFinding:
    seen = newest(evidence, "push", shows, lambda one: "opens_here" in one.outcome.measures)
    if seen is None:
        return untested(f'{RUN} push --target "datasets==4.4.1"')
    return decide(seen.outcome.exit_code == 0, f"datasets {seen.target.get('datasets')}: {seen.verdict.reason}", seen)


CLAIMS = (
    Claim(
        "embed-fails-to-read",
        "Nifti.embed_storage of the stable release fails to read the bytes",
        SOURCE,
        fails_to_read,
    ),
    Claim("empty-succeeds", 'An empty upload "succeeds"', SOURCE, looks_well),
    Claim("install-from-git", "Empty files: install datasets from git", SOURCE, install_from_git),
)
