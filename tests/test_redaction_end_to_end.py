"""Canaries planted wherever a private thing could come from appear in nothing that the kit writes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from repro.evidence.redact import Redactor
from tests.test_walkthrough import FILES

TOKEN, UNKNOWN_TOKEN = "hf_" + "CaNaRy7" * 5, "ghp_" + "cAnArY8" * 5  # the second is in no variable
USER, MAIL, SECRET = "canaryuser", "canary.person@canary-mail.example", "canary-Pa55-phrase!"
HOST = "canary-host-77.corp.example"

# What a careless probe may print, measure and die of.
LEAK = f"""
time.sleep(0.5)  # long enough for a picture of its memory
say("measure", measures={{"note": "saved in " + str(Path(__file__)), "login": "{TOKEN}", "from": "{MAIL}"}})
print("token={TOKEN} user {USER} mail {MAIL} tmp " + __import__("tempfile").gettempdir() + "/x at " + "{HOST}")
print("login with {UNKNOWN_TOKEN}")
print("password is {SECRET}", file=sys.stderr)
open(Path(__file__).parent / "scan of {USER}.nii")
"""
STUDY = """
import sys
from pathlib import Path
import nbformat
from repro.lab import Lab
from repro.report.pages import write_claims, write_page
from repro.report.publish import publish
from repro.report.make import _one_notebook, run_scripts, write_issue

lab = Lab()
lab.run("nonsense-version", target="packaging==21.3")
lab.run("nonsense-version", scenario="plain", target="packaging==21.3", memray=True)
run_scripts(lab.store, lab.runner, "nonsense-version")
cells = ["from repro import Lab; Lab().run('nonsense-version', target='packaging==21.3')", "print(open('/nowhere/%s'))"]
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
notebook.cells[1].source %= sys.argv[1]
notebook.metadata.kernelspec = {"name": "python3", "display_name": "python3", "language": "python"}
nbformat.write(notebook, "09_nonsense_version.ipynb")
done = _one_notebook(Path("09_nonsense_version.ipynb").absolute(), {}, lab.store.redactor)
assert done.error, "the second cell must fail, so that its traceback is in the notebook"
print(write_issue(lab.store, "nonsense-version"), write_claims(lab.store), write_page(lab.store))
publish(lab.store, lab.store.root / "published")
"""


def leaky(name: str, source: str) -> str:
    """The made-up bug of the guide, whose probe and script say more than they should; a failure counts as the bug."""
    match name:
        case "probe.py":
            return source.replace('say("done")', f'{LEAK}\nsay("done")')
        case "bug.py":
            return source.replace("Verdict(outcome.symptom, False,", "Verdict(outcome.symptom, True,")
        case _:
            return source.replace("sys.exit(1)", f'sys.exit("{TOKEN} {MAIL} {SECRET} " + __file__)')


@pytest.mark.slow
@pytest.mark.targets
def test_no_canary_is_in_any_file_below_reports(tmp_path):
    home = tmp_path / "home" / USER
    folder = home / "bugs" / "nonsense_version"
    folder.mkdir(parents=True)
    for name, source in FILES:
        (folder / name).write_text(leaky(name, source), "utf-8")
    reports = tmp_path / "reports"
    planted = {"HOME": str(home), "USER": USER, "LOGNAME": USER, "HF_TOKEN": TOKEN, "SERVICE_PASSWORD": SECRET}
    where = {"REPRO_BUGS": str(home / "bugs"), "REPRO_REPORTS": str(reports), "MY_INDEX_URL": f"https://{HOST}/simple"}
    env = {**os.environ, **planted, **where}
    env.setdefault("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv"))

    done = subprocess.run(
        [sys.executable, "-c", STUDY, USER], cwd=home, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]

    files = [path for path in reports.rglob("*") if path.is_file()]
    assert {".json", ".md", ".html", ".ipynb", ".png"} <= {path.suffix for path in files}
    evidence = "".join(path.read_text("utf-8") for path in files if path.suffix == ".json")
    assert all(mark in evidence for mark in ("<token>", "<secret>", "<email>", "<user>", "<host>")), (
        "nothing was planted"
    )
    # The search goes inside gzip, zlib, zip, PNG texts and base64; plain bytes are compared besides.
    search = Redactor.from_environment(env)
    canaries = [TOKEN, UNKNOWN_TOKEN, USER, MAIL, SECRET, HOST, str(home), str(tmp_path), socket.gethostname()]
    canaries = [canary for canary in canaries if len(canary) > 6]
    found = {}
    for path in files:
        data = path.read_bytes()
        plain = [canary for canary in canaries if canary.encode() in data or canary in str(path.relative_to(reports))]
        deep = [hit for hit in search.find(data) if any(canary in hit or hit in canary for canary in canaries)]
        if plain or deep:
            found[str(path.relative_to(reports))] = (plain, deep)
    assert found == {}
