"""What became of a script that was shrunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from repro.model import Status
from repro.run.result import Run
from repro.studies.shrink import Shrunk
from repro.units import format_duration


@dataclass(frozen=True, slots=True)
class ShownShrink:
    """The whole script, what is left of it at ``path``, and the run that shows that this still fails."""

    path: str
    whole: str
    shrunk: Shrunk
    again: Run

    @property
    def believed(self) -> bool:
        return self.again.status is Status.PRESENT

    def to_json(self) -> dict[str, Any]:
        return {
            "output": self.path,
            "lines_before": _lines(self.whole),
            "lines": _lines(self.shrunk.text),
            "candidates": self.shrunk.candidates,
            "trials": self.shrunk.trials,
            "seconds": round(self.shrunk.seconds, 1),
            "finished": self.shrunk.finished,
            "text": self.shrunk.text,
            "again": self.again.to_json(),
        }

    def __repr__(self) -> str:
        found = self.shrunk
        said = [
            f"{_lines(self.whole)} lines became {_lines(found.text)} in {format_duration(round(found.seconds))}: "
            f"{found.candidates} candidates, {found.trials} runs",
            f"run again: {self.again.status.value.upper()} ({self.again.reason})",
            *([] if found.finished else ["Not finished: type it again to go on from here, or with a longer --time."]),
            f"written to {self.path}",
        ]
        return "\n".join([found.text.rstrip(), "", *said])

    def _repr_markdown_(self) -> str:
        *_, said = repr(self).rpartition("\n\n")
        return f"```python\n{self.shrunk.text.rstrip()}\n```\n\n{said.replace(chr(10), '  ' + chr(10))}"


def _lines(text: str) -> int:
    """Lines with something on them."""
    return sum(bool(line.strip()) for line in text.splitlines())
