"""What supervision costs: the same fixed work as a bare child process and as a supervised trial, in turns.

``python benchmarks/supervision.py [--pairs 5]``. The supervised time is all of it: scratch folder, memory cap, samples
every 20 ms, the search for survivors and the removal of everything.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from measure import Row, seconds, table, timed

from repro.model import Limits, Outcome, Request, Symptom
from repro.trial.supervise import scratch_folder, supervise

PAIRS = 5
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


def run(pairs: int = PAIRS) -> list[Row]:
    """As many pairs, in alternating order; the ratio is taken pair by pair."""
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.py"
        probe.write_text(PROBE)
        supervised(probe, 1)  # the first trial also finds out what the machine offers
        rounds = max(1, round(100 * CHILD_S / timed(lambda: bare(probe, 100))))
        times: list[tuple[float, float]] = []
        for turn in range(pairs):
            if turn % 2:
                watched = timed(lambda: supervised(probe, rounds))
                times.append((timed(lambda: bare(probe, rounds)), watched))
            else:
                alone = timed(lambda: bare(probe, rounds))
                times.append((alone, timed(lambda: supervised(probe, rounds))))
    over = sorted(watched / alone - 1 for alone, watched in times)
    spread = f"{median(over):+.1%} ({over[0]:+.1%} to {over[-1]:+.1%}, {pairs} pairs)"
    return [
        Row("bare child", seconds([alone for alone, _ in times])),
        Row("supervised child", seconds([watched for _, watched in times])),
        Row("supervised over bare", spread, f"≤ +{AIM:.0%}", median(over) <= AIM),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    print(table(run(parser.parse_args().pairs), "Supervision"))


if __name__ == "__main__":
    main()
