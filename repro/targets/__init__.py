"""Target environments: what a spec means, made with uv, cached and reused."""

from repro.targets.describe import environment_text
from repro.targets.interpreters import Interpreter, installed
from repro.targets.provision import missing_from, provision
from repro.targets.releases import list_releases
from repro.targets.spec import Spec, parse, with_pins

__all__ = [
    "Interpreter",
    "Spec",
    "environment_text",
    "installed",
    "list_releases",
    "missing_from",
    "parse",
    "provision",
    "with_pins",
]
