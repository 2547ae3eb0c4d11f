"""Scripts of several kinds, from the file alone to the right transition, over the made-up releases."""

from __future__ import annotations

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


def test_a_script_that_never_failed_says_so_and_cannot_be_put_into_a_matrix(kit: Kit) -> None:
    path = kit.folder / "fine.py"
    path.write_text(HEADER, "utf-8")
    assert kit.json("run", str(path), status=0)["status"] == "absent"
    kit("matrix", str(path), "--axis", ALL, status=2)
