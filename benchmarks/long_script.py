"""Resume training from a checkpoint: a script of the size that people have (the input of ``benchmarks/shrink.py``)."""

import argparse
import dataclasses
import hashlib
import json
import logging
import os
import random
import tempfile
from pathlib import Path
from typing import Any

from datasets import Dataset, IterableDataset

logging.basicConfig(level=os.environ.get("LOG_LEVEL", "WARNING"))
log = logging.getLogger("train")


@dataclasses.dataclass
class Settings:
    subjects: int = 10
    shards: int = 3
    seed: int = 7
    steps_before_stop: int = 1
    threshold: float = -1.0
    checkpoint: str = "checkpoint.json"


def read_settings(arguments: list[str]) -> Settings:
    parser = argparse.ArgumentParser(description=__doc__)
    for field in dataclasses.fields(Settings):
        name = "--" + field.name.replace("_", "-")
        parser.add_argument(name, type=type(field.default), default=field.default)
    return Settings(**vars(parser.parse_args(arguments)))


class Stopwatch:
    def __init__(self) -> None:
        self.laps: dict[str, int] = {}

    def lap(self, name: str) -> None:
        self.laps[name] = self.laps.get(name, 0) + 1
        log.debug("%s: %d", name, self.laps[name])


def intensity(subject: int, seed: int) -> float:
    return random.Random(seed * 1000 + subject).random()


def make_rows(settings: Settings) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = {"subject": [], "session": [], "intensity": []}
    for subject in range(settings.subjects):
        rows["subject"].append(subject)
        rows["session"].append(f"ses-{subject % 2 + 1:02d}")
        rows["intensity"].append(intensity(subject, settings.seed))
    return rows


def fingerprint(rows: dict[str, list[Any]]) -> str:
    text = json.dumps(rows, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def build(settings: Settings, watch: Stopwatch) -> IterableDataset:
    rows = make_rows(settings)
    log.info("made %d rows, %s", len(rows["subject"]), fingerprint(rows))
    watch.lap("built")
    whole = Dataset.from_dict(rows)
    stream = whole.to_iterable_dataset(num_shards=settings.shards)
    return stream.filter(lambda row: row["intensity"] > settings.threshold)


def save(state: dict[str, Any], path: Path) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(state))
    part.replace(path)


def restore(path: Path) -> Any:
    return json.loads(path.read_text())


def train(stream: IterableDataset, steps: int, watch: Stopwatch) -> list[int]:
    seen = []
    for row in stream:
        watch.lap("step")
        seen.append(row["subject"])
        if steps and len(seen) == steps:
            break
    return seen


def main() -> None:
    settings, watch = read_settings([]), Stopwatch()
    stream = build(settings, watch)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / settings.checkpoint
        before = train(stream, settings.steps_before_stop, watch)
        save(stream.state_dict(), checkpoint)
        log.info("stopped after %s", before)

        again = build(settings, watch)
        again.load_state_dict(restore(checkpoint))
        after = train(again, 0, watch)
        log.info("went on with %s", after)

    missing = sorted(set(range(settings.subjects)) - set(before) - set(after))
    report = {
        "before": len(before),
        "after": len(after),
        "laps": watch.laps,
        "missing": missing,
    }
    print(json.dumps(report, indent=1))
    assert not missing, f"rows lost at the checkpoint: {missing}"


if __name__ == "__main__":
    main()
