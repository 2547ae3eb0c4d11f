"""Jobs on a real scheduler and two real workers, on the loopback interface: each once, whoever is killed meanwhile."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.processes import MEMORY, PRELOAD, Started
from repro.errors import EnvironmentFault, UserError
from repro.evidence.redact import Redactor
from repro.evidence.store import Store
from repro.recipes import arrow_cache
from repro.recipes import write_shards as recipe
from repro.run.cache import TrialCache
from repro.run.executors import executor
from repro.run.pool import Budget, Executor, Job, Pool
from repro.run.question import question
from repro.run.runner import Runner
from repro.run.shards import write_cache, write_shards
from repro.trial import caps
from tests.conftest import Fake, made_up_bug
from tests.recipes.shards import scans
from tests.run.test_interrupt import KIT
from tests.run.test_shards import content

pytest.importorskip("distributed", reason="Dask is not installed: make env EXTRA=dask")

ROOM = Budget(0, 0)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    begun = Started(tmp_path_factory.mktemp("dask"))
    with executor(begun.words) as where:
        while where.room(ROOM).slots < 4:
            time.sleep(0.1)
    yield begun
    begun.close()


@pytest.fixture
def fake(started: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """The same kit here as on the workers, but for the reports."""
    made = Fake(tmp_path, monkeypatch)
    monkeypatch.setenv("REPRO_BUGS", started.env["REPRO_BUGS"])
    return made


def ended(stop: threading.Event, number: int, seconds: float = 0.0) -> tuple[int, int, float, float]:
    """A job: its number, the process it ran in, when it began and when it ended."""
    began = time.time()
    while time.time() < began + seconds and not stop.is_set():
        time.sleep(0.01)
    return number, os.getpid(), began, time.time()


def says(folder: str, stop: threading.Event) -> None:
    """A job that says in files when it began and when it was told to end."""
    (Path(folder) / "began").touch()
    while not stop.wait(0) and not stop.is_set():
        time.sleep(0.01)
    (Path(folder) / "told").touch()


def fails(stop: threading.Event) -> None:
    raise UserError("this one fails: give another")


def jobs(count: int, seconds: float, memory: int | None = 0) -> list[Job[Any]]:
    return [Job(lambda: None, memory, partial(ended, number=number, seconds=seconds)) for number in range(count)]


def test_results_come_with_their_place_and_from_both_workers(started):
    with executor(started.words) as where:
        assert where.room(ROOM) == Budget(MEMORY, 4)
        found = dict(where.run(jobs(20, 0.1), where.room(ROOM), threading.Event()))
    assert {place: result[0] for place, result in found.items()} == {n: n for n in range(20)}
    assert len({result[1] for result in found.values()}) == 2


@pytest.mark.parametrize("memory", [600_000_000, None])
def test_a_worker_never_runs_more_than_its_memory_holds(memory, started):
    with executor(started.words) as where:
        found = dict(where.run(jobs(8, 0.2, memory), where.room(ROOM), threading.Event()))
    for worker in {pid for _, pid, _, _ in found.values()}:
        times = sorted((began, end) for _, pid, began, end in found.values() if pid == worker)
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(times))


def test_a_cap_that_no_worker_holds_is_refused(started):
    with executor(started.words) as where, pytest.raises(UserError, match="smaller --memory"):
        list(where.run(jobs(1, 0, MEMORY + 1), where.room(ROOM), threading.Event()))


def test_what_a_job_raises_ends_the_others_and_is_raised_here(started, tmp_path):
    work = [Job(lambda: None, 0, partial(says, str(tmp_path))), Job(lambda: None, 0, fails)]
    with executor(started.words) as where, pytest.raises(UserError, match="this one fails"):
        list(where.run(work, where.room(ROOM), threading.Event()))
    assert (tmp_path / "told").exists() or not (tmp_path / "began").exists()


def test_whoever_stops_listening_ends_what_runs(started, tmp_path):
    work = [*jobs(1, 0.5), Job(lambda: None, 0, partial(says, str(tmp_path)))]
    with executor(started.words) as where:
        running = where.run(work, where.room(ROOM), threading.Event())
        next(running)
        running.close()
        assert (tmp_path / "began").exists() and (tmp_path / "told").exists()


def marks(stop: threading.Event, log: Path, number: int) -> int:
    """A job that leaves a mark each time it begins."""
    with log.open("a") as file:
        file.write(f"{number}\n")
    return number


def test_what_arrived_is_not_run_again_and_what_is_lost_on_its_way_is(started, tmp_path):
    log = tmp_path / "log"
    work = [Job(lambda: None, 0, partial(marks, log=log, number=number)) for number in range(12)]
    with executor(started.words) as where:
        running = where.run(work, where.room(ROOM), threading.Event())
        first, _ = next(running)
        time.sleep(1.0)  # what was handed over has ended, and its results lie on the workers
        before = log.read_text().split()
        assert len(before) > 1, "nothing was on its way"
        for worker in started.workers():
            worker.kill()
        time.sleep(0.5)
        assert sorted([first, *(place for place, _ in running)]) == list(range(12))
        time.sleep(0.5)
    assert log.read_text().split().count(str(first)) == 1


BODY = "Path({log!r}).open('a').write('x')\ntime.sleep({seconds})\n" + (
    "say('measure', measures={{'seen': request['parameters']['rows']}})\nsay('done')\n"
)


def asked(started: Started, log: Path, seconds: float, race: bool = True) -> Any:
    """A question whose probe leaves a mark each time it runs."""
    folder = started.root / "bugs" / "made_up"
    if folder.exists():
        (folder / "probe.py").unlink()
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.rmdir()
    made_up_bug(started.root / "bugs", BODY.format(log=str(log), seconds=seconds), race=race)
    return question("made-up", target="tiny==1.0", memory="200MiB")


def runner(fake: Fake) -> Runner:
    return Runner(fake.root / "cache", Store(fake.reports, Redactor()))


def test_a_trial_comes_back_redacted_with_its_machine_and_is_found_again(started, fake, tmp_path):
    wanted = asked(started, tmp_path / "log", 0)
    with executor(started.words) as where:
        found = TrialCache(runner(fake), executor=where).run(wanted, 6).evidence
        again = TrialCache(runner(fake), executor=where).run(wanted, 6).evidence
    assert [one.outcome.measures for one in found] == [{"seen": 3}] * 6
    assert sorted(one.id for one in found) == sorted(one.id for one in again)
    assert (tmp_path / "log").read_text() == "x" * 6
    machines = {one.provenance["machine"]["id"] for one in found}
    assert len(machines) == 1 and len(machines.pop()) == 8
    text = "".join(path.read_text() for path in fake.kept)
    assert len(fake.kept) == 6 and str(Path.home()) not in text and os.uname().nodename not in text.split()
    assert {one.decided_by for one in found} == {runner(fake).key(wanted)}


def test_another_version_of_the_bug_on_a_worker_is_refused(started, fake, tmp_path, monkeypatch):
    wanted = asked(started, tmp_path / "log", 0)
    probe = started.root / "bugs" / "made_up" / "probe.py"
    cache = TrialCache(runner(fake))
    (job,) = [cache._job(wanted)]
    probe.write_text(probe.read_text() + "print('another one')\n")
    with executor(started.words) as where, pytest.raises(UserError, match="another version"):
        list(where.run([job], where.room(ROOM), threading.Event()))


def test_workers_that_are_killed_lose_only_what_they_ran(started, fake, tmp_path):
    wanted, chance, stop = asked(started, tmp_path / "log", 0.3), random.Random(17), threading.Event()
    killed: list[float] = []

    def assassin() -> None:
        while not stop.wait(chance.uniform(0.2, 1.5)) and len(killed) < 5:
            if started.kill_one(chance):
                killed.append(time.time())

    thread = threading.Thread(target=assassin)
    with executor(started.words) as where:
        thread.start()
        try:
            found = TrialCache(runner(fake), executor=where).run(wanted, 30).evidence
        finally:
            stop.set()
            thread.join()
    assert killed, "nobody was killed"
    assert [one.outcome.measures for one in found] == [{"seen": 3}] * 30
    assert len({one.id for one in found}) == len(fake.kept) == 30
    _nothing_runs(started)


def test_a_scheduler_that_is_killed_is_one_line_and_what_arrived_is_kept(fake, tmp_path, monkeypatch, caplog):
    own = Started(tmp_path / "own")
    monkeypatch.setattr(logging.getLogger("distributed.client"), "handlers", [caplog.handler])
    try:
        monkeypatch.setenv("REPRO_BUGS", own.env["REPRO_BUGS"])
        wanted = asked(own, tmp_path / "log", 0.2)
        steps: list[int] = []

        def step() -> None:
            steps.append(1)
            if len(steps) == 3:
                own.scheduler.send_signal(signal.SIGKILL)

        with executor(own.words) as where:
            with pytest.raises(EnvironmentFault, match="the scheduler is gone"):
                TrialCache(runner(fake), executor=where).run(wanted, 40, on_step=step)
            with pytest.raises(EnvironmentFault, match="the scheduler is gone"):
                where.room(ROOM)
        assert caplog.records == [], "tracebacks of the client"
        kept = len(fake.kept)
        assert 3 <= kept < 40
        _nothing_runs(own)
        found = TrialCache(runner(fake)).run(wanted, 40, Budget.of_machine(slots=4)).evidence
        assert len({one.id for one in found}) == len(fake.kept) == 40
    finally:
        own.close()


def _nothing_runs(started: Started) -> None:
    """No probe and no scratch folder is left; the guardian of a worker that was killed needs a moment."""
    patience = time.monotonic() + 60
    while left := [*(started.root / "tmp").glob("repro-*"), *_probes(started)]:
        assert time.monotonic() < patience, left
        time.sleep(0.1)


def _probes(started: Started) -> list[psutil.Process]:
    probe = str(started.root / "bugs")
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(word.startswith(probe) for word in process.cmdline()):
                found.append(process)
    return found


class Deadly:
    """An executor all of whose workers get SIGKILL once, while a file of ``pattern`` is being written in ``folder``."""

    def __init__(self, started: Started, where: Executor, folder: Path, pattern: str) -> None:
        self.started, self.where, self.folder, self.pattern = started, where, folder, pattern
        self.killed = 0

    def room(self, budget: Budget) -> Budget:
        return self.where.room(budget)

    def run(self, jobs: Any, budget: Budget, stop: threading.Event) -> Any:
        for found in self.where.run(jobs, budget, stop):
            patience = time.monotonic() + 100
            while not self.killed and not any(self.folder.glob(self.pattern)):
                assert time.monotonic() < patience, "nothing was being written"
            for worker in () if self.killed else self.started.workers():
                worker.kill()
                self.killed += 1
            yield found


def test_shards_are_the_same_bytes_as_of_one_call_though_all_workers_are_killed(started, tmp_path):
    (tmp_path / "files").mkdir()
    out, dataset = tmp_path / "out", scans(tmp_path / "files", [[4_000_000, n] for n in range(16)])
    wanted = recipe.write_shards(dataset, tmp_path / "wanted", num_shards=16, progress=False)
    with executor(started.words) as where:
        deadly = Deadly(started, where, out, ".*.tmp")
        assert write_shards(deadly, dataset, out, num_shards=16) == wanted
    assert deadly.killed
    assert content(out) == content(tmp_path / "wanted")


def slowly(part: int) -> Iterator[dict[str, Any]]:
    """The rows of a part of a cache."""
    for number in range(20):
        time.sleep(0.01)
        yield {"id": 20 * part + number, "data": bytes([number]) * 20_000}


def test_a_cache_is_the_same_bytes_though_all_workers_are_killed(started, tmp_path):
    features, sizes = {"id": "int64", "data": "bytes"}, {"budget": "1MB", "shard_size": "100kB"}
    wanted = write_cache(Pool(), slowly, features, tmp_path / "wanted", 8, key="a", **sizes)
    with executor(started.words) as where:
        deadly = Deadly(started, where, tmp_path / "out", "v-*/shard-*")
        made = write_cache(deadly, slowly, features, tmp_path / "out", 8, key="a", **sizes)
    assert deadly.killed and arrow_cache.validate(tmp_path / "out", deep=True) == made
    one, other = content(tmp_path / "wanted", wanted.version), content(tmp_path / "out", made.version)
    assert {name: data for name, data in other.items() if "shard-" in name} == {
        name: data for name, data in one.items() if "shard-" in name
    }


@pytest.mark.parametrize("whom", ["the kit", "all in its terminal"])
def test_ctrl_c_leaves_no_process_no_folder_and_no_cgroup(whom, tmp_path):
    pids, scratch, preload = tmp_path / "pids", tmp_path / "tmp", tmp_path / "preload.py"
    pids.mkdir()
    scratch.mkdir()
    preload.write_text(PRELOAD)
    made_up_bug(tmp_path / "bugs", f"(Path({str(pids)!r}) / str(os.getpid())).touch()\ntime.sleep(60)\n")
    folders = {"REPRO_BUGS": "bugs", "REPRO_REPORTS": "reports", "REPRO_CACHE": "cache", "TMPDIR": "tmp"}
    env = {**os.environ, **{name: str(tmp_path / folder) for name, folder in folders.items()}}
    root = Path(__file__).parents[2]
    kit = subprocess.Popen(
        [sys.executable, "-c", KIT, "--trials", "4", "--executor", "dask:2"],
        env=env | {"PYTHONPATH": str(root), "DASK_DISTRIBUTED__WORKER__PRELOAD": str(preload)},
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    patience = time.monotonic() + 100
    try:
        while len(list(pids.iterdir())) < 2:
            assert kit.poll() is None and time.monotonic() < patience, "no trial began"
            time.sleep(0.02)
        family = psutil.Process(kit.pid).children(recursive=True)
        (os.kill if whom == "the kit" else os.killpg)(kit.pid, signal.SIGINT)
        out, err = kit.communicate(timeout=100)
    finally:
        kit.kill()
    assert (kit.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "repro: interrupted; nothing is left running" and "Traceback" not in err
    assert psutil.wait_procs(family, 5)[1] == [], "Python's tracker of resources ends a moment after the others"
    assert [path for path in pids.iterdir() if psutil.pid_exists(int(path.name))] == []
    assert list(scratch.iterdir()) == []
    groups = [path for _, parent, _ in caps.candidates() for path in parent.glob(f"{caps.PREFIX}*")]
    assert [path for path in groups if path.name.split("-")[1] in {str(one.pid) for one in family}] == []


def test_nothing_listens_but_on_the_loopback_interface(started):
    with executor(started.words), executor("dask:1", 1):
        ours = [psutil.Process(os.getpid()), *psutil.Process(os.getpid()).children(recursive=True)]
        open_to = set()
        for process in ours:
            with contextlib.suppress(psutil.Error):
                open_to |= {c.laddr.ip for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert open_to == {"127.0.0.1"}
