"""What supervision costs: the same fixed work as a bare child process and as a supervised trial, in turns.

``python benchmarks/supervision.py [--turns 5]``. The supervised time is all of it: scratch folder, memory cap, samples
every 20 ms, the search for survivors and the removal of everything.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

from measure import Row, seconds, table, timed

from repro.model import Limits, Outcome, Request, Symptom
from repro.trial.supervise import scratch_folder, supervise

TURNS = 5
CHILD_S = 10.0
AIM = 0.03
# Half of it computes (and so competes with the samples for the processor's caches), half of it allocates.
PROBE = """
import json, os, sys, time
file = open(sys.argv[2], "a", buffering=1)
say = lambda event, **more: file.write(json.dumps({"event": event, "t": 0.0, **more}) + "\\n")
say("started", versions={})
rounds = json.load(open(sys.argv[1]))["parameters"]["rounds"]
for _ in range(rounds):
    total = sum(i * i for i in range(100_000))
    data = [bytearray(1 << 20) for _ in range(8)]
say("done")
"""


def request(rounds: int, scratch: Path) -> Request:
    return Request("benchmark", "work", "none", None, {"rounds": rounds}, {}, str(scratch))


def bare(probe: Path, rounds: int) -> None:
    """The same command without anything around it."""
    import json

    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder) / "REQUEST.json"
        asked.write_text(json.dumps(request(rounds, Path(folder)).to_json()))
        subprocess.run([sys.executable, probe, asked, Path(folder) / "EVENTS.jsonl"], check=True)


def supervised(probe: Path, rounds: int) -> Outcome:
    limits = Limits(memory_bytes=1 << 30, timeout_s=600.0, grace_s=60.0)
    with scratch_folder() as scratch:
        outcome = supervise(request(rounds, scratch), sys.executable, probe, limits, scratch=scratch)
    if outcome.symptom is not Symptom.OK:
        raise RuntimeError(f"the child failed: {outcome.detail}")
    return outcome


def run(turns: int = TURNS) -> list[Row]:
    """As many turns; in each the bare child runs twice (an A/A control: what the machine's noise alone gives)."""
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.py"
        probe.write_text(PROBE)
        supervised(probe, 1)  # the first trial also finds out what the machine offers
        fixed = [timed(lambda: supervised(probe, 0)) - timed(lambda: bare(probe, 0)) for _ in range(10)]
        rounds = max(1, round(100 * CHILD_S / timed(lambda: bare(probe, 100))))
        ways = {"alone": bare, "again": bare, "watched": supervised}
        times: dict[str, list[float]] = {name: [] for name in ways}
        own = 0.0
        for turn in range(turns):
            names = list(ways)
            for name in names[turn % 3 :] + names[: turn % 3]:
                before = time.process_time()
                times[name].append(timed(partial(ways[name], probe, rounds)))
                own += time.process_time() - before if name == "watched" else 0.0
    over = [watched / alone - 1 for alone, watched in zip(times["alone"], times["watched"], strict=True)]
    noise = [again / alone - 1 for alone, again in zip(times["alone"], times["again"], strict=True)]
    share = own / sum(times["watched"])
    return [
        Row("bare child", seconds(times["alone"])),
        Row("supervised child", seconds(times["watched"])),
        Row("supervised over bare", _spread(over), f"≤ +{AIM:.0%}", median(over) <= AIM),
        Row("bare over bare (control)", _spread(noise)),
        Row("the supervisor's own processor time", f"{share:.2%} of the child's wall time"),
        Row("added to a child that ends at once", seconds(fixed)),
    ]


def _spread(ratios: list[float]) -> str:
    return f"{median(ratios):+.1%} ({min(ratios):+.1%} to {max(ratios):+.1%}, n {len(ratios)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=TURNS)
    print(table(run(parser.parse_args().turns), "Supervision"))


if __name__ == "__main__":
    main()
