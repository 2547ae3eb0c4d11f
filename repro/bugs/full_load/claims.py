"""What the Spaces report says of loading the whole dataset, judged from evidence. Pure."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from repro.bugs.declaration import Claim, ClaimFinding, ClaimVerdict, Witness
from repro.bugs.full_load.oracle import held
from repro.bugs.witness import Evidence, decide, newest, untested
from repro.model import Symptom
from repro.units import about

SOURCE = "Spaces report"
REPOSITORY = "repository"
RUN = f"repro run full-load --scenario {REPOSITORY}"


def _killed(one: Witness) -> bool:
    return one.verdict.is_bug and one.verdict.symptom is Symptom.OUT_OF_MEMORY


def _healthy(one: Witness) -> bool:
    return one.verdict.symptom is Symptom.OK


def _version(one: Witness) -> Version | None:
    try:
        return Version(str(one.target.get("datasets")))
    except InvalidVersion:
        return None


def _words(one: Witness) -> str:
    data, share = one.outcome.measures.get("data_bytes"), held(one.outcome.measures)
    size = "" if data is None else f" with {about(data)} of data"
    grown = "" if share is None else f", memory grew by {share:.2f} times the data"
    return f"datasets {one.target.get('datasets')}{size}: {one.verdict.symptom.value}{grown}"


def _whole_in_memory(evidence: Evidence) -> ClaimFinding:
    """Of the repository: killed in every release tried, in some, or in none; the 99 GB themselves are not tried."""
    bad, good = newest(evidence, REPOSITORY, _killed), newest(evidence, REPOSITORY, _healthy)
    if bad is None and good is None:
        return untested(RUN)
    if bad is None:
        assert good is not None
        return decide(False, _words(good), good)
    control = newest(evidence, "two-row-files", _healthy, lambda one: _version(one) == _version(bad))
    if good is None and control is None:
        return untested(f"repro run full-load --scenario two-row-files (so far: {_words(bad)})")
    seen = [one for one in (bad, good, control) if one is not None]
    text = "; ".join(f"{one.scenario}: {_words(one)}" for one in seen)
    return decide(False, f"not by its size alone: {text}", *seen, otherwise=ClaimVerdict.REFINED)


def _fetched(one: Witness) -> tuple[int, int]:
    """How many different files of the data the Hub sent whole, and how many there are."""
    seen = one.outcome.measures
    sent = {
        request["path"]
        for request in seen["hub"]["requests"]
        if request["endpoint"] == "resolve" and request["whole"] and request["path"].endswith(".parquet")
    }
    return len(sent), int(seen["files"])


def _all_before_the_first(evidence: Evidence) -> ClaimFinding:
    """Until loading has ended no row was read, so that all the Hub sent is what comes before the first one."""

    def complete(one: Witness) -> bool:
        seen = one.outcome.measures
        return "files" in seen and not seen.get("hub", {"omitted": 1})["omitted"] and (_killed(one) or _healthy(one))

    one = newest(evidence, REPOSITORY, complete)
    if one is None:
        return untested(RUN)
    sent, files = _fetched(one)
    text = f"datasets {one.target.get('datasets')}: the Hub sent {sent} of {files} files before the first row was read"
    return decide(sent == files, text, one)


CLAIMS = (
    Claim(
        "full-load-oom",
        "load_dataset(repo, split='train') takes the whole 99 GB into memory and is killed",
        SOURCE,
        _whole_in_memory,
    ),
    Claim("fetches-all", "load_dataset fetches every file before the first row", SOURCE, _all_before_the_first),
)
