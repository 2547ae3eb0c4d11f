"""One worker process in a target environment: started when it is needed, watched, and replaced when it is gone."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from repro.errors import EnvironmentFault
from repro.hub.child import Child
from repro.hunt.script import NAMES
from repro.model import Limits, Outcome, Request, TargetInfo
from repro.trial.leftovers import TOKEN_VARIABLE
from repro.trial.scratch import KIT_TOKEN, scratch_folder
from repro.trial.supervise import Interrupted, supervise

WORKER = Path(__file__).with_name("worker.py")
START_S, ANSWER_S = 300.0, 300.0
MEMORY = 2 << 30
LIFE = 2_000
"""Programs until a worker is replaced, so that what one leaves behind does not add up."""
DAY_S = 86_400.0


class Gone(Exception):
    """The worker ended, or gave no answer in time. ``outcome`` says how it ended, if the supervisor saw it."""

    def __init__(self, outcome: Outcome | None, why: str) -> None:
        super().__init__(why)
        self.outcome = outcome


class Worker:
    """A supervised process that runs programs; see ``worker.py`` for what goes over the socket."""

    def __init__(self, target: TargetInfo, scratch: Path, hub: Mapping[str, str], coverage: bool) -> None:
        self.stop, self.programs = threading.Event(), 0
        self._outcome: Outcome | None = None
        address = scratch / "s"
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(str(address))
            door.listen(1)
            door.settimeout(1.0)
            inputs = {"socket": str(address), "coverage": coverage, "names": NAMES}
            request = Request("hunt", "worker", "none", None, {}, inputs, "")
            limits = Limits(MEMORY, DAY_S, 5.0)
            self._thread = threading.Thread(
                target=self._watch, args=(request, target, limits, scratch, hub), daemon=True
            )
            self._thread.start()
            self._link = self._accepted(door)
        self._link.settimeout(ANSWER_S)
        self._file = self._link.makefile("r", encoding="utf-8")

    def _watch(
        self, request: Request, target: TargetInfo, limits: Limits, scratch: Path, hub: Mapping[str, str]
    ) -> None:
        with contextlib.suppress(Interrupted):
            self._outcome = supervise(
                request, target.python, WORKER, limits, scratch=scratch, stop=self.stop, environment=hub
            )

    def _accepted(self, door: socket.socket) -> socket.socket:
        for _ in range(int(START_S)):
            with contextlib.suppress(TimeoutError):
                return door.accept()[0]
            if not self._thread.is_alive():
                break
        self.close()
        said = self._outcome.stderr_tail.strip().splitlines()[-1:] if self._outcome else ["it did not start in time"]
        raise EnvironmentFault(f"the programs cannot run there: {' '.join(said)}")

    def ask(self, new: bool, lines: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """What came out of each statement. Raises Gone."""
        self.programs += new
        return self._asked({"new": new, "lines": list(lines)})

    def covered(self) -> dict[str, float]:
        """The share of the lines of some modules of datasets that was run so far."""
        (found,) = self._asked({"covered": True})
        return found

    def _asked(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        try:
            self._link.sendall((json.dumps(request) + "\n").encode())
            text = self._file.readline()
        except TimeoutError:
            self.close()
            raise Gone(None, "hang") from None
        except OSError:
            text = ""
        if not text:
            self._thread.join(30.0)
            raise Gone(self._outcome, "crash")
        found: list[dict[str, Any]] = json.loads(text)
        return found

    def close(self) -> None:
        """Ends the process and all that it started."""
        self.stop.set()
        self._thread.join()
        with contextlib.suppress(AttributeError, OSError):
            self._file.close()
            self._link.close()


class Session:
    """Asks the worker of one target, and starts another one where the last has ended or has grown old."""

    def __init__(self, target: TargetInfo, coverage: bool = False) -> None:
        self.target, self.coverage, self.programs, self.cpu_s = target, coverage, 0, 0.0
        self._worker: Worker | None = None
        self._held = contextlib.ExitStack()

    def ask(self, new: bool, lines: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        if new:
            self.programs += 1
            if self._worker is not None and self._worker.programs >= LIFE:
                self.close()
        if self._worker is None:
            scratch, folder = (self._held.enter_context(scratch_folder()) for _ in range(2))
            mark = {TOKEN_VARIABLE: f"{KIT_TOKEN}-hub"}
            hub = self._held.enter_context(contextlib.closing(Child(folder, (), mark)))
            self._worker = Worker(self.target, scratch, hub.environment, self.coverage)
        try:
            answers = self._worker.ask(new, lines)
            self.cpu_s += sum(one["cpu_s"] for one in answers)
            return answers
        except Gone:
            self.close()
            raise

    def covered(self) -> dict[str, float]:
        """What the worker that runs now has covered."""
        return self._worker.covered() if self._worker is not None else {}

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None
        self._held.close()


@contextlib.contextmanager
def session(target: TargetInfo, coverage: bool = False) -> Iterator[Session]:
    """A session that leaves nothing running, whatever happens. With ``coverage`` the target must hold that package."""
    made = Session(target, coverage)
    try:
        yield made
    finally:
        made.close()
