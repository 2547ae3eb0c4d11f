"""The issue text: the sections of the project's template, the numbers of the evidence, and never too long."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from repro.decide import facts
from repro.decide.failure import read
from repro.model import Status, Symptom
from repro.render.issue import LIMIT, fit, issue_text, visible
from repro.render.issue.fit import Part
from repro.render.issue.github import details, fenced
from tests.browser import chromium
from tests.render.reported import EMBED, EXIT, SCRIPT_SAID, embed, embed_evidence, exit_evidence, minimal

TEXT = issue_text(EMBED, embed_evidence()).text


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
    text = issue_text(EXIT, exit_evidence(), project="arrow").text
    first = "Describe the bug, including details regarding any error messages, version, and platform."
    assert headings(text) == [first, "Component(s)"]
    assert text.split("### Component(s)")[1].split()[0] == "Python"


def test_the_summary_has_the_releases_and_the_numbers_of_the_trial_that_shows_it_best():
    assert "present in datasets 4.4.2 and 5.1.0. Absent in datasets 5.2.0" in TEXT
    assert "the kernel killed the process at a memory cap of 2GiB after 7.2 s; it had opened 16 files" in TEXT


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
    text = issue_text(EXIT, exit_evidence()).text
    assert "15/20 (53–89 %)" in text and "0/20 (0–16 %)" in text
    assert "ThreadPool::Shutdown" in text


def test_the_memory_timeline_is_a_chart_of_at_most_fifty_points_and_a_table():
    chart = TEXT.split("```mermaid\n")[1].split("```")[0]
    line = re.search(r"line \[(.*)\]", chart)
    assert line and len(line[1].split(",")) == 50
    assert "| seconds | memory of the process tree |" in TEXT


def test_what_was_not_tested_is_said():
    rest = TEXT.split("**What was not tested**")[1]
    assert "select(range(…)): a slice" in rest and "other than 4.4.2, 5.1.0 and 5.2.0" in rest


def test_missing_evidence_says_which_command_makes_it():
    text = issue_text(EMBED, []).text
    assert "run `repro run embed-sliced-list`" in text
    assert "run `repro issue embed-sliced-list --run`" in text


def test_the_text_carries_what_verify_needs():
    script, record = read(TEXT)
    assert script == (EMBED.folder / "minimal.py").read_text("utf-8")
    assert record.failure.said == "opened # files, needed #; Python's memory peak # MiB"
    assert (record.trials, record.limits.memory_bytes) == (1, 2 << 30)
    assert read(issue_text(EXIT, [*exit_evidence(), minimal(bug="exit-hang")]).text)[1].trials == 20


# Length


def test_a_text_that_is_too_long_drops_the_stacks_first_and_says_so_and_keeps_script_and_record():
    long = [*exit_evidence("frame " * 20_000), minimal(bug="exit-hang")]
    fitted = issue_text(EXIT, long, where="exit-hang.full.md")
    assert fitted.left_out == ("the stacks",)
    assert len(fitted.text) <= LIMIT
    assert "the stacks. All of it: exit-hang.full.md" in fitted.text
    assert read(fitted.text)[1].bug == "exit-hang"
    assert len(issue_text(EXIT, long, limit=None).text) > LIMIT


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


@pytest.mark.parametrize("made", [(EMBED, embed_evidence()), (EXIT, [*exit_evidence(), minimal(bug="exit-hang")])])
def test_rendered_in_a_browser_tables_details_and_code_are_there_and_the_record_is_not(made, tmp_path):
    text = issue_text(*made).text
    page = tmp_path / "issue.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><body>{html_of(text)}", "utf-8")
    with chromium() as tab:
        tab.open(page)
        count = {name: tab.run(f"document.querySelectorAll('{name}').length") for name in ("table", "details", "pre")}
        assert count["details"] == text.count("<details>") > 0
        assert count["table"] == len(re.findall(r"^\| --- ", text, re.MULTILINE))
        assert tab.run("document.querySelector('details').open") is False
        assert tab.run("document.querySelector('details table, details pre') !== null")
        assert "datasets-repro" not in tab.run("document.body.innerText")


# What the evidence says


def test_a_release_is_judged_by_trials_at_the_scale_of_the_report_where_there_are_any():
    small = embed("5.1.0", Symptom.OK, shows=False, parameters={"rows": 8})
    (release,) = facts.releases(EMBED, [embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True), small])
    assert (release.version, release.status) == ("5.1.0", Status.PRESENT)


def test_the_newest_deterministic_trial_counts_and_all_trials_of_a_race_count():
    old, new = embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True), embed("5.1.0", Symptom.OK, shows=False)
    assert facts.releases(EMBED, [old, new])[0].status is Status.ABSENT
    assert facts.releases(EXIT, exit_evidence())[0].failed.k == 15


def test_releases_are_in_the_order_of_versions_not_of_letters():
    trials = [embed(version, Symptom.OK, shows=False) for version in ("10.0.0", "9.0.0", "9.10.0", "9.9.0")]
    assert [r.version for r in facts.releases(EMBED, trials)] == ["9.0.0", "9.9.0", "9.10.0", "10.0.0"]
