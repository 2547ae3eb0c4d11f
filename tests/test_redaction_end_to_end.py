"""Canaries planted wherever a private thing could come from appear in nothing that the kit writes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from repro.evidence.layers import layers
from repro.evidence.redact import Redactor
from tests.test_walkthrough import FILES

TOKEN, UNKNOWN_TOKEN = "hf_" + "CaNaRy7" * 5, "ghp_" + "cAnArY8" * 5  # the second is in no variable
USER, MAIL, SECRET = "canaryuser", "canary.person@canary-mail.example", "canary-Pa55-phrase!"
HOST = "canary-host-77.corp.example"

# What a careless probe may print, measure and die of.
LEAK = f"""
import sys, time
from pathlib import Path
time.sleep(0.5)  # long enough for a picture of its memory
measure(note="saved in " + str(Path(__file__)), login="{TOKEN}", **{{"from": "{MAIL}"}})
print("token={TOKEN} user {USER} mail {MAIL} tmp " + __import__("tempfile").gettempdir() + "/x at " + "{HOST}")
print("login with {UNKNOWN_TOKEN}")
print("password is {SECRET}", file=sys.stderr)
open(Path(__file__).parent / "scan of {USER}.nii")
"""
STUDY = """
import sys
from pathlib import Path
import nbformat
from repro import places
from repro.lab import Lab
from repro.report.pages import write_claims, write_page
from repro.report.publish import publish
from repro.report.make import one_notebook, run_scripts, write_issue

lab = Lab()
lab.run("nonsense-version", target="packaging==21.3")
lab.run("nonsense-version", scenario="plain", target="packaging==21.3", memray=True)
run_scripts(lab.store, lab.runner, "nonsense-version")
cells = ["from repro import Lab; Lab().run('nonsense-version', target='packaging==21.3')", "print(open('/nowhere/%s'))"]
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
notebook.cells[1].source %= sys.argv[1]
notebook.metadata.kernelspec = {"name": "python3", "display_name": "python3", "language": "python"}
nbformat.write(notebook, "09_nonsense_version.ipynb")
done = one_notebook(Path("09_nonsense_version.ipynb").absolute(), {}, lab.store.redactor)
assert done.error, "the second cell must fail, so that its traceback is in the notebook"
print(write_issue(lab.store, "nonsense-version"), write_claims(lab.store), write_page(lab.store))
places.notebooks = lambda: Path("none")  # that those of the kit ran at full depth is asked elsewhere
publish(lab.store, lab.store.root / "published")
"""


def leaky(name: str, source: str) -> str:
    """The made-up bug of the guide, whose probe and script say more than they should; a failure counts as the bug."""
    match name:
        case "probe.py":
            return source.replace("\ndone()", f"{LEAK}\ndone()")
        case "bug.py":
            judge = "lambda scenario, seen, expected: Verdict(seen.symptom, True, seen.detail)"
            return f"from repro.model import Verdict\n{source}".replace(
                "    needs=", f"    oracle={judge},\n    needs="
            )
        case _:
            return source.replace("sys.exit(1)", f'sys.exit("{TOKEN} {MAIL} {SECRET} " + __file__)')


@pytest.mark.slow
@pytest.mark.targets
def test_no_canary_is_in_any_file_below_reports(tmp_path):
    home = tmp_path / "home" / USER
    folder = home / "bugs" / "nonsense_version"
    folder.mkdir(parents=True)
    for name, source in ((Path(file).name, source) for file, source in FILES if file.startswith(folder.name)):
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
    canaries = [TOKEN, UNKNOWN_TOKEN, USER, MAIL, SECRET, HOST, str(home), str(tmp_path), socket.gethostname()]
    assert leaks(reports, [canary for canary in canaries if len(canary) > 6], Redactor.from_environment(env)) == {}


def leaks(reports: Path, canaries: list[str], search: Redactor) -> dict[str, object]:
    """File -> the canaries in it: in its name, in its plain bytes, and inside gzip, zlib, zip, PNG texts and base64."""
    found: dict[str, object] = {}
    for path in (path for path in reports.rglob("*") if path.is_file()):
        data = path.read_bytes()
        plain = [canary for canary in canaries if canary.encode() in data or canary in str(path.relative_to(reports))]
        deep = [hit for hit in search.find(data) if any(canary in hit or hit in canary for canary in canaries)]
        deep += [canary for layer in layers(data) for canary in canaries if canary.encode() in layer]
        if plain or deep:
            found[str(path.relative_to(reports))] = (plain, deep)
    return found


SCANS = (
    "sub-JaneDoe1970/ses-20190312/anat/sub-JaneDoe1970_ses-20190312_T1w.nii",
    "sub-JaneDoe1970/ses-20190312/func/sub-JaneDoe1970_ses-20190312_run-1_bold.nii",
    "sub-JaneDoe1970/ses-20190312/func/sub-JaneDoe1970_ses-20190312_run-2_bold.nii",
    "sub-MaxMuster/ses-1/anat/MaxMuster_T1w.nii",
    "sub-MaxMuster/ses-1/func/scan of Muster_bold.nii",
)
PERSONAL = ["JaneDoe", "20190312", "Muster", "Clinic"]

# A library that resolves links, says which file it has in hand, and dies with its name.
NOSY = """
import sys
from pathlib import Path

def nosy(shard):
    from datasets.table import embed_table_storage

    for value in shard.with_format("arrow")[:]["bold"].to_pylist()[0]:
        real = Path(value["path"]).resolve()
        print("reading", real, real.name, real.parent.parent.parent.name)
        print("\\n".join(map(repr, real.parts)), file=sys.stderr)
    embed_table_storage(shard.with_format("arrow")[:])
    raise OSError(f"cannot read {real}: {real.stem} is of {real.parts[-4]}")
"""
OWN = """
import subprocess
import sys
from pathlib import Path
import nbformat
from repro import places
from repro.lab import Lab
from repro.report.pages import write_claims, write_page
from repro.report.publish import publish
from repro.report.make import one_notebook, write_issue

root, target = sys.argv[1:]
lab = Lab(target=target)
asked = {"bids_root": root}
runs = [lab.run("embed-sliced-list", parameters=asked)]
runs += [lab.run("embed-sliced-list", parameters=asked, memray=True)]
runs += [lab.run("embed-sliced-list", fix="nosy.py", scenario="full", parameters=asked)]
print([(run.status.value, run.reproduce) for run in runs])
cells = [f"bids_root = {root!r}", "from repro import Lab", f"run = Lab(target={target!r}).run('embed-sliced-list', "
         "scenario='shard-last', parameters={'bids_root': bids_root})", "run", "print(run.reproduce, bids_root)",
         "open(bids_root + '/sub-JaneDoe1970/nothing.nii')"]
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
notebook.metadata.kernelspec = {"name": "python3", "display_name": "python3", "language": "python"}
nbformat.write(notebook, "09_own.ipynb")
assert one_notebook(Path("09_own.ipynb").absolute(), {}, lab.store.redactor).error
print(write_issue(lab.store, "embed-sliced-list"), write_claims(lab.store), write_page(lab.store))
places.notebooks = lambda: Path("none")  # that those of the kit ran at full depth is asked elsewhere
publish(lab.store, lab.store.root / "published")
"""


@pytest.mark.slow
@pytest.mark.targets
def test_no_name_of_a_users_own_data_is_in_any_file_below_reports_nor_in_the_again_command(tmp_path, shared_cache):
    study = tmp_path / "Clinic study"
    for number, name in enumerate(SCANS):
        (study / name).parent.mkdir(parents=True, exist_ok=True)
        (study / name).write_bytes(b"scan %d" % number)
    (tmp_path / "nosy.py").write_text(NOSY, "utf-8")
    reports = tmp_path / "reports"
    env = {**os.environ, "REPRO_REPORTS": str(reports), "REPRO_CACHE": str(shared_cache)}
    command = [sys.executable, "-c", OWN, str(study), "datasets==5.1.0 pyarrow==24.0.0"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]

    files = [path for path in reports.rglob("*") if path.is_file()]
    assert {".json", ".md", ".html", ".ipynb"} <= {path.suffix for path in files}
    evidence = "".join(path.read_text("utf-8") for path in files if path.suffix == ".json")
    assert "reading <yours>/subject-" in evidence, "the library did not say what it had in hand"
    assert "bids_root=<yours>" in evidence
    assert [word for word in PERSONAL if word in done.stdout] == []
    assert leaks(reports, [*PERSONAL, str(study)], Redactor.from_environment(env, cache=shared_cache)) == {}
