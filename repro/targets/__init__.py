"""Target environments: what a spec means, made with uv, cached and reused."""

from repro.targets.describe import environment_text
from repro.targets.interpreters import Interpreter, installed
from repro.targets.provision import provision
from repro.targets.releases import Release, list_releases, matching, newest
from repro.targets.spec import Spec, parse, with_pins
from repro.targets.uv import UvFailed

__all__ = [
    "Interpreter",
    "Release",
    "Spec",
    "UvFailed",
    "environment_text",
    "installed",
    "list_releases",
    "matching",
    "newest",
    "parse",
    "provision",
    "with_pins",
]
