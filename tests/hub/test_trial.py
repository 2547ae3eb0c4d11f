"""A Hub as an input of a trial: whose it is, what the evidence keeps of it, and that nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from repro.evidence.record import Evidence
from repro.hub.record import Record
from repro.model import Symptom
from repro.run.hub import MEASURE
from repro.run.question import question
from repro.trial.leftovers import PREFIX
from tests.conftest import Fake

ASK = """
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    def ask(path):
        there = Request(os.environ["HF_ENDPOINT"] + path, headers={"Authorization": "Bearer " + os.environ["HF_TOKEN"]})
        try:
            return urlopen(there).status
        except HTTPError as error:
            return error.code
"""


def with_hub(fake: Fake, body: str, *faults: str) -> Any:
    """A question about a bug whose probe runs ``body`` with ``ask(path)`` and a Hub."""
    folder = fake.bug(textwrap.dedent(ASK) + textwrap.dedent(body))
    declared = (folder / "bug.py").read_text().replace("needs=(),", "needs=(), hub=True,")
    declared = declared.replace('"the usual"', f'"the usual", faults={faults!r}')
    (folder / "bug.py").write_text(declared)
    return question("made-up")


def run(fake: Fake, body: str, *faults: str) -> Evidence:
    return fake.runner.trial(with_hub(fake, body, *faults))


def hubs(start: str) -> list[int]:
    """The Hubs whose folder begins so."""
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            if "repro.hub" in command and command[command.index("repro.hub") + 1].startswith(start):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    yield
    assert not hubs(f"{tempfile.gettempdir()}/{PREFIX}{os.getpid()}-")


SEEN = """
    say("measure", measures={"status": ask("/api/whoami-v2"), "environment": dict(os.environ)})
    say("done")
"""


def test_the_probe_is_told_of_its_own_hub_and_the_evidence_holds_what_it_saw(fake: Fake) -> None:
    evidence = run(fake, SEEN)
    environment = evidence.outcome.measures["environment"]
    assert evidence.outcome.measures["status"] == 200
    assert environment["HF_ENDPOINT"].startswith("http://127.0.0.1:")
    assert (environment["HF_HUB_DISABLE_XET"], environment["HF_HUB_OFFLINE"]) == ("1", "0")
    kept = fake.runner.store.load(evidence.path).outcome.measures[MEASURE]  # type: ignore[arg-type]
    assert [one.endpoint for one in Record.from_json(kept).requests] == ["whoami"]
    assert evidence.outcome.survivors == 0


def test_a_bug_without_a_hub_stays_offline(fake: Fake) -> None:
    fake.bug('say("measure", measures={"environment": dict(os.environ)})\nsay("done")')
    outcome = fake.runner.trial(question("made-up")).outcome
    assert outcome.measures["environment"]["HF_HUB_OFFLINE"] == "1"
    assert "HF_ENDPOINT" not in outcome.measures["environment"]
    assert MEASURE not in outcome.measures


def test_a_scenario_can_have_a_hub_where_the_bug_has_none(fake: Fake) -> None:
    folder = fake.bug(textwrap.dedent(ASK) + textwrap.dedent(SEEN))
    without = fake.runner.key(question("made-up"))
    declared = (folder / "bug.py").read_text()
    (folder / "bug.py").write_text(declared.replace('"the usual"', '"the usual", hub=True'))
    assert fake.runner.trial(question("made-up")).outcome.measures["status"] == 200
    assert fake.runner.key(question("made-up")).partition("-")[0] != without.partition("-")[0]


def test_a_scenario_has_its_faults(fake: Fake) -> None:
    outcome = run(fake, SEEN, "whoami:503").outcome
    assert outcome.measures["status"] == 503
    assert outcome.measures[MEASURE]["requests"][0]["fault"] == "whoami:503"


def test_the_faults_and_the_hub_itself_decide_a_trial(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = with_hub(fake, SEEN)
    keys = [fake.runner.key(asked)]
    file = fake.root / "bugs/made_up/bug.py"
    file.write_text(file.read_text().replace("faults=()", "faults=('whoami:503',)"))
    keys.append(fake.runner.key(question("made-up")))
    file.write_text(file.read_text().replace("hub=True, ", ""))
    keys.append(fake.runner.key(question("made-up")))
    assert len(set(keys)) == 3
    with_and_without = [key.partition("-")[0] for key in keys]
    assert with_and_without[0] == with_and_without[1] != with_and_without[2]


def test_the_memory_of_the_hub_is_not_the_probes(fake: Fake) -> None:
    outcome = run(fake, 'ask("/api/whoami-v2"); time.sleep(0.3); say("done")').outcome
    assert max(sample.processes for sample in outcome.timeline) == 1


def test_a_hub_that_is_killed_is_a_fault_of_the_kit(fake: Fake) -> None:
    body = """
    import subprocess
    for pid in subprocess.run(["pgrep", "-f", "repro.hub"], capture_output=True, text=True).stdout.split():
        if f"{os.environ['REPRO_TRIAL_TOKEN'].rpartition('-')[0]}-hub" in open(f"/proc/{pid}/environ").read():
            os.kill(int(pid), 9)
    say("done")
    """
    if not Path("/proc/self/environ").exists():
        pytest.skip("needs /proc to find the Hub")
    outcome = run(fake, body).outcome
    assert (outcome.symptom, MEASURE in outcome.measures) == (Symptom.KIT_FAULT, False)


@pytest.mark.parametrize("body", ["os.kill(os.getpid(), 9)", "os._exit(3)", "raise SystemExit(1)"])
def test_the_hub_goes_with_its_trial_however_that_ends(fake: Fake, body: str) -> None:
    outcome = run(fake, f'ask("/api/whoami-v2"); {body}').outcome
    assert [one["endpoint"] for one in outcome.measures[MEASURE]["requests"]] == ["whoami"]


def test_nothing_stays_of_a_kit_that_was_killed(fake: Fake, tmp_path: Path) -> None:
    with_hub(fake, 'ask("/api/whoami-v2"); Path(os.environ["HOME"], "ready").touch(); time.sleep(600)')
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    code = """if True:
        from tests.conftest import *
        from repro.run.question import question
        targets.provision = lambda spec, **how: here(str(spec))
        Runner(Path(sys.argv[1]) / "cache", Store(Path(sys.argv[1]) / "reports", Redactor())).trial(question("made-up"))
    """
    environment = {**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen([sys.executable, "-c", code, str(fake.root)], env=environment, start_new_session=True)
    try:
        wait_for(lambda: any(scratch.glob("*/ready")) or process.poll() is not None)
        assert process.poll() is None
        assert len(hubs(str(scratch))) == 1
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_for(lambda: not hubs(str(scratch)) and not any(scratch.iterdir()))
    finally:
        process.kill()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
