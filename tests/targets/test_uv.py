"""What uv says, told apart and made fit to print."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.errors import EnvironmentFault
from repro.targets import uv
from repro.targets.tools import Finished

NEW_STYLE = """error: No solution found when resolving dependencies
  cause: Because a>=5 depends on b>=24 and you require a==5, we can conclude that you require b>=24.
         And because you require b==22, we can conclude that your requirements are unsatisfiable.

hint: something at length
"""
OLD_STYLE = """  × No solution found when resolving dependencies:
  ╰─▶ Because a>=5 depends on b>=24 and you require a==5, we can conclude that
      you require b>=24.
      And because you require b==22, we can conclude that your requirements are
      unsatisfiable.
"""
UNREACHABLE = """error: Request failed after 3 retries in 10.2s
  cause: Failed to fetch: https://index.example.org/simple/six/
  cause: error sending request for url (https://index.example.org/simple/six/)
"""
OFFLINE = """error: No solution found when resolving dependencies
  cause: Because a was not found in the cache and you require a, your requirements are unsatisfiable.

hint: Packages were unavailable because the network was disabled.
"""


FULL = """error: Failed to fetch: `https://index.example.org/simple/six/`
  cause: Failed to write to `/home/me/.cache/uv/x`: No space left on device (os error 28)
"""


def failing(monkeypatch: pytest.MonkeyPatch, stderr: str) -> None:
    monkeypatch.setattr(uv, "run", lambda *args, **how: Finished(1, "", stderr))


@pytest.mark.parametrize("said", [NEW_STYLE, OLD_STYLE])
def test_an_unsolvable_set_is_explained_in_one_line_of_the_resolver_itself(said: str) -> None:
    assert uv.readable(said) == (
        "Because a>=5 depends on b>=24 and you require a==5, we can conclude that you require b>=24. "
        "And because you require b==22, we can conclude that your requirements are unsatisfiable."
    )


def test_neither_address_nor_folder_is_repeated() -> None:
    said = (
        "cause: Failed: `x @ file:///home/someone/x-1.0.whl` or /home/someone/dist/y.whl from https://h.example.org/a"
    )
    assert uv.readable(said) == "Failed: `x @ x-1.0.whl` or y.whl from the package index"


def test_a_long_explanation_is_cut_visibly() -> None:
    assert uv.readable("word " * 200).endswith("…")
    assert len(uv.readable("word " * 200)) <= 400


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (NEW_STYLE, uv.NoSolution),
        (OLD_STYLE, uv.NoSolution),
        (UNREACHABLE, uv.IndexUnreachable),
        (OFFLINE, uv.IndexUnreachable),
        ("error: a state that nobody foresaw", uv.UvFailed),
        (FULL, uv.UvFailed),
    ],
)
def test_no_answer_no_solution_and_the_unknown_are_three_things(
    said: str, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, said)
    with pytest.raises(kind) as caught:
        uv.resolve(["a"], python=Path("python"), cwd=Path())
    assert isinstance(caught.value, EnvironmentFault) is (kind is not uv.NoSolution)


@pytest.mark.parametrize("said", ["No space left", "Permission denied", "Read-only file system"])
def test_a_place_that_cannot_be_written_is_named_with_the_way_out(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, FULL.replace("No space left on device", said))
    with pytest.raises(
        uv.UvFailed, match=rf"in /home/me/.cache/uv/x \({said.removesuffix(' on device')}\): make room or"
    ) as caught:
        uv.build_wheel(Path(), Path("python"), Path())
    assert "UV_CACHE_DIR" in str(caught.value) and "\n" not in str(caught.value)


def test_a_build_that_is_denied_something_has_failed_but_a_full_disk_is_no_fault_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing(monkeypatch, "Building wheel...\nPermissionError: Permission denied\nerror: Build backend failed")
    with pytest.raises(uv.BuildFailed, match="PermissionError"):
        uv.build_wheel(Path(), Path("python"), Path())
    failing(monkeypatch, "Building wheel...\nOSError: No space left on device\nerror: Build backend failed")
    with pytest.raises(uv.UvFailed, match="No space left"):
        uv.build_wheel(Path(), Path("python"), Path())


def test_a_missing_uv_is_a_fault_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> str:
        raise FileNotFoundError

    monkeypatch.setattr("uv.find_uv_bin", nowhere)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(EnvironmentFault, match="python -m pip install uv"):
        uv.index_urls(cwd=Path())


def test_pips_index_and_certificates_serve_where_uv_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, str] = {}

    def fake(*args: object, env: dict[str, str], **how: object) -> Finished:
        seen.update(env)
        return Finished(0, "", "")

    monkeypatch.setattr(uv, "run", fake)
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", "http://pip.example.org/simple")
    monkeypatch.setenv("PIP_CERT", "/pip.pem")
    uv.resolve([], python=Path("python"), cwd=Path())
    assert seen["UV_DEFAULT_INDEX"] == "http://pip.example.org/simple"
    assert seen["SSL_CERT_FILE"] == "/pip.pem"
    seen.clear()
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://uv.example.org/simple")
    uv.resolve([], python=Path("python"), cwd=Path())
    assert "UV_DEFAULT_INDEX" not in seen
