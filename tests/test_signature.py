"""How exactly a process failed: the exception that ended it, without what changes from run to run."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.model import Killer, Outcome, Symptom, Verdict
from repro.signature import Signature, last_exception, raised_in, signature, stable, why

TRACE = "Traceback (most recent call last):\n"


def ended(script: str) -> str:
    """What Python itself writes of a script that raises."""
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize(
    ("script", "raised", "message"),
    [
        ("raise ValueError('no such column')", "ValueError", "no such column"),
        ("assert False", "AssertionError", ""),
        ("raise KeyError('a', 'b')", "KeyError", "('a', 'b')"),
        ("raise ValueError('two\\nlines: of it')", "ValueError", "two lines: of it"),
        ("try:\n  1 / 0\nexcept ZeroDivisionError as e:\n  raise TypeError('last') from e", "TypeError", "last"),
        ("try:\n  1 / 0\nexcept ZeroDivisionError:\n  raise TypeError('last')", "TypeError", "last"),
        (
            "import traceback\ntry:\n  1 / 0\nexcept Exception: traceback.print_exc()\nraise OSError('x')",
            "OSError",
            "x",
        ),
        (
            "raise ExceptionGroup('many', [ValueError('a'), TypeError('b')])",
            "ExceptionGroup",
            "many (2 sub-exceptions) (ValueError: a; TypeError: b)",
        ),
        (
            "def f(e):\n  try: raise e\n  except Exception as seen: return seen\n"
            "raise ExceptionGroup('many', [f(ValueError('a')), ExceptionGroup('in', [f(TypeError('b'))])])",
            "ExceptionGroup",
            "many (2 sub-exceptions) (ValueError: a; ExceptionGroup: in (1 sub-exception); TypeError: b)",
        ),
        ("class Odd(Exception): pass\nraise Odd('strange: 3')", "Odd", "strange: 3"),
        ("import json\njson.loads('')", "json.decoder.JSONDecodeError", "Expecting value: line 1 column 1 (char 0)"),
        ("import sys\nsys.exit('words')", "", ""),
        ("import sys\nsys.stderr.write('Error: nothing was raised\\n')", "", ""),
        ("e = ValueError('it')\ne.add_note('KeyError: a note')\nraise e", "ValueError", "it KeyError: a note"),
    ],
)
def test_the_exception_is_the_last_one_python_reports(script: str, raised: str, message: str) -> None:
    assert last_exception(ended(script)) == (raised, message)


names = st.sampled_from(["ValueError", "pyarrow.lib.ArrowInvalid", "KeyError"])
texts = st.text(st.characters(categories=["L", "N", "P"]), max_size=30).map(str.strip)


@given(
    st.lists(st.tuples(names, texts), min_size=1, max_size=5), st.text(max_size=40).filter(lambda t: "Trace" not in t)
)
def test_of_several_tracebacks_the_last_counts_whatever_stands_between(
    raised: list[tuple[str, str]], noise: str
) -> None:
    shown = [f'{TRACE}  File "x.py", line 1, in f\n    f()\n{name}: {text}\n' for name, text in raised]
    between = "".join(f" {line}\n" for line in noise.splitlines())
    assert last_exception(between.join(shown)) == raised[-1]


@given(st.text())
def test_any_text_whatever_has_a_signature(text: str) -> None:
    last_exception(text)
    assert "\n" not in stable(text) and len(stable(text)) <= 300
    assert stable(stable(text)) == stable(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<Table object at 0x7f21ab00>", "<Table object at 0x55d0>"),
        ("cannot open /tmp/abc/x.parquet", "cannot open /var/folders/q/x.parquet"),
        ("in <tmp>/run-1/data.arrow: no", "in <tmp>/run-2/data.arrow: no"),
        ("took 3.2 s", "took 11.75 s"),
        ("at 2026-11-05 09:30:15", "at 2027-01-31T23:59:59Z"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id 00000000-e89b-12d3-a456-426614174fff"),
        ("blob 9e107d9d372bb6826bd81d3542a419d6", "blob e4d909c290d0fb1ca068ffaddf22cbd0"),
        ("pid 4711 died", "pid 12 died"),
        ("504 for url: http://127.0.0.1:44821/api/commit/main", "504 for url: http://127.0.0.1:35001/api/commit/main"),
        ("allocated 12.5 MiB", "allocated 3 GiB"),
    ],
)
def test_what_changes_from_run_to_run_is_masked(one: str, other: str) -> None:
    assert stable(one) == stable(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("34 of 100 rows", "35 of 100 rows"),
        ("34 of 100 rows", "100 of 100 rows"),
        ("column 3 is wrong", "column 4 is wrong"),
        ("opened 12 files, needed 4", "opened 4 files, needed 4"),
        ("HTTP 404", "HTTP 500"),
        ("release 24.0.0", "release 25.0.0"),
        ("-1", "1"),
        ("no such column a", "no such column b"),
    ],
)
def test_a_number_that_may_be_the_finding_stays(one: str, other: str) -> None:
    assert stable(one) != stable(other)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_counts_are_kept_whatever_they_are(k: int, n: int) -> None:
    assert stable(f"{k} of {n} rows") == f"{k} of {n} rows"


def test_the_same_symptom_in_two_ways_is_two_signatures() -> None:
    def failing(stderr: str) -> Signature:
        return signature(Outcome(Symptom.ERROR, "", exit_code=1, stderr_tail=stderr))

    missing = failing(f"{TRACE}  File x\nImportError: cannot import name 'x' from 'y'\n")
    wrong = failing(f"{TRACE}  File x\nTypeError: no cast at 0x7f00\n")
    assert missing != wrong and wrong == failing(f"{TRACE}  File y\nTypeError: no cast at 0x1234\n")
    assert str(missing) == "error (ImportError: cannot import name 'x' from 'y')"


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome(Symptom.OK, ""), "ok"),
        (Outcome(Symptom.ERROR, "", exit_code=3), "error (exit status 3)"),
        (Outcome(Symptom.CRASH, "", signal="SIGABRT"), "crash (SIGABRT)"),
        (
            Outcome(Symptom.OUT_OF_MEMORY, "", signal="SIGKILL", killer=Killer.KERNEL),
            "out-of-memory (SIGKILL by the kernel)",
        ),
        (Outcome(Symptom.CRASH, "", signal="SIGKILL", killer=Killer.UNKNOWN), "crash (SIGKILL by an unknown sender)"),
    ],
)
def test_a_signature_says_how_it_ended(outcome: Outcome, words: str) -> None:
    assert str(signature(outcome)) == words


def test_the_reason_ends_with_the_last_exception_unless_it_names_it() -> None:
    tail = f"{TRACE}  File x\nKeyError: 'first'\n\nDuring handling of …\n\n{TRACE}  File x\nTypeError: the last\n"
    outcome = Outcome(Symptom.ERROR, "exit status 1", exit_code=1, stderr_tail=tail)
    assert why(outcome, Verdict(Symptom.ERROR, False, "exit status 1")) == "exit status 1: TypeError: the last"
    assert why(outcome, Verdict(Symptom.ERROR, True, "it raised TypeError")) == "it raised TypeError"
    assert why(outcome, Verdict(Symptom.WRONG_OUTPUT, True, "34 of 100 rows")) == "34 of 100 rows"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/x/envs/a/lib/python3.11/site-packages/datasets/table.py", "datasets/table.py cast"),
        ("/usr/lib/python3.12/json/decoder.py", "json/decoder.py cast"),
        ("/tmp/repro-1/minimal.py", ""),
        ("<frozen importlib._bootstrap>", ""),
    ],
)
def test_an_exception_comes_from_the_innermost_frame_if_that_is_of_a_library(path, found):
    outer = '  File "/x/lib/python3.11/site-packages/outer.py", line 1, in go\n    f()\n'
    text = f'Traceback (most recent call last):\n{outer}  File "{path}", line 7, in cast\n    x\nValueError: no\n'
    assert raised_in(text) == found
    assert raised_in(f"{text}\nDuring handling\n\n{text.replace('cast', 'other')}") == found.replace("cast", "other")


TRACE = 'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\n    f()\n'
GROUP = (
    "  + Exception Group Traceback (most recent call last):\n"
    '  |   File "x.py", line 1, in <module>\n  |     f()\n'
    "  | ExceptionGroup: tasks failed (2 sub-exceptions)\n"
    "  +-+---------------- 1 ----------------\n"
    "    | Traceback (most recent call last):\n"
    '    |   File "x.py", line 2, in g\n    |     raise ValueError\n'
    "    | ValueError: overflow\n"
    "    +---------------- 2 ----------------\n"
    "    | KeyError: 'unrelated'\n"
    "    +------------------------------------\n"
)


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        (f"{TRACE}ValueError: Problem while reading:\noffset overflow\n", "Problem while reading: offset overflow"),
        (f"{TRACE}ValueError: one\n\nnot of it\n", "one"),
        (f"{TRACE}ValueError: one\nException ignored in: <f>\n", "one"),
        (GROUP, "tasks failed (2 sub-exceptions) (ValueError: overflow; KeyError: 'unrelated')"),
    ],
)
def test_the_message_is_all_of_it_and_of_a_group_its_members_too(stderr, message):
    assert last_exception(stderr)[1] == message


def test_what_sys_exit_said_tells_two_failures_apart():
    first, second = (failed(f"a line\n{text}\n") for text in ("rows lost: 9 of 10", "install foo-codec first"))
    assert signature(first) != signature(second)
    assert str(signature(first)) == "error (exit status 1: rows lost: 9 of 10)"


@pytest.mark.parametrize(
    "line",
    ["Casting: 100%|███| 3/3 [00:00<00:00, 101222 examples/s]", "x.py:1: UserWarning: odd", "12:00 INFO train: end"],
)
def test_a_progress_bar_or_a_log_is_nothing_that_sys_exit_said(line):
    assert signature(failed(f"{line}\n")).message == ""


def failed(stderr: str) -> Outcome:
    return Outcome(Symptom.ERROR, "", exit_code=1, stderr_tail=stderr)


def test_a_frame_of_cython_is_of_a_library():
    frame = (
        'Traceback (most recent call last):\n  File "pyarrow/error.pxi", line 92, in pyarrow.lib.check_status\nX: y\n'
    )
    assert raised_in(frame) == "pyarrow/error.pxi pyarrow.lib.check_status"


def test_a_quoted_path_is_one_whatever_stands_in_it():
    assert stable("[Errno 2] No such file: '~/My Secret Folder/patient M.csv'") == "[Errno 2] No such file: '…/'"
