"""Options that several commands share, each said once, and how commands print."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Callable
from typing import Any, TypedDict, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

TRIALS = click.IntRange(1, 100_000)

scenario = click.option("--scenario", metavar="S", help="The situation to set up; see 'repro list'.")
fix = click.option("--fix", metavar="FIX", help="A fix by name, or a .patch or workaround file.")
fixes = click.option("--fix", "fixes", metavar="FIX", multiple=True, help="A fix by name or file; may be repeated.")
target = click.option("--target", metavar="SPEC", help='Environment, as "datasets==5.1.0 pyarrow==24.0.0" or latest.')
besides = click.option("--target", metavar="SPEC", help="What every target holds besides, as 'pyarrow==24.0.0'.")
memory = click.option("--memory", metavar="SIZE", help="Memory cap of each trial, as 2GiB; 'none' for no cap.")
timeout = click.option("--timeout", metavar="TIME", help="Wall time before a trial is called hung, as 120s.")
parameters = click.option(
    "--set", "parameters", metavar="NAME=VALUE", multiple=True, help="A parameter, for the bugs that have it."
)
scale = click.option("--scale", is_flag=True, help="The bug's own inputs, at the scale of the report.")
jobs = click.option("--jobs", type=click.IntRange(1, 64), help="Trials at a time at most.")
executor = click.option(
    "--executor", metavar="WHERE", help="Run trials on Dask: dask, dask:WORKERS, dask://HOST:PORT or jobqueue:NAME."
)
budget = click.option("--budget", metavar="SIZE", help="Memory for all trials together, as 4GiB (what is available).")
fresh = click.option("--fresh", is_flag=True, help="Run everything again, also what is known.")
resume = click.option("--resume", is_flag=True, help="Go on with the same study where it was interrupted.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")


class Trials(click.ParamType[int | None]):
    """A number of trials, or ``auto`` for as many as settle a race."""

    name = "N|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        if value in (None, "auto"):
            return None
        return int(TRIALS.convert(value, param, ctx))


trials = click.option(
    "--trials", type=Trials(), metavar="N|auto", help="How often to run it; by default a race goes on until settled."
)

wrong_if = click.option("--wrong-if", metavar="REGEX", help="Of a script: output that is wrong although it ends well.")


class Comparison(TypedDict):
    """What each study of several fixes is told of where they are tried."""

    scenario: str | None
    target: str | None
    newest: str | None
    parameters: tuple[str, ...]
    resume: bool


def comparison(command: F) -> F:
    """The options of ``Comparison``."""
    newest = click.option("--newest", metavar="SPEC", help="Upstream's newest release, the yardstick.")
    return scenario(target(newest(parameters(resume(command)))))


def given_parameters(assignments: tuple[str, ...], scale: bool) -> list[str] | None:
    """What was set; nothing with ``--scale``; else ``None`` for the bug's own small inputs."""
    return list(assignments) or ([] if scale else None)


def echo(text: object, nl: bool = True) -> None:
    """Prints; a reader that went away (``| head -1``) changes nothing about the exit status."""
    try:
        click.echo(text, nl=nl)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def visible(text: str) -> str:
    """A text from anyone with what a terminal would obey, hide or reorder written as escapes."""
    hidden = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
    return "".join(
        char.encode("unicode_escape").decode() if char not in "\n\t" and unicodedata.category(char) in hidden else char
        for char in text
    )


def echo_json(form: Any) -> None:
    echo(json.dumps(form, indent=2, ensure_ascii=False))


def line_to_stderr(quiet: bool) -> Callable[[str], object]:
    """A function that shows one line of progress, or does not."""
    return (lambda line: None) if quiet else (lambda line: click.echo(f"  {line}", err=True))
