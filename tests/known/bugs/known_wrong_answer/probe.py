"""Calls ``datasets.answer()`` of a made-up release once and reports what it gave."""

import json
import sys
from pathlib import Path

import datasets

request = json.loads(Path(sys.argv[1]).read_text("utf-8"))


def say(event: str, **fields: object) -> None:
    with Path(sys.argv[2]).open("a", encoding="utf-8") as events:
        events.write(json.dumps({"event": event, "t": 0.0, **fields}) + "\n")


say("started", python=sys.version.split()[0], versions={"datasets": datasets.__version__}, files={})
got = datasets.answer() if request["scenario"] == "call" else datasets.plain()
say("measure", measures={"answer": got})
say("done")
