"""What all tests share: Hypothesis without deadlines, one cache of environments, and a bug made up for a test."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import settings

from repro import cli, targets
from repro.evidence.redact import Redactor
from repro.evidence.store import Store
from repro.lab import Lab
from repro.model import Request, TargetInfo, Unsolvable
from repro.run.runner import Runner
from repro.trial.supervise import TOOLS

# A loaded machine must not make a test fail: no example is too slow, and the seed is printed on failure.
settings.register_profile("kit", deadline=None, print_blob=True)
settings.load_profile("kit")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a shell: what tests start would too
    signal.signal(signal.SIGINT, signal.default_int_handler)

BUG = """
from pathlib import Path
from repro.errors import UserError
from repro.bugs.declaration import *
from repro.model import *

def prepare(scenario, parameters, cache):
    if parameters["rows"] > 100:
        raise UserError("rows=101 is too much: give rows=100 or less")
    return Prepared({{"rows": parameters["rows"]}}, {{"wanted": parameters["rows"]}}, {{"rows": parameters["rows"]}})

def judge(scenario, outcome, expected):
    assert outcome.symptom.informative, "what says nothing of the bug is not for its oracle"
    if outcome.symptom is not Symptom.OK:
        return Verdict(outcome.symptom, outcome.symptom is Symptom.OUT_OF_MEMORY, outcome.detail)
    seen = outcome.measures.get("seen", expected["wanted"])
    if seen > expected["wanted"]:
        return Verdict(Symptom.EXCESS_READ, True, f"read {{seen}}")
    if seen < expected["wanted"]:
        return Verdict(Symptom.WRONG_OUTPUT, False, f"read {{seen}}")
    return Verdict(Symptom.OK, False, f"read {{seen}}")

BUG = Bug(
    slug="made-up", title="Made up for a test", summary="It does what the test says.",
    links={{"report": "https://example.org/1"}},
    scenarios=(Scenario("plain", "the usual"), Scenario("other", "a control", control=True)),
    fixes=(NO_FIX,),
    parameters=(
        Parameter("rows", "int", 3, "rows"), Parameter("size", "size", 1024, "bytes"),
        Parameter("share", "float", 0.5, "a share"), Parameter("fast", "bool", False, "whether fast"),
        Parameter("name", "str", "x", "a name"), Parameter("kind", ("dense", "sparse"), "dense", "which"),
    ),
    prepare=prepare, oracle=judge, folder=Path(__file__).parent, default_scenario="plain",
    default_target="tiny==1.0", default_limits=Limits({memory}, 20.0, 5.0), needs=(), race={race},
)
"""
PRELUDE = """
import json, os, signal, sys, time
from pathlib import Path
request = json.loads(Path(sys.argv[1]).read_text())
_fd = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def say(event, **more):
    os.write(_fd, (json.dumps({"event": event, "t": 0.0, **more}) + "\\n").encode())
"""
STARTED = 'say("started", versions={})\n'
HEALTHY = """
if request["scenario"] == "other":
    say('started', versions={})
    say('measure', measures={'seen': request['parameters']['rows']})
    say('done')
    sys.exit()
"""


def made_up_bug(
    parent: Path,
    body: str,
    *,
    memory: int | None = None,
    started: bool = True,
    minimal: str = "",
    control: str = HEALTHY,
    race: bool = False,
) -> Path:
    """A bug folder ``made_up`` below ``parent`` whose probe runs ``body`` (with ``request`` and ``say`` at hand).

    Its control is healthy; with ``control=""`` that runs ``body`` too.
    """
    folder = parent / "made_up"
    folder.mkdir(parents=True)
    (folder / "bug.py").write_text(BUG.format(memory=memory, race=race))
    (folder / "probe.py").write_text(PRELUDE + control + STARTED * started + textwrap.dedent(body))
    (folder / "minimal.py").write_text(minimal or "print('nothing to see')\n")
    return folder


def alone(probe: Path, folder: Path) -> Path:
    """The probe in a folder that holds it, its neighbours and the tools: what it needs to run without the kit."""
    for file in (TOOLS, *probe.parent.glob("*.py")):
        shutil.copy(file, folder)
    return folder / probe.name


def said_by(probe: Path, request: Request, folder: Path) -> list[dict[str, Any]]:
    """The events of a probe that runs without the kit, with the packages of the tests, until it has said the last one.

    How its process ends after that is no business of the caller: at times datasets 5.2.0 aborts or hangs as it exits.
    """
    (folder / "request.json").write_text(json.dumps(request.to_json()))
    events = folder / "events.jsonl"
    events.write_text("")
    command = [sys.executable, str(alone(probe, folder)), str(folder / "request.json"), str(events)]
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(command, stdout=stderr, stderr=stderr)
        deadline = time.monotonic() + 240
        while not _ended(events) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
        process.wait()
    assert _ended(events), (folder / "stderr").read_text(errors="replace")
    return [json.loads(line) for line in events.read_text().splitlines()]


def _ended(events: Path) -> bool:
    return any(f'"event": "{last}"' in events.read_text() for last in ("done", "unsupported"))


def here(spec: str = "tiny==1.0") -> TargetInfo:
    """The interpreter of the tests, as if it were a resolved environment."""
    return TargetInfo(spec, Path(sys.executable), sys.version.split()[0], {"tiny": "1.0"}, "key")


class Fake:
    """A kit with one made-up bug, whose targets are all the interpreter of the tests."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (root / "bugs").mkdir()
        self.root, self.reports, self._monkeypatch = root, root / "reports", monkeypatch
        self.asked: list[tuple[str, dict[str, Any]]] = []
        monkeypatch.setenv("REPRO_BUGS", str(root / "bugs"))
        monkeypatch.setenv("REPRO_REPORTS", str(self.reports))
        monkeypatch.setenv("REPRO_CACHE", str(root / "cache"))
        monkeypatch.setattr(targets, "provision", self._provision)
        monkeypatch.setattr(targets, "environment_text", lambda target: f"- Python version: {target.python_version}")
        self.answer: Callable[[str], TargetInfo | Unsolvable] = here

    def _provision(self, spec: targets.Spec, **how: Any) -> TargetInfo | Unsolvable:
        self.asked.append((str(spec), how))
        return self.answer(str(spec))

    def bug(self, body: str, **options: Any) -> Path:
        return made_up_bug(self.root / "bugs", body, **options)

    @property
    def runner(self) -> Runner:
        return Runner(self.root / "cache", Store(self.reports, Redactor()))

    @property
    def lab(self) -> Lab:
        return Lab(reports=self.reports, cache=self.root / "cache")

    @property
    def kept(self) -> list[Path]:
        """The evidence files."""
        return sorted((self.reports / "evidence").glob("*/*.json"))


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    return Fake(tmp_path, monkeypatch)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: the longest must not begin when the other workers have nothing left to do."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments and inputs for the whole session, of all its workers: the kit's own locks guard them.

    REPRO_CACHE if it is set, so that a second session is warm.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = Path(os.environ.get("REPRO_CACHE") or shared / "cache")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Said(NamedTuple):
    status: int
    out: str
    err: str


Kit = Callable[..., Said]


@pytest.fixture
def kit(capsys: pytest.CaptureFixture[str]) -> Kit:
    """``kit("run", …)``: the command in this process."""

    def call(*words: str) -> Said:
        with pytest.raises(SystemExit) as ended:
            cli.main(list(words))
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return call
