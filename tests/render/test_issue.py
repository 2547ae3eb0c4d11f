"""The issue text: the sections of the project's template, the numbers of the evidence, and never too long."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from repro.bugs.declaration import Bug
from repro.decide.facts import Facts
from repro.decide.failure import read
from repro.errors import UserError
from repro.evidence.record import Evidence
from repro.model import Limits, Outcome, Symptom, Verdict
from repro.render.issue import LIMIT, Fitted, fit, issue_text, visible
from repro.render.issue.fit import Part
from repro.render.issue.github import details, fenced
from repro.report.issues import attached
from tests.browser import chromium
from tests.render.reported import (
    EMBED,
    EXIT,
    SCRIPT_SAID,
    embed,
    embed_evidence,
    exit_evidence,
    exit_minimal,
    minimal,
    race,
    take,
)


def written(bug: Bug, evidence: list[Evidence], **options: Any) -> Fitted:
    shown = attached(bug, options.get("project") or ("datasets" if bug is EMBED else "arrow"))
    return issue_text(Facts.of(bug, evidence), shown, **options)


TEXT = written(EMBED, embed_evidence()).text


def headings(text: str) -> list[str]:
    return re.findall(r"^### (.+)$", text, re.MULTILINE)


def html_of(markdown: str) -> str:
    """As GitHub reads it: tables on, HTML let through."""
    return str(MarkdownIt("commonmark").enable("table").render(markdown))


# Sections


def test_the_sections_are_those_of_the_datasets_template():
    assert headings(TEXT) == [
        "Describe the bug",
        "Steps to reproduce the bug",
        "Expected behavior",
        "Environment info",
    ]


def test_the_sections_are_those_of_the_arrow_template():
    text = written(EXIT, exit_evidence(), project="arrow").text
    first = "Describe the bug, including details regarding any error messages, version, and platform."
    assert headings(text) == [first, "Component(s)"]
    assert text.split("### Component(s)")[1].split()[0] == "Python"


def test_the_summary_has_the_releases_and_the_numbers_of_the_trial_that_shows_it_best():
    assert "present in datasets 4.4.2 and 5.1.0. Absent in datasets 5.2.0" in TEXT
    assert "the kernel killed the process at a memory cap of 2GiB after 7.2 s; until then files opened: 16." in TEXT


def test_the_cause_has_file_line_and_permalink():
    assert "[`datasets/table.py` line 2226](https://example.org/L2226)" in TEXT


def test_the_versions_are_one_row_a_release_and_name_what_cannot_be_tested():
    rows = [line.split(" | ") for line in TEXT.splitlines() if line.startswith("| ")]
    status = {row[0].removeprefix("| "): row[1] for row in rows}
    assert status["4.4.2"] == status["5.1.0"] == "affected"
    assert status["5.2.0"] == "not affected"
    assert status["datasets==5.2.0 pyarrow==22.0.0"] == "untestable"


def test_the_script_stands_there_with_its_real_output():
    assert (EMBED.folder / "minimal.py").read_text("utf-8").strip() in TEXT
    assert f"```text\n{SCRIPT_SAID}\n100%|done\n```" in TEXT, "and progress bars show their last state only"


def test_a_race_has_counts_with_intervals_and_the_stacks():
    text = written(EXIT, exit_evidence()).text
    assert "| 26.0.1 | affected | fails in 15/20 (49–92 %) |" in text
    assert "| 27.0.0 | unsettled | unsettled: not seen in 20 trials (rate below 17 %) |" in text
    assert "ThreadPool::Shutdown" in text


def test_the_memory_timeline_is_a_chart_of_at_most_fifty_points_and_a_table():
    chart = TEXT.split("```mermaid\n")[1].split("```")[0]
    line = re.search(r"line \[(.*)\]", chart)
    assert line and len(line[1].split(",")) == 50
    assert "| seconds | memory of the process tree |" in TEXT


def test_what_was_not_tested_is_said():
    rest = TEXT.split("**What was not tested**")[1]
    assert "select(range(…)): a slice" in rest and "other than 4.4.2, 5.1.0 and 5.2.0" in rest


def test_without_evidence_of_the_failure_there_is_no_issue():
    healthy = [embed("5.2.0", Symptom.OK, shows=False), minimal()]
    for evidence in ([], healthy):
        with pytest.raises(
            UserError, match="no evidence shows embed-sliced-list yet: run 'repro run embed-sliced-list'"
        ):
            written(EMBED, evidence)


def test_what_was_not_recorded_yet_says_which_command_records_it():
    text = written(EMBED, [embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True)]).text
    assert "Its output is not recorded, since it was not run yet: run `repro issue embed-sliced-list --run`" in text


def test_the_text_carries_what_verify_needs():
    script, record = read(TEXT)
    assert script == (EMBED.folder / "minimal.py").read_text("utf-8")
    assert record.failure.said == "opened 300 files, needed 1; Python's memory peak …"
    assert (record.trials, record.limits.memory_bytes) == (1, 2 << 30)
    assert read(written(EXIT, [*exit_evidence(), exit_minimal()]).text)[1].trials == 35


# Length


def test_a_text_that_is_too_long_drops_the_stacks_first_and_says_so_and_keeps_script_and_record():
    long = [*exit_evidence("frame " * 20_000), exit_minimal()]
    fitted = written(EXIT, long, where="exit-hang.full.md")
    assert fitted.left_out == ("the stacks",)
    assert len(fitted.text) <= LIMIT
    assert "the stacks. All of it: exit-hang.full.md" in fitted.text
    assert read(fitted.text)[1].bug == "exit-hang"
    assert len(written(EXIT, long, limit=None).text) > LIMIT


@given(st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 9)), max_size=12), st.integers(2_000, 12_000))
def test_parts_go_in_their_stated_order_and_never_one_more_than_needed(sizes, limit):
    parts = [Part("kept"), *(Part("x" * n, f"part {i}", drop) for i, (n, drop) in enumerate(sizes)), Part("record")]
    fitted = fit(parts, "there", limit)
    assert len(fitted.text) <= limit
    assert fitted.text.startswith("kept") and fitted.text.endswith("record\n")
    dropped = [sizes[int(name.split()[1])][1] for name in fitted.left_out]
    kept = [drop for i, (n, drop) in enumerate(sizes) if n and f"part {i}" not in fitted.left_out]
    assert dropped == sorted(dropped)
    assert not dropped or not kept or max(dropped) <= min(kept)


def test_what_may_not_be_dropped_and_is_too_long_is_refused():
    with pytest.raises(ValueError, match="must stay"):
        fit([Part("x" * 3000), Part("record")], "there", 1000)


# What GitHub makes of it


def test_a_placeholder_outside_code_is_escaped_and_inside_code_it_is_not():
    text = "in <tmp> and `<tmp>`\n```text\n<user>\n```\n<details>\n<host> <!-- <tmp> -->"
    assert visible(text) == "in &lt;tmp&gt; and `<tmp>`\n```text\n<user>\n```\n<details>\n&lt;host&gt; <!-- <tmp> -->"
    assert visible(visible(text)) == visible(text)


@given(st.text(alphabet="a`\n ", max_size=60))
def test_nothing_inside_a_code_block_can_end_it(text):
    html = html_of(f"{fenced(text)}\n\nafter")
    assert html.count("<pre>") == 1 and html.endswith("<p>after</p>\n")


def test_folded_parts_are_read_as_markdown():
    assert "<table>" in html_of(details("a < b", "| a |\n| --- |\n| 1 |"))


@pytest.mark.parametrize("made", [(EMBED, embed_evidence()), (EXIT, [*exit_evidence(), exit_minimal()])])
def test_rendered_in_a_browser_tables_details_and_code_are_there_and_the_record_is_not(made, tmp_path):
    text = written(*made).text
    page = tmp_path / "issue.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><body>{html_of(text)}", "utf-8")
    with chromium() as tab:
        tab.open(page)
        count = {name: tab.run(f"document.querySelectorAll('{name}').length") for name in ("table", "details", "pre")}
        assert count["details"] == text.count("<details>") > 0
        assert count["table"] == len(re.findall(r"^\| ---:? ", text, re.MULTILINE))
        assert tab.run("document.querySelector('details').open") is False
        assert tab.run("document.querySelector('details table, details pre') !== null")
        assert "datasets-repro" not in tab.run("document.body.innerText")


# What may be concluded


def test_absent_in_lists_neither_untestable_nor_failing_nor_unsettled_releases():
    other = embed("5.1.1", Symptom.ERROR, shows=False, verdict=Verdict(Symptom.ERROR, False, "an import failed"))
    broken = embed(
        "5.1.2", Symptom.ERROR, shows=False, verdict=Verdict(Symptom.ERROR, False, "no numpy", testable=False)
    )
    text = written(EMBED, [*embed_evidence(), other, broken]).text
    assert "Absent in datasets 5.2.0, in the same scenario" in text
    assert "| 5.1.1 | fails otherwise |" in text and "| 5.1.2 | untestable |" in text
    assert "Absent in" not in written(EXIT, exit_evidence()).text, "20 clean trials of a race settle nothing"
    assert (
        "pyarrow 27.0.0 is unsettled: not seen in 20 trials (rate below 17 %)." in written(EXIT, exit_evidence()).text
    )


def test_too_few_runs_of_a_fix_never_become_helps():
    bad = race(symptom=Symptom.HANG_AT_EXIT, n=4)
    few, enough = race(fix="no-threads", n=20), race(fix="no-threads", n=35)
    assert "| helps" not in written(EXIT, [*bad, *few]).text
    assert "| helps: not seen in 35 trials: less than 10 % |" in written(EXIT, [*bad, *enough]).text


def test_a_fix_helps_only_where_the_bug_shows_without_it():
    elsewhere = take("5.2.0")
    text = written(EMBED, [embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True), elsewhere]).text
    assert "| not seen in 1 trial |" in text and "| helps" not in text


def test_the_limits_shown_and_recorded_are_those_of_the_run_not_of_the_bug():
    own = Limits(512 << 20, 60.0, 10.0)
    evidence = [embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True, limits=own), minimal(limits=own)]
    text = written(EMBED, evidence).text
    assert "at a memory cap of 512MiB" in text and "2GiB" not in text
    assert read(text)[1].limits == own


def test_a_script_that_fails_for_another_reason_is_not_the_recorded_failure():
    traceback = 'Traceback (most recent call last):\n  File "minimal.py", line 1\nImportError: no module datasets\n'
    outcome = Outcome(Symptom.ERROR, "exit status 1", exit_code=1, stderr_tail=traceback)
    verdict = Verdict(Symptom.ERROR, True, "exit status 1")
    bad = embed("5.1.0", Symptom.ERROR, shows=True, scenario="minimal", outcome=outcome, verdict=verdict)
    text = written(EMBED, [embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True), bad]).text
    assert "it did not fail as the bug does (exit status 1)" in text
    assert "ImportError" not in text and "datasets-repro {" not in text


def test_a_newer_healthy_run_of_the_script_does_not_replace_the_failing_one():
    healthy = minimal(verdict=Verdict(Symptom.OK, False, "exit status 0"), said="opened 1 files")
    text = written(EMBED, [*embed_evidence(), healthy]).text
    assert SCRIPT_SAID in text and "opened 1 files" not in text


def test_what_was_left_out_is_said_with_the_reason():
    old = embed("5.1.0", Symptom.OK, shows=False, decided_by="old-1")
    new = embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True, decided_by="new-1")
    tight = embed("5.2.0", Symptom.OUT_OF_MEMORY, shows=True, decided_by="new-2", limits=Limits(64 << 20, 120.0, 30.0))
    text = written(EMBED, [old, new, tight]).text
    assert "_1 older trial left out: the code that makes or judges them changed since._" in text
    assert "_1 other trial left out: they ran under other limits than these: cap 2GiB" in text
    assert "present in datasets 5.1.0." in text
