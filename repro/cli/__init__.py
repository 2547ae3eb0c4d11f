"""The command line: a module for each command, and one place where a mistake becomes a message."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import traceback
from importlib import import_module
from pkgutil import iter_modules

import click

from repro import __version__
from repro.errors import EnvironmentFault, UserError

USAGE_ERROR, CANNOT_TELL, INTERRUPTED = 2, 125, 130
"""Exit statuses: ``git bisect run`` takes 1 to 124, and so 2, for "bad", and 125 for "skip this commit"."""

_PLACES = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.ENOTDIR, errno.EISDIR, errno.ENOENT),
}
"""A place that is full, or that cannot be written: no fault of the kit, and no answer either."""
_REMEDY = "make room there, or name a place that can be written (REPRO_REPORTS, REPRO_CACHE, TMPDIR, --output)"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="repro")
def cli() -> None:
    """Reproduce, measure and report bugs of Hugging Face datasets and PyArrow.

    Example: repro run embed-sliced-list --scenario shard-first --target "datasets==5.1.0 pyarrow==24.0.0"
    """


# Each repro/cli/<name>.py defines ``command``; what they share is in options.py.
for room in iter_modules(__path__, f"{__name__}."):
    if not room.name.endswith(".options"):
        cli.add_command(import_module(room.name).command)


def main(arguments: list[str] | None = None) -> None:
    """Run a command; every foreseeable mistake ends here as one line on stderr."""
    _end_as_if_interrupted()
    try:
        status = cli.main(arguments, prog_name="repro", standalone_mode=False)
    except EnvironmentFault as error:
        status = _say(error, CANNOT_TELL)
    except UserError as error:
        status = _say(error, USAGE_ERROR)
    except click.ClickException as error:
        status = _say(f"{error.format_message()} Try 'repro --help'.", USAGE_ERROR)
    except OSError as error:
        if error.errno not in _PLACES or not error.filename:
            status = _fault()
        else:
            status = _say(f"cannot use {error.filename} ({error.strerror}): {_REMEDY}", CANNOT_TELL)
    except (click.Abort, KeyboardInterrupt):
        status = _say("interrupted; nothing is left running", INTERRUPTED)
    except Exception:  # Python's own status 1 would tell git bisect that the bug is present
        status = _fault()
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader is gone; Python's own flush at the end would change the status
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)


def _end_as_if_interrupted() -> None:
    """Make SIGTERM, and SIGHUP of a closed terminal, end the kit as Ctrl-C does; what ``nohup`` ignores stays so."""
    with contextlib.suppress(ValueError):  # only the main thread may
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, signal.default_int_handler)


def _fault() -> int:
    traceback.print_exc()
    return _say("a fault of the kit, not of what it looks at: please report the lines above", CANNOT_TELL)


def _say(message: object, status: int) -> int:
    line = " ".join(str(message).splitlines())  # what was typed is quoted back, and may hold a line break
    click.echo(f"repro: {line}", err=True)
    return status
