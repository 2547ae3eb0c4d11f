"""The command line as a contract: exit statuses, one JSON object, and one line for every mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from repro import cli
from repro.model import Killer, Status, Symptom, Unsolvable
from repro.run.runner import Runner

ROOT = Path(__file__).resolve().parent.parent
TOP = (
    *("schema", "bug", "scenario", "fix", "status", "reason", "target", "limits", "parameters", "trials"),
    *("control", "reproduce"),
)
TRIAL = {
    *("symptom", "reason", "exit_code", "signal", "killer", "killer_basis", "done", "wall_s", "exit_s"),
    *("peak_rss_bytes", "peak_kernel_bytes", "cap_backend", "measures", "evidence"),
}
OK = "say('measure', measures={'seen': 3})\nsay('done')"


# Exit statuses and the JSON object, of a bug made up for the purpose


@pytest.mark.parametrize(
    ("body", "status", "symptom", "code"),
    [
        (OK, "absent", "ok", 0),
        ("say('measure', measures={'seen': 9})\nsay('done')", "present", "excess-read", 1),
        ("say('measure', measures={'seen': 1})\nsay('done')", "different-failure", "wrong-output", 125),
        ("sys.exit(3)", "different-failure", "error", 125),
        ("say('unsupported', reason='no such feature')\nsay('done')", "untestable", "unsupported", 125),
        ("os.write(_fd, b'nonsense\\n'); say('done')", "untestable", "kit-fault", 125),
    ],
)
def test_the_exit_status_is_what_git_bisect_run_expects(fake, kit, body, status, symptom, code):
    fake.bug(body)
    said = kit("run", "made-up", "--json")
    form = json.loads(said.out)
    assert (said.status, form["status"]) == (code, status)
    assert [trial["symptom"] for trial in form["trials"]] == [symptom]


def test_json_is_one_object_with_every_field_and_nothing_else_is_said(fake, kit):
    fake.bug(OK)
    said = kit("run", "made-up", "--trials", "2", "--set", "rows=3", "--memory", "256MiB", "--timeout", "9s", "--json")
    form = json.loads(said.out)
    assert said.err == ""
    assert tuple(form) == TOP
    assert (form["schema"], form["bug"], form["scenario"], form["fix"]) == (1, "made-up", "plain", "none")
    assert form["limits"] == {"memory_bytes": 256 << 20, "timeout_s": 9.0, "grace_s": 5.0}
    assert form["parameters"]["rows"] == 3
    assert [set(trial) for trial in form["trials"]] == [TRIAL, TRIAL]
    assert form["trials"][0]["peak_rss_bytes"] > 1 << 20
    for trial in form["trials"]:
        assert json.loads(Path(trial["evidence"]).read_text())["outcome"]["symptom"] == "ok"
    assert form["reproduce"] == (
        "repro run made-up --scenario plain --target tiny==1.0 --memory 256MiB --timeout 9s --trials 2 --set rows=3"
    )


def test_what_the_probe_prints_never_reaches_stdout(fake, kit):
    fake.bug(f"print('hello')\nprint('there', file=sys.stderr)\n{OK}")
    json.loads(kit("run", "made-up", "--json").out)


def test_a_person_reads_status_reason_evidence_and_the_command_to_ask_again(fake, kit):
    fake.bug("say('measure', measures={'seen': 9})\nsay('done')")
    said = kit("run", "made-up")
    assert said.out.startswith("PRESENT: made-up, plain, fix none\n")
    assert "why      read 9" in said.out
    assert "again    repro run made-up --scenario plain" in said.out


def test_an_environment_that_cannot_be_is_an_answer(fake, kit):
    fake.bug(OK)
    fake.answer = lambda spec: Unsolvable(spec, "Because tiny is not there")
    said = kit("run", "made-up", "--target", "tiny==9", "--json")
    form = json.loads(said.out)
    assert (said.status, form["status"], form["trials"][0]["symptom"]) == (125, "untestable", "unsolvable")
    assert form["trials"][0]["reason"] == "Because tiny is not there"


def test_a_fault_of_the_kit_is_neither_present_nor_absent(fake, kit, monkeypatch):
    fake.bug(OK)

    def broken(*args: object, **options: object) -> None:
        raise ZeroDivisionError("a slip of ours")

    monkeypatch.setattr(Runner, "trial", broken)
    said = kit("run", "made-up", "--json")
    assert (said.status, said.out) == (125, "")
    assert "ZeroDivisionError: a slip of ours" in said.err
    assert said.err.splitlines()[-1].startswith("repro: a fault of the kit")


def test_list_names_all_that_can_be_asked_for(fake, kit):
    fake.bug(OK)
    text, form = kit("list"), json.loads(kit("list", "--json").out)
    assert (text.status, text.err) == (0, "")
    (entry,) = [one for one in form if one["bug"] == "made-up"]
    assert [scenario["name"] for scenario in entry["scenarios"]] == ["plain", "other"]
    for word in ("made-up: Made up", "other", "(control)", "(default)", "rows", "dense | sparse", "embed-sliced-list"):
        assert word in text.out


def test_every_command_helps_with_an_example(kit):
    assert {"run", "list", "doctor", "report", "clean"} <= set(cli.cli.commands)
    for name in cli.cli.commands:
        said = kit(name, "--help")
        assert said.status == 0
        assert f"repro {name}" in said.out.split("Usage:", 1)[1].split("\n", 1)[1], f"{name} --help shows no example"


# The same contract in real environments

SMALL = ("--set", "rows=8", "--set", "files_per_row=3", "--set", "file_size=64KiB")


def real(cache: Path, reports: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    """``repro run embed-sliced-list … --json`` in a process of its own."""
    command = [sys.executable, "-m", "repro", "run", "embed-sliced-list", *words, "--json"]
    env = {**os.environ, "REPRO_CACHE": str(cache), "REPRO_REPORTS": str(reports)}
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout), ended.stderr


@pytest.mark.slow
@pytest.mark.targets
@pytest.mark.parametrize(
    ("target", "code", "status", "symptom", "files"),
    [
        ("datasets==5.1.0 pyarrow==24.0.0", 1, "present", "excess-read", (24, 3)),
        ("datasets==5.2.0 pyarrow==24.0.0", 0, "absent", "ok", (3, 3)),
        ("datasets==4.4.1", 125, "untestable", "wrong-output", (0, 3)),
        ("datasets==4.3.0", 125, "untestable", "unsupported", None),
        ("datasets==5.2.0 pyarrow==22.0.0", 125, "untestable", "unsolvable", None),
    ],
)
def test_the_small_inputs_give_the_known_answer_of_each_release(
    shared_cache, tmp_path, target, code, status, symptom, files
):
    words = ("--scenario", "shard-first", "--target", target, *SMALL)
    ended, form, err = real(shared_cache, tmp_path, *words)
    (trial,) = form["trials"]
    assert (ended, form["status"], trial["symptom"]) == (code, status, symptom)
    assert (err, tuple(form), set(trial)) == ("", TOP, TRIAL)
    assert (trial["signal"], trial["killer"]) == (None, None)
    if files:
        assert (trial["measures"]["files_opened"], trial["measures"]["files_needed"]) == files
        assert {"python", "datasets", "pyarrow"} <= set(form["target"])
    if symptom == "wrong-output":
        assert "no bytes of any file were embedded" in trial["reason"]
        assert form["reason"].startswith("the control plain-column fails here too"), "so it is not the bug that fails"


@pytest.mark.targets
@pytest.mark.slow
def test_the_full_cohort_is_killed_at_its_cap_before_the_first_shard_is_done(shared_cache, tmp_path):
    words = ("--scenario", "shard-first", "--target", "datasets==5.1.0 pyarrow==24.0.0", "--memory", "2GiB")
    ended, form, _ = real(shared_cache, tmp_path, *words)
    (trial,) = form["trials"]
    assert (ended, form["status"], trial["symptom"]) == (1, Status.PRESENT, Symptom.OUT_OF_MEMORY)
    assert (trial["signal"], trial["exit_code"], trial["done"]) == ("SIGKILL", None, False)
    assert trial["killer"] in (Killer.KERNEL, Killer.WATCHDOG)
    assert trial["measures"]["files_opened"] > trial["measures"]["files_needed"]
    assert trial["peak_rss_bytes"] > 1 << 30
