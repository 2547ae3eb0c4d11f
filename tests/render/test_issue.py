"""The issue text: the sections of the project's template, the numbers of the evidence, and never too long."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from repro import bugs
from repro.bugs.declaration import Bug, Scenario
from repro.decide.facts import Facts
from repro.decide.failure import read
from repro.errors import UserError
from repro.evidence.record import Evidence
from repro.model import Limits, Outcome, Symptom, Verdict
from repro.render.issue import LIMIT, PROJECTS, SHORT, Fitted, fit, issue_text, visible
from repro.render.issue.fit import Part
from repro.render.issue.github import details, fenced
from repro.render.issue.text import home
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


def test_the_sections_are_those_of_the_huggingface_hub_template_which_asks_for_nothing_expected():
    fitted = written(EMBED, embed_evidence(), project="huggingface_hub")
    assert headings(fitted.text) == ["Describe the bug", "Reproduction", "System info"]
    assert f"**Expected:** {EMBED.expected}" in fitted.text.split("### Reproduction")[0]
    assert home(Facts.of(bugs.load("unchecked-range"), [])) == "huggingface_hub"


def test_the_affected_range_is_said_in_words_of_both_packages():
    assert (
        "**Affected:** datasets 4.4.2 to 5.1.0 (2 tested); not affected: 5.2.0, the newest tested. "
        "Seen with pyarrow 24.0.0, the newest tested." in TEXT
    )


def test_who_killed_it_at_which_cap_and_when_is_said_of_the_trial_that_shows_it_best():
    assert "<summary>Memory: the kernel killed the process at a cap of 2GiB after 7.2 s; files opened: 16<" in TEXT


def test_the_cause_has_file_line_and_permalink():
    assert "[`datasets/table.py` line 2226](https://example.org/L2226)" in TEXT


def rows_of(text: str) -> dict[str, str]:
    """The first two cells of each row of a table."""
    rows = [line.removeprefix("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {row[0]: row[1].removesuffix(" |") for row in rows}


def test_the_releases_are_a_row_a_range_and_what_cannot_be_made_is_grouped_by_its_reason():
    status = rows_of(TEXT)
    assert status["4.4.2 to 5.1.0 (2 tested)"] == "affected"
    assert status["5.2.0, the newest tested"] == "not affected"
    assert "4.4.2" not in status, "and no release has a row of its own beside its range"
    assert "No such environment, since datasets 5.2.0 needs pyarrow" in TEXT


def test_the_script_stands_there_with_its_real_output():
    assert (EMBED.folder / "minimal.py").read_text("utf-8").strip() in TEXT
    assert f"```text\n{SCRIPT_SAID}\n100%|done\n```" in TEXT, "and progress bars show their last state only"


def test_a_race_has_counts_with_intervals_and_the_stacks():
    text = written(EXIT, exit_evidence()).text
    assert "| 26.0.1 | affected | 26.0.1: 15/20 (49–92 %) |" in text
    assert "| unsettled | 27.0.0: unsettled: not seen in 20 trials (rate below 17 %) |" in text
    assert "ThreadPool::Shutdown" in text


def test_the_memory_timeline_is_a_chart_of_at_most_fifty_points_and_a_table():
    chart = TEXT.split("```mermaid\n")[1].split("```")[0]
    line = re.search(r"line \[(.*)\]", chart)
    assert line and len(line[1].split(",")) == 50
    assert "| seconds | memory of the process tree |" in TEXT


def test_of_very_many_situations_those_that_are_not_affected_are_counted_and_have_no_row():
    names = [f"s{number}" for number in range(21)]
    bug = replace(EMBED, scenarios=(*EMBED.scenarios, *(Scenario(name, f"{name}: so") for name in names)))
    healthy = [embed("5.1.0", Symptom.OK, shows=False, scenario=name) for name in names]
    text = written(bug, [*embed_evidence(), *healthy]).text
    assert "<summary>Situations: 2 affected, 22 not affected</summary>" in text
    assert list(rows_of(text.split("<summary>Situations")[1].split("</details>")[0]).values())[2:] == ["affected"] * 2
    few = written(bug, [*embed_evidence(), *healthy[:2]]).text
    assert "<summary>Situations: 2 affected, 3 not affected (" in few and "| s1: so |" in few


def test_what_was_not_tested_is_said():
    rest = TEXT.split("<summary>Not tested: anything but Linux")[1]
    assert "select(range(…)): a slice" in rest and "other than 4.4.2, 5.1.0 and 5.2.0" in rest


def test_without_evidence_of_the_failure_there_is_no_issue():
    healthy = [embed("5.2.0", Symptom.OK, shows=False), minimal()]
    for evidence in ([], healthy):
        with pytest.raises(
            UserError, match="no evidence shows embed-sliced-list yet: run 'repro run embed-sliced-list'"
        ):
            written(EMBED, evidence)


def test_what_was_not_run_yet_is_not_in_the_text_and_is_named_for_who_writes_it():
    fitted = written(EMBED, [embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True)])
    assert [words.split(",")[0] for words in fitted.missing] == ["the output of minimal.py", "the exported test"]
    assert not re.search("repro issue|recorded|not run here| yet", fitted.text)
    assert written(EMBED, embed_evidence()).missing == ()


def test_the_text_carries_what_verify_needs():
    script, record = read(TEXT)
    assert script == (EMBED.folder / "minimal.py").read_text("utf-8")
    assert record.failure.said == "opened 300 files, needed 1; Python's memory peak …"
    assert (record.trials, record.limits.memory_bytes) == (1, 2 << 30)
    assert read(written(EXIT, [*exit_evidence(), exit_minimal()]).text)[1].trials == 35


# Length


def test_a_text_that_is_too_long_drops_the_least_important_first_and_says_so_and_keeps_script_and_record():
    fixes = [e for name in ("no-threads", "os-exit") for e in race(fix=name, n=3)]
    said = tuple(replace(fix, title="word " * 2000) for fix in EXIT.fixes if fix.name in ("none", "no-threads"))
    long = replace(EXIT, fixes=said)
    evidence = [*exit_evidence(), *fixes, exit_minimal()]
    fitted = written(long, evidence, where="exit-hang.full.md")
    assert fitted.left_out == ("the stacks", "the table of fixes") and len(fitted.text) <= SHORT
    assert "the table of fixes. The whole text, exit-hang.full.md, has them" in fitted.text
    assert read(fitted.text)[1].bug == "exit-hang" and "last line of the script" in fitted.text
    whole = written(long, evidence, limit=LIMIT)
    assert whole.left_out == () and "word word" in whole.text


@pytest.mark.parametrize(("bug", "evidence"), [(EMBED, embed_evidence()), (EXIT, [*exit_evidence(), exit_minimal()])])
@pytest.mark.parametrize("project", PROJECTS)
def test_by_default_it_is_short_and_whole(bug, evidence, project):
    fitted = written(bug, evidence, project=project)
    assert len(fitted.text) < SHORT and fitted.left_out == ()


@given(st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 9)), max_size=12), st.integers(2_000, 12_000))
def test_parts_go_in_their_stated_order_and_never_one_more_than_needed(sizes, limit):
    parts = [Part("kept"), *(Part("x" * n, f"part {i}", drop) for i, (n, drop) in enumerate(sizes)), Part("record")]
    fitted = fit(parts, "there", limit)
    assert len(fitted.text) <= limit or len(fitted.left_out) == sum(1 for n, _ in sizes if n)
    assert fitted.text.startswith("kept") and fitted.text.endswith("record\n")
    dropped = [sizes[int(name.split()[1])][1] for name in fitted.left_out]
    kept = [drop for i, (n, drop) in enumerate(sizes) if n and f"part {i}" not in fitted.left_out]
    assert dropped == sorted(dropped)
    assert not dropped or not kept or max(dropped) <= min(kept)


def test_a_script_for_which_github_has_no_room_is_refused_and_one_over_the_short_length_is_not():
    assert len(fit([Part("x" * 13_000), Part("y", "the rest", 1), Part("record")], "there", SHORT).text) > SHORT
    with pytest.raises(UserError, match="GitHub takes 65,536: shorten the script"):
        fit([Part("x" * 66_000), Part("record")], "there", SHORT)


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
    assert "not affected: 5.2.0, the newest tested; fails otherwise: 5.1.1. Seen" in text
    assert rows_of(text)["5.1.1"] == "fails otherwise" and rows_of(text)["5.1.2"] == "untestable"
    race_text = written(EXIT, exit_evidence()).text
    assert "not affected" not in race_text, "20 clean trials of a race settle nothing"
    assert "; unsettled: 27.0.0 (not seen in 20 trials (rate below 17 %))." in race_text


def test_too_few_runs_of_a_fix_never_become_helps():
    bad = race(symptom=Symptom.HANG_AT_EXIT, n=4)
    few, enough = race(fix="no-threads", n=20), race(fix="no-threads", n=35)
    assert "| helps" not in written(EXIT, [*bad, *few]).text
    assert "| helps: not seen in 35 trials: less than 10 % |" in written(EXIT, [*bad, *enough]).text


def test_a_fix_helps_only_where_the_bug_shows_without_it():
    elsewhere = take("5.2.0")
    text = written(EMBED, [embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True), elsewhere]).text
    assert "| not seen in 1 trial; with these inputs the bug was not seen without it |" in text
    assert "| helps" not in text and "Cannot be judged: take" in text


def test_the_diff_of_a_patch_is_shown_if_it_helps_and_the_newest_release_is_affected():
    bad = embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True)
    failing = embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True, fix="contiguous-copy")
    helping = embed("5.1.0", Symptom.OK, shows=False, fix="unconditional-copy")
    text = written(EMBED, [bad, failing, helping]).text
    assert text.count("```diff\n") == 1 and "<summary>A patch that helps with datasets 5.1.0" in text
    assert (EMBED.folder / "patches" / "v520_copy.patch").read_text("utf-8").strip() in text
    assert "```diff" not in written(EMBED, [bad, failing]).text
    assert "```diff" not in written(EMBED, [bad, helping, embed("5.2.0", Symptom.OK, shows=False)]).text


def test_the_limits_shown_and_recorded_are_those_of_the_run_not_of_the_bug():
    own = Limits(512 << 20, 60.0, 10.0)
    evidence = [embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True, limits=own), minimal(limits=own)]
    text = written(EMBED, evidence).text
    assert "at a cap of 512MiB" in text and "2GiB" not in text
    assert read(text)[1].limits == own


def test_a_script_that_fails_for_another_reason_is_not_the_recorded_failure():
    traceback = 'Traceback (most recent call last):\n  File "minimal.py", line 1\nImportError: no module datasets\n'
    outcome = Outcome(Symptom.ERROR, "exit status 1", exit_code=1, stderr_tail=traceback)
    verdict = Verdict(Symptom.ERROR, True, "exit status 1")
    bad = embed("5.1.0", Symptom.ERROR, shows=True, scenario="minimal", outcome=outcome, verdict=verdict)
    fitted = written(EMBED, [embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True), bad])
    text = fitted.text
    assert "the output of minimal.py, which was not seen to fail as the bug does" in fitted.missing
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
    assert "**Affected:** datasets 5.1.0, the newest tested. Seen" in text
