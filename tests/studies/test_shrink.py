"""A script is made smaller as long as it fails in the same way, and stopped, killed or refused without a trace."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from packaging.version import Version

from repro import places, targets
from repro.bugs import script
from repro.decide.scripts import parses, unbound
from repro.errors import UserError
from repro.lab import Lab
from repro.model import Status
from repro.studies.shrink import OLDEST_PYTHON
from repro.trial.leftovers import TOKEN_VARIABLE

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def shrink_ray():
    """Shrink Ray's own environment needs a Python that not every machine has."""
    if not any(Version(one.version) >= OLDEST_PYTHON for one in targets.installed()):
        pytest.skip(f"no Python {OLDEST_PYTHON} or newer on this machine")


NOISE = "".join(f"def noise_{n}(value):\n    return value + {n}\n\n\nnoise_{n}({n})\n" for n in range(6))
RAISED_BY_A_LIBRARY = f"import json\nimport os\n\n{NOISE}\ntext = '[1, 2'\nprint(os.sep)\njson.loads(text)\n"


@pytest.fixture
def lab(tmp_path):
    return Lab("latest", timeout="20s", reports=tmp_path / "reports", quiet=True)


def written(folder: Path, text: str) -> str:
    path = folder / "crash.py"
    path.write_text(text, "utf-8")
    return str(path)


def test_what_is_left_still_fails_in_the_same_way_and_nothing_else_is_left(lab, tmp_path):
    shown = lab.scripts.shrink(written(tmp_path, RAISED_BY_A_LIBRARY), most="90s")
    small = (tmp_path / "crash.min.py").read_text("utf-8")
    assert shown.believed and shown.again.status is Status.PRESENT
    assert "JSONDecodeError: Expecting ',' delimiter" in shown.again.reason
    assert "noise" not in small and "json.loads" in small
    assert shown.to_json()["lines"] < shown.to_json()["lines_before"] / 3
    assert script.read_needs(small).source == "its header"


def test_a_failure_of_the_scripts_own_needs_an_environment_where_it_passes(lab, tmp_path):
    path = written(tmp_path, "values = [1, 2]\nassert values == [1], values\n")
    with pytest.raises(UserError, match="--healthy"):
        lab.scripts.shrink(path)


def test_what_sys_exit_said_is_kept(lab, tmp_path):
    path = written(tmp_path, f"import sys\n\n{NOISE}\nlost = 3 - 2\nsys.exit(f'rows lost: {{lost}}')\n")
    shown = lab.scripts.shrink(path, healthy="none", most="40s", fresh=True)
    assert shown.believed and "rows lost: 1" in shown.again.reason
    assert "noise" not in shown.shrunk.text


def test_what_is_left_passes_where_the_whole_passes(lab, tmp_path):
    here = ".".join(map(str, sys.version_info[:2]))
    other = next((one for one in targets.installed() if not one.version.startswith(f"{here}.")), None)
    if other is None:
        pytest.skip("one Python only on this machine")
    last = f"mine = sys.version.split()[0]\nassert not mine.startswith('{here}.'), 'the wrong one'\n"
    text = f"import sys\n\n{NOISE}\n{last}"
    shown = lab.scripts.shrink(written(tmp_path, text), healthy=f"python=={other.version}", most="60s")
    assert shown.believed and "version" in shown.shrunk.text and "noise" not in shown.shrunk.text
    with pytest.raises(UserError, match=r"fails in .* too"):
        lab.scripts.shrink(written(tmp_path, "assert False, 'everywhere'\n"), healthy=f"python=={other.version}")


def test_a_shrink_that_was_stopped_goes_on_where_it_was(lab, tmp_path):
    path, said = written(tmp_path, RAISED_BY_A_LIBRARY), list[str]()
    first = lab.scripts.shrink(path, most="4s", fresh=True, say=said.append)
    assert not first.shrunk.finished and not any("going on" in line for line in said)
    second = lab.scripts.shrink(path, most="60s", say=said.append)
    assert any(line.startswith("going on from") for line in said)
    assert len(second.shrunk.text) <= len(first.shrunk.text)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_neither_ctrl_c_nor_a_kill_leaves_a_process_behind(tmp_path, number):
    path = written(tmp_path, RAISED_BY_A_LIBRARY.replace("json.loads", "import time\ntime.sleep(0.5)\njson.loads"))
    reports = {"REPRO_REPORTS": str(tmp_path / "reports"), "REPRO_CACHE": str(places.cache())}
    kit = subprocess.Popen(
        [sys.executable, "-m", "repro", "shrink", path, "--time", "120s", "--fresh"],
        env={**os.environ, **reports},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert kit.stderr is not None
    for line in kit.stderr:
        if " characters after " in line:
            break
    token = f"{kit.pid}-"
    assert ours(token)
    kit.send_signal(number)
    said, _ = kit.communicate(timeout=60)
    if number is signal.SIGINT:
        assert kit.returncode == 0 and "run again: PRESENT" in said and "Not finished" in said
    deadline = time.monotonic() + 30
    while ours(token) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert ours(token) == []


def ours(token: str) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TOKEN_VARIABLE, "").startswith(token):
                found.append(process.name())
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import os.path as p, sys\np.join(sys.argv[0])", set()),
        ("import os.path\nos.sep", set()),
        ("from json import loads\nloads(text)", {"text"}),
        ("def f(a, *b, c=1, **d):\n    return a, b, c, d, e\n", {"e"}),
        ("for x in (y := [1]):\n    print(x, y, __file__)", set()),
        ("try:\n    pass\nexcept OSError as error:\n    print(error)", set()),
        (
            "match [1]:\n    case [a, *b]:\n        print(a, b)\n    case {'k': v, **rest}:\n        print(v, rest, w)",
            {"w"},
        ),
        ("from os import *\nwhatever()", set()),
        ("class A:\n    x = B\nasync def g():\n    A", {"B"}),
    ],
)
def test_a_name_that_nothing_binds_is_found_without_running_anything(text, names):
    assert parses(text)
    assert unbound(text) == names


@pytest.mark.parametrize("text", ["def", "return 1", "x = '\0'", "(" * 500 + ")" * 500 + "["])
def test_what_is_no_python_is_not_run(text):
    assert not parses(text)
