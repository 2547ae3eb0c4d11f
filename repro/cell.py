"""``%load_ext repro``: the code of a cell as a failing script, run supervised and never in the kernel."""

from __future__ import annotations

import contextlib
import hashlib
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from IPython.core.error import UsageError

from repro import places
from repro.cli import cli, options
from repro.errors import UserError
from repro.lab import Lab
from repro.render.stacks import trimmed

ON_A_SCRIPT = ("bisect", "matrix", "compare", "issue", "shrink", "run")


@click.command("%%repro", add_help_option=False)
@options.target
@options.memory
@options.timeout
@options.trials
@options.wrong_if
@click.option("--save", metavar="FILE", help="Keep the code as this file, for 'repro run FILE'.")
@click.option("--help", "wanted", is_flag=True)
def cell_options(**given: Any) -> dict[str, Any]:
    """Run the code of this cell in an environment of its own, under limits.

    Example: %%repro --target "datasets==5.0.0" --memory 1GiB --timeout 60s
    """
    return given


class Magics:
    """``%%repro`` runs its cell; ``%repro bisect --axis datasets`` asks more of the last one."""

    def __init__(self) -> None:
        self.last = ""

    def run_cell(self, line: str, cell: str) -> None:
        """Runs the cell as a script of its own; shows status, who ended it, peak, memory curve, exception, stacks."""
        with _plainly():
            given = _read(line)
            if given.pop("wanted"):
                print(cell_options.get_help(click.Context(cell_options, info_name="%%repro")))
                return
            self.last = _keep(cell, given.pop("save"))
            lab = Lab(given["target"], given["memory"], given["timeout"], reuse=False)
            lab.scripts.look_at(self.last, wrong_if=given["wrong_if"], say=print)
            run = lab.run(self.last, trials=given["trials"])
            outcome = run.worst.outcome
            if not run.worst.verdict.symptom.healthy:
                print(trimmed(outcome.stacks) if outcome.stacks else repr(lab.last_words(run)))

    def ask(self, line: str) -> None:
        """A command of the kit, on the last cell: ``%repro bisect --axis datasets``, ``%repro issue --run``."""
        words = shlex.split(line)
        with _plainly():
            if not words or words[0] not in ON_A_SCRIPT:
                raise UserError(f"%repro takes one of {', '.join(ON_A_SCRIPT)}, as '%repro bisect --axis datasets'")
            if not self.last:
                raise UserError("no cell was run yet: put %%repro on top of the one that fails, and run it")
            cli.main([words[0], self.last, *words[1:]], prog_name="repro", standalone_mode=False)


def load(shell: Any) -> None:
    """Registers the magics with IPython."""
    magics = Magics()
    shell.register_magic_function(magics.run_cell, "cell", "repro")
    shell.register_magic_function(magics.ask, "line", "repro")


def _read(line: str) -> dict[str, Any]:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UserError(f"%%repro {line}: {error}: close the quote") from error
    found = cell_options.main(words, prog_name="%%repro", standalone_mode=False)
    return dict(found)


def _keep(cell: str, save: str | None) -> str:
    """The path of the file that holds the code: the one named, or one in the cache that is called by its content."""
    if save and not save.endswith(".py"):
        raise UserError(f"--save {save}: name a .py file")
    path = places.cache() / "scripts" / "cells" / f"cell_{hashlib.sha256(cell.encode()).hexdigest()[:8]}.py"
    home = Path.home()
    typed = save or (f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path))
    path = Path(typed).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(cell, encoding="utf-8")
    return typed


@contextlib.contextmanager
def _plainly() -> Iterator[None]:
    """A foreseeable mistake is one line below the cell, not a traceback; progress does not look like an error."""
    try:
        with contextlib.redirect_stderr(sys.stdout):
            yield
    except UserError as error:
        raise UsageError(str(error)) from None
    except click.ClickException as error:
        raise UsageError(error.format_message()) from None
    except (KeyboardInterrupt, click.Abort):
        raise UsageError("interrupted; nothing is left running") from None
