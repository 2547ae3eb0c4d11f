"""Scripts of several kinds, from the file alone to the right transition, over the made-up releases."""

from __future__ import annotations

import difflib
import re
import zipfile

import pytest

from tests.known.test_known import ALL, Kit, kit

__all__ = ["kit"]

HEADER = '# /// script\n# dependencies = ["datasets==4.0"]\n# ///\nimport datasets\n'
SCRIPTS = {
    "exception": "if datasets.answer() != 42:\n    raise ValueError(f'got {datasets.answer()}')\n",
    "asserted": "assert datasets.answer() == 42, datasets.answer()\n",
    "printed": "print('answer', datasets.answer())\n",
    "hangs": "import time\nif datasets.answer() != 42:\n    time.sleep(600)\n",
    "hangs_at_exit": (
        "import threading, time\nif datasets.answer() != 42:\n"
        "    threading.Thread(target=time.sleep, args=(600,)).start()\n"
    ),
    "starves": "data = []\nwhile datasets.answer() != 42:\n    data.append(bytearray(8 << 20))\n",
}
OPTIONS = {
    "hangs": ["--timeout", "2s"],
    "hangs_at_exit": ["--timeout", "2s"],
    "starves": ["--memory", "96MiB"],
    "printed": [],
}
LONG = {"hangs", "hangs_at_exit", "starves"}
"""What fails by taking all its time or memory, in each release that is tried."""

SYMPTOM = {
    "exception": "error",
    "asserted": "error",
    "printed": "wrong-output",
    "hangs": "hang",
    "hangs_at_exit": "hang-at-exit",
    "starves": "out-of-memory",
}


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=[pytest.mark.slow] * (kind in LONG)) for kind in SCRIPTS])
def test_a_script_is_enough_to_find_the_release_that_mended_it(kit: Kit, kind: str) -> None:
    path = kit.folder / f"{kind}.py"
    path.write_text(HEADER + SCRIPTS[kind], "utf-8")
    options = OPTIONS.get(kind, [])
    wrong = ["--wrong-if", "answer 41"] if kind == "printed" else []

    first = kit.json("run", str(path), *options, *wrong, status=1)
    assert (first["status"], first["trials"][0]["symptom"]) == ("present", SYMPTOM[kind])
    assert first["target"]["datasets"] == "4.0"

    found = kit.json("bisect", str(path), "--axis", ALL, *options, status=0)
    (change,) = found["transitions"]
    assert (change["last"], change["before"], change["first"], change["after"]) == ("4.0", "present", "5.0", "absent")


def test_a_script_that_fails_in_some_runs_only_is_handled_as_a_race(kit: Kit) -> None:
    path = kit.folder / "dice.py"
    path.write_text(HEADER + "import os\nassert os.urandom(1)[0] < 128, 'unlucky'\n", "utf-8")
    for _ in range(8):  # three runs without a failure record nothing: one time in eight
        found = kit.json("run", str(path))
        if found["status"] == "present":
            break
    assert "--trials" not in found["reproduce"] or len(found["trials"]) >= 1
    symptoms = {trial["symptom"] for trial in found["trials"]}
    assert found["status"] == "present" and symptoms <= {"ok", "error"}


def test_a_script_that_fails_in_its_fifth_run_only_is_noticed_where_more_runs_are_asked_for(kit: Kit) -> None:
    path, runs = kit.folder / "fifth.py", kit.folder / "runs"
    path.write_text(
        f"{HEADER}\nwith open({str(runs)!r}, 'a+') as file:\n    file.write('.')\n    file.seek(0)\n"
        "    assert len(file.read()) != 5, 'the fifth'\n",
        "utf-8",
    )
    assert kit.json("run", str(path), status=0)["status"] == "absent"
    runs.unlink()
    found = kit.json("run", str(path), "--trials", "6", status=125)
    assert (found["status"], len(found["trials"])) == ("unsettled", 6)


def test_a_script_that_never_failed_says_so_and_cannot_be_put_into_a_matrix(kit: Kit) -> None:
    path = kit.folder / "fine.py"
    path.write_text(HEADER, "utf-8")
    assert kit.json("run", str(path), status=0)["status"] == "absent"
    kit("matrix", str(path), "--axis", ALL, status=2)


def test_a_patch_of_ones_own_is_tried_beside_the_script_as_it_is(kit: Kit) -> None:
    path = kit.folder / "answer.py"
    path.write_text(HEADER + SCRIPTS["asserted"], "utf-8")
    (kit.folder / "mend.patch").write_text(mending(kit), "utf-8")
    found = kit.json("compare", str(path), "--fix", "mend.patch", "--target", "datasets==4.0", status=0)
    shown = {one["name"]: (one["status"], one["k"], one["n"]) for one in found["fixes"]}
    assert shown == {"none": ("present", 1, 1), "mend": ("absent", 0, 1)}
    said = kit("compare", str(path), "--fix", "mend.patch", "--target", "datasets==5.0", status=0)
    assert "Without a fix it does not show here" in said and "helps" not in said
    kit("compare", str(path), "--fix", str(path), status=2)


def mending(kit: Kit) -> str:
    """A patch that gives the made-up package of 4.0 the right answer."""
    with zipfile.ZipFile(next((kit.folder / "shelf").glob("datasets-4.0-*.whl"))) as wheel:
        old = wheel.read("datasets/__init__.py").decode().splitlines(keepends=True)
    new = [*old, "answer = lambda: 42\n"]
    return "".join(difflib.unified_diff(old, new, "a/datasets/__init__.py", "b/datasets/__init__.py"))


def test_the_issue_of_a_script_names_what_it_was_seen_to_fail_with_and_can_be_verified(kit: Kit) -> None:
    path = kit.folder / "no_header.py"
    path.write_text("import datasets\nassert datasets.answer() == 42, datasets.answer()\n", "utf-8")
    kit("run", str(path), "--target", "datasets==3.0", status=1)
    kit("issue", str(path), "--run", "--output", "issue.md", status=0)
    text = (kit.folder / "issue.md").read_text("utf-8")
    assert '# dependencies = ["datasets==3.0"]' in text and "AssertionError: 41" in text
    assert "With datasets 3.0, Python" in text and text.startswith("# AssertionError: 41\n")
    assert str(kit.folder) not in text
    verify = ("verify", "issue.md", "--yes", "--target")
    assert kit.json(*verify, "datasets==5.0", status=0)["status"] == "absent"
    assert kit.json(*verify, "datasets==3.0", status=1)["status"] == "present"


def test_what_is_healthy_at_both_ends_is_found_between_them(kit: Kit) -> None:
    path = kit.folder / "between.py"
    path.write_text(HEADER + "assert datasets.__version__ not in ('3.0', '4.0'), datasets.__version__[1:]\n", "utf-8")
    found = kit.json("bisect", str(path), "--axis", ALL, "--all", status=0)
    shown = [(change["last"], change["before"].split(":")[0], change["first"]) for change in found["transitions"]]
    assert shown == [("2.0", "absent", "3.0"), ("4.0", "present", "5.0")]


def test_a_report_is_the_notebook_that_anybody_could_have_typed(kit: Kit) -> None:
    path = kit.folder / "reported.py"
    path.write_text(HEADER + SCRIPTS["exception"], "utf-8")
    said = kit("report", str(path), "--axis", ALL, "--timeout", "20s", status=0)
    page = re.sub("<[^>]+>", "", (kit.folder / said.split()[-1]).read_text("utf-8"))
    for words in ("ValueError: got 41", "up to 4.0, absent from 5.0", "### Describe the bug", "%%repro"):
        assert words in page, words
    assert list((kit.folder / "reports" / "issues").glob("reported-*.md"))
