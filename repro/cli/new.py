"""``repro new``: the folder of a new bug."""

from __future__ import annotations

import click

from repro.cli import options


@click.command("new")
@click.argument("name")
@click.option("--from", "origin", metavar="SCRIPT", help="A script that 'repro run' has seen failing.")
@options.memory
@options.timeout
def command(name: str, origin: str | None, memory: str | None, timeout: str | None) -> int:
    """Make the folder of a bug NAME, ready to be run and to be edited.

    Without --from an empty, working one. It goes into the first folder of REPRO_BUGS, else into the kit's checkout.

    \b
    Example:
      repro new my-bug
      repro run ./crash.py && repro new crash-at-cast --from ./crash.py
    """
    from repro.bugs import new
    from repro.units import parse_duration, parse_size

    cap = None if memory in (None, "none") else parse_size(str(memory))
    folder = new.make(name, origin, cap, None if timeout is None else parse_duration(timeout))
    files = ", ".join(sorted(path.name for path in folder.glob("*.py")))
    options.echo(f"made {folder}: {files}\nnext: repro run {name}; then edit bug.py, as docs/add-a-bug.md says")
    return 0
