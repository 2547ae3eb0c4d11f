"""What an environment says of itself, in the words that the issue templates ask for."""

from __future__ import annotations

import platform
from contextlib import suppress

from repro.errors import EnvironmentFault
from repro.model import TargetInfo
from repro.targets import tools

TIMEOUT_S = 60.0


def environment_text(target: TargetInfo) -> str:
    """The lines that ``datasets-cli env`` prints in the target; without datasets, the same kind of list."""
    command = target.python.parent / "datasets-cli"
    if command.exists():
        said = ""
        with suppress(EnvironmentFault):
            said = tools.run([command, "env"], timeout_s=TIMEOUT_S).stdout
        lines = [line for line in said.splitlines() if line.startswith("- ")]
        if lines:
            return "\n".join(lines)
    named = [
        f"- {name} version: {version}" for name, version in target.summary().items() if name not in {"spec", "python"}
    ]
    return "\n".join([*named, f"- Platform: {platform.platform()}", f"- Python version: {target.python_version}"])
