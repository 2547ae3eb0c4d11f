"""A cell with %%repro on top runs supervised, in an environment of its own; the kernel never runs its code."""

import os
import signal
import threading
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

FAILS = "%%repro --timeout 20s\nimport json\nkernel = 'was here'\njson.loads('[1')\n"
HANGS = "%%repro --timeout 300s\nimport time\nprint('begins', flush=True)\ntime.sleep(299)\n"


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """A function that runs cells in a kernel and gives the text of each one's outputs."""
    monkeypatch.setenv("REPRO_REPORTS", str(tmp_path / "reports"))
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))

    def run(*cells: str) -> list[str]:
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in ("%load_ext repro", *cells)])
        NotebookClient(
            made, allow_errors=True, kernel_name="python3", timeout=120, resources={"metadata": {"path": str(tmp_path)}}
        ).execute()
        return ["\n".join(map(shown, cell.outputs)) for cell in made.cells[1:]]

    return run


def shown(output) -> str:
    if output.output_type == "stream":
        return str(output.text)
    if output.output_type == "error":
        return f"{output.ename}: {output.evalue}"
    return " ".join(output.data) + "\n" + str(output.data.get("text/plain", ""))


def test_the_cell_shows_how_it_ended_with_a_picture_and_the_kernel_knows_nothing_of_it(notebook):
    ran, after, more = notebook(FAILS, "print('kernel' in globals(), 'json' in globals())", "%repro issue")
    assert "PRESENT: cell-" in ran and "JSONDecodeError: Expecting ',' delimiter" in ran
    assert "image/png" in ran and "needs nothing but Python" in ran
    assert after.strip() == "False False"
    assert more.strip().endswith(".md")


MISTAKES = {
    "%repro bisect --axis datasets": "no cell was run yet",
    "%%repro --memory 3\npass": "a cap of 3B is below what an interpreter needs",
    "%%repro --nonsense\npass": "No such option",
    "%%repro --target 'datasets\npass": "close the quote",
    "%%repro --save here.txt\npass": "name a .py file",
    "%%repro\ndef": "is not valid Python",
    "%repro clean": "%repro takes one of",
}


def test_a_mistake_is_one_line_below_the_cell(notebook):
    for found, said in zip(notebook(*MISTAKES), MISTAKES.values(), strict=True):
        assert said in found and "Traceback" not in found


def test_a_saved_cell_is_a_script_for_the_command_line(notebook, tmp_path):
    (ran,) = notebook(FAILS.replace("%%repro", "%%repro --save crash.py"))
    assert "repro run crash.py" in ran
    assert (tmp_path / "crash.py").read_text("utf-8") == FAILS.partition("\n")[2]


def test_an_interrupt_of_the_kernel_leaves_nothing_running(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_REPORTS", str(tmp_path / "reports"))
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in ("%load_ext repro", HANGS)])
    client = NotebookClient(made, allow_errors=True, kernel_name="python3", timeout=120)
    ended = threading.Event()

    def interrupt() -> None:
        while not sleeping() and not ended.wait(0.2):
            pass
        assert client.km is not None and client.km.provisioner is not None
        os.kill(client.km.provisioner.pid, signal.SIGINT)

    helper = threading.Thread(target=interrupt)
    helper.start()
    client.execute()
    ended.set()
    helper.join()
    assert "interrupted; nothing is left running" in "".join(map(shown, made.cells[1].outputs))
    deadline = time.monotonic() + 10
    while sleeping() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not sleeping()


def sleeping() -> list[int]:
    """Processes that run the hanging cell."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if any(word.endswith("probe.py") for word in words) and "time.sleep(299)" in minimal(words):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def minimal(words: list[str]) -> str:
    probe = next(word for word in words if word.endswith("probe.py"))
    script = Path(probe).with_name("minimal.py")
    return script.read_text("utf-8") if script.is_file() else ""
