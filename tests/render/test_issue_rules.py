"""What an issue text owes its reader: one screen, one environment, ranges, one hang, and nothing that says nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from repro import bugs
from repro.bugs.script import Recorded, record, told
from repro.decide.facts import Facts
from repro.decide.failure import read
from repro.decide.header import asked, own_target, wanted, with_header
from repro.evidence.record import Evidence
from repro.model import Limits, Outcome, Stack, Symptom, Verdict
from repro.render.issue import issue_text
from repro.render.issue.text import Attached
from repro.render.ranges import needs
from repro.report.issues import attached
from repro.signature import Signature
from repro.signature import signature as signature_of
from tests.render.reported import (
    EMBED,
    EXIT,
    GDB,
    embed,
    embed_evidence,
    exit_evidence,
    exit_minimal,
    gate,
    minimal,
    race,
    take,
)

BAD = embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True)
HANGS = race(symptom=Symptom.HANG_AT_EXIT, n=3)


def written(bug: Any, evidence: list[Evidence], project: str = "", shown: Attached | None = None) -> str:
    project = project or ("datasets" if bug is EMBED else "arrow")
    return issue_text(Facts.of(bug, evidence), shown or attached(bug, project), project=project).text


def screen(text: str) -> str:
    return re.sub(r"(?s)<details>.*?</details>\n*|<!--.*?-->", "", text)


def summaries(text: str) -> list[str]:
    return re.findall(r"<summary>(.*?)</summary>", text)


def part(text: str, head: str) -> str:
    """The folded part whose summary starts with ``head``; empty if there is none."""
    found = (one for one in text.split("<details>")[1:] if f"<summary>{head}" in one)
    return next(found, "").split("</details>")[0]


# One screen


RUN = [*exit_evidence(), exit_minimal(), *race(fix="os-exit", n=3)]


@pytest.mark.parametrize(
    ("bug", "evidence", "project"),
    [(EMBED, embed_evidence(), "datasets"), (EMBED, embed_evidence(), "arrow"), (EXIT, RUN, "arrow")],
)
def test_the_first_screen_holds_what_happens_where_the_script_and_its_environment_and_nothing_else(
    bug, evidence, project
):
    first = screen(written(bug, evidence, project))
    order = (bug.summary, "**Affected:**", "```python", "```text", bug.expected, "- ")
    places = [first.index(words) for words in order]
    assert places == sorted(places)
    assert "\n| " not in first and len(first.splitlines()) <= 90


@pytest.mark.parametrize("bug", [EMBED, EXIT])
def test_what_happens_is_told_in_two_sentences(bug):
    assert len(re.findall(r"[.!?](?= [A-Z]|$)", bug.summary)) <= 2


def test_each_folded_part_has_its_finding_in_its_summary():
    for text in (written(EMBED, embed_evidence()), written(EXIT, RUN)):
        assert all(len(re.split("[:.] ", line, maxsplit=1)[1]) > 10 for line in summaries(text))
        assert len(summaries(text)) > 3


def test_there_is_no_placeholder_no_empty_column_and_nothing_of_the_kit():
    bare = written(EMBED, [BAD])
    full = written(EMBED, embed_evidence())
    for text in (bare, full, written(EXIT, [*HANGS]), written(EXIT, exit_evidence())):
        said = text.split("<!--")[0]
        assert not re.search(r"(?i)to be found|todo|not recorded|run `repro|<cache>|site-packages|this kit", said)
        for table in re.findall(r"(?m)(?:^\|.*\n)+", said):
            head, _, *rows = ([cell.strip() for cell in line.strip("|\n ").split(" | ")] for line in table.splitlines())
            assert all(any(row[i] != "–" for row in rows) for i in range(len(head))), head


# One environment


def test_header_output_environment_and_record_are_of_one_environment():
    text = written(EMBED, [*embed_evidence(), minimal("5.1.0")])
    script, record = read(text)
    assert asked(script) == {"datasets": "datasets==5.1.0", "pyarrow": "pyarrow==24.0.0"}
    assert "With datasets 5.1.0 and pyarrow 24.0.0, Python 3.11.7 (exit status 1):" in text
    assert "- `datasets` version: 5.1.0" in text and record.target == "datasets==5.1.0"


def test_the_header_follows_the_environment_in_which_the_script_was_seen_to_fail():
    text = written(EMBED, [embed("4.8.0", Symptom.OUT_OF_MEMORY, shows=True), minimal("4.8.0")])
    assert '# dependencies = ["datasets==4.8.0", "pyarrow==24.0.0"]' in text and "5.1.0" not in screen(text)


def test_what_a_pyarrow_script_is_run_in_holds_no_datasets():
    script = '# /// script\n# dependencies = ["pyarrow==25.0.0"]\n# ///\nimport pyarrow\n'
    target = {"spec": "pyarrow==26.0.1", "pyarrow": "26.0.1", "datasets": "5.2.0", "packages": {"pyarrow": "26.0.1"}}
    assert own_target(script, target) == "pyarrow==26.0.1"
    text = written(EXIT, [*HANGS, exit_minimal()])
    assert (
        "With pyarrow 26.0.1, Python 3.11.7 (still running" in text and "datasets" not in screen(text).split("With")[1]
    )


def test_a_pin_that_mattered_and_what_the_script_imports_are_named():
    script = '# /// script\n# dependencies = [\n#   "datasets[vision]==5.1.0",\n# ]\n# ///\nimport nibabel\n'
    packages = {"datasets": "4.4.0", "numpy": "1.26.4", "nibabel": "5.3.2"}
    target = {"spec": "python==3.12 datasets==4.4.0 numpy<2", "datasets": "4.4.0", "packages": packages}
    assert wanted(script, target) == ["datasets==4.4.0", "numpy<2"]
    assert own_target(script, target) == "datasets==4.4.0 numpy<2 python==3.12"
    assert '# dependencies = ["datasets==4.4.0", "numpy<2"]\n# ///' in with_header(script, wanted(script, target))
    one = embed("4.4.0", Symptom.OUT_OF_MEMORY, shows=True, target=target)
    text = written(EMBED, [one], shown=Attached("minimal.py", script))
    for line in ("- `nibabel` version: 5.3.2", "- `numpy` version: 1.26.4", "- Pinned: `numpy<2`"):
        assert line in text.split("### Environment info")[1].split("<details>")[0]


def test_a_checkout_stays_the_environment_and_gets_no_release():
    script = '# /// script\n# dependencies = ["datasets==5.1.0"]\n# ///\n'
    target = {"spec": "./datasets pyarrow==24.0.0", "datasets": "5.2.1.dev0", "packages": {}}
    assert own_target(script, target) == "./datasets pyarrow==24.0.0"
    assert wanted(script, target) == ["datasets==5.1.0", "pyarrow==24.0.0"]


def test_a_release_that_was_asked_for_is_in_the_header_though_the_script_does_not_import_it():
    script = '# /// script\n# dependencies = ["datasets==5.1.0"]\n# ///\n'
    assert own_target(script, dict(BAD.target) | {"spec": "datasets==5.1.0 pyarrow==24.0.0"}) == (
        "datasets==5.1.0 pyarrow==24.0.0"
    )


def test_no_folder_of_the_kit_is_in_the_output_of_the_script():
    said = 'File "<tmp>/repro-30-74b/minimal.py", line 12\nFile "<cache>/envs/9b/lib/site-packages/datasets/table.py"\n'
    text = written(EMBED, [BAD, minimal(said=said)])
    assert 'File "minimal.py", line 12\nFile "site-packages/datasets/table.py"' in text


# Releases


def test_what_an_attribution_put_together_is_no_release_and_no_row():
    pins = "datasets==5.1.0 anyio==4 click==8 dill==0.4 filelock==3"
    mixed = {"spec": pins, "datasets": "5.2.0", "pyarrow": "24.0.0", "python": "3.11.7", "packages": {}}
    none = {"spec": pins.replace("5.1.0", "5.3.0"), "packages": {}}
    odd = [embed("5.2.0", Symptom.EXCESS_READ, shows=True, target=mixed)]
    odd += [embed("", Symptom.UNSOLVABLE, shows=False, target=none, outcome=Outcome(Symptom.UNSOLVABLE, "no"))]
    text = written(EMBED, [*embed_evidence(), *odd])
    assert "not affected: 5.2.0, the newest tested." in text and "anyio" not in text and "5.3.0" not in text


def test_environments_that_cannot_be_made_are_grouped_by_the_requirement_that_decides():
    reason = "Because datasets>=5.2.0 depends on pyarrow>=24.0.0 and you require datasets==5.2.0, we can conclude …"
    none = [
        embed("", Symptom.UNSOLVABLE, shows=False, target={"spec": f"datasets==5.2.0 pyarrow=={v}", "packages": {}},
              outcome=Outcome(Symptom.UNSOLVABLE, "no"), verdict=Verdict(Symptom.UNSOLVABLE, False, reason))
        for v in ("21.0.0", "22.0.0", "22.0.0")
    ]  # fmt: skip
    text = written(EMBED, [BAD, embed("5.2.0", Symptom.OK, shows=False), *none])
    said = "since datasets>=5.2.0 depends on pyarrow>=24.0.0: datasets==5.2.0 pyarrow==21.0.0 and "
    said += "datasets==5.2.0 pyarrow==22.0.0."
    assert text.count("No such environment") == 1 and said in text


def test_the_other_package_is_named_with_its_own_range_beside_an_affected_release():
    def beside(version: str, arrow: str, symptom: Symptom = Symptom.OUT_OF_MEMORY) -> Evidence:
        target = {**BAD.target, "spec": f"datasets=={version} pyarrow=={arrow}", "datasets": version, "pyarrow": arrow}
        return embed(version, symptom, shows=symptom is not Symptom.OK, target=target)

    trials = [beside("5.1.0", "18.1.0"), beside("5.1.0", "22.0.0"), beside("5.1.0", "26.0.1")]
    text = written(EMBED, [*trials, beside("5.2.0", "27.0.0", Symptom.OK)])
    assert "Seen with pyarrow 18.1.0 to 26.0.1 (3 tested)." in text, "27.0.0 was tested, with a healthy release"
    assert "to 26.0.1, the newest (3 tested)." in written(EMBED, trials)
    assert "with pyarrow 18.1.0 to 22.0.0 (2 tested)." in written(
        EMBED, [*trials[:2], beside("5.2.0", "27.0.0", Symptom.OK)]
    )
    healthy = written(EMBED, [*trials[:2], beside("5.1.0", "26.0.1", Symptom.OK)])
    assert "Seen with pyarrow 18.1.0 to 22.0.0 (2 tested); not affected: 26.0.1, the newest tested." in healthy


def test_of_a_bug_of_another_package_its_release_is_named_and_no_range_of_others():
    bug, words = bugs.load("unchecked-range"), "datasets==5.2.0 huggingface-hub=={0} pyarrow==24.0.0"

    def wrong(version: str, scenario: str = "open-html") -> Evidence:
        target = {**BAD.target, "spec": words.format(version), "huggingface-hub": version, "packages": {}}
        return embed("5.2.0", Symptom.WRONG_OUTPUT, shows=True, bug=bug.slug, scenario=scenario, target=target)

    trials = [wrong(version, name) for version in ("1.33.0", "2.4.0") for name in ("open-range-ignored", "open-html")]
    text = written(bug, trials, "huggingface_hub")
    assert "**Affected:** huggingface-hub 1.33.0 to 2.4.0, the newest (2 tested).\n" in text
    assert "Seen with" not in text
    assert "All with datasets 5.1.0, pyarrow 24.0.0, huggingface-hub 2.4.0, Python 3.11.7." in text
    elsewhere = [*trials, wrong("2.4.0", "open-empty"), wrong("1.33.0", "open-wrong-range")]
    said = part(written(bug, elsewhere, "huggingface_hub"), "Situations")
    assert said.count("| usual |") == 3 and "| datasets 5.1.0, pyarrow 24.0.0, huggingface-hub 1.33.0, " in said
    assert "The usual environment: datasets 5.1.0, pyarrow 24.0.0, huggingface-hub 2.4.0, Python 3.11.7." in said


# Stacks and memory


def crash(text: str = "Fatal Python error: Aborted\n") -> Evidence:
    outcome = Outcome(Symptom.CRASH_AT_EXIT, "SIGABRT after it was done", signal="SIGABRT", done=True,
                      stacks=(Stack("faulthandler", text),))  # fmt: skip
    return race(
        symptom=Symptom.CRASH_AT_EXIT, outcome=outcome, verdict=Verdict(Symptom.CRASH_AT_EXIT, True, "aborted")
    )[0]


def test_a_crash_never_stands_in_for_a_hang():
    assert part(written(EXIT, [*HANGS, crash()]), "Hang") == part(written(EXIT, [*HANGS, crash()]), "Crash") == ""
    both = written(EXIT, [*exit_evidence(), crash()])
    assert "ThreadPool::Shutdown" in part(both, "Hang") and "Aborted" not in both
    assert "Aborted" in part(written(EXIT, [crash()]), "Crash: SIGABRT")


def test_one_hang_is_shown_of_the_newest_release_without_idle_threads_modules_advice_or_folders():
    newest = exit_evidence()
    old = race("22.0.0", Symptom.HANG_AT_EXIT, outcome=Outcome(Symptom.HANG_AT_EXIT, "x", stacks=(
        Stack("gdb", GDB.replace("libarrow.so.2200", "old.so")),)))  # fmt: skip
    shown = part(written(EXIT, [*newest, *old]), "Hang")
    assert "With pyarrow 26.0.1" in shown and "old.so" not in shown and shown.count("```text") == 1
    assert not re.search("blas|jemalloc|Extension modules|auto-load|New LWP|futex|cache|/", shown.split("```")[1])


def test_the_first_screen_names_the_cap_at_which_the_script_was_killed():
    killed = replace(minimal(), outcome=BAD.outcome, verdict=BAD.verdict, limits=Limits(300 << 20, 60.0))
    assert "(killed for memory at a cap of 300MiB)" in screen(written(EMBED, [BAD, killed]))


def test_a_run_of_the_script_that_failed_in_another_way_is_no_hang_of_the_bug():
    late = Outcome(Symptom.HANG, "not done after 60 s", stacks=(Stack("gdb", GDB),))
    other = replace(minimal(), outcome=late, verdict=Verdict(Symptom.HANG, True, "SIGKILL"))
    assert not part(written(EMBED, [BAD, other]), "Hang")


def test_memory_over_time_is_shown_where_memory_is_what_it_died_of_and_nowhere_else():
    assert part(written(EMBED, [BAD]), "Memory")
    reads = replace(BAD, verdict=Verdict(Symptom.EXCESS_READ, True, "24 files"))
    assert not part(written(EMBED, [reads]), "Memory") and not part(written(EXIT, exit_evidence()), "Memory")


# Fixes


def test_what_the_reporter_asked_about_is_always_among_the_fixes():
    found = part(written(EMBED, [BAD, take(), gate()]), "Fixes")
    for name in ("pandas-round-trip", "contiguous-copy"):
        assert re.search(rf"\| {name}: .* \| not tried \|", found)
    assert "row-by-row" not in found


def test_fixes_are_grouped_by_what_may_be_said_and_a_wrong_one_never_helps():
    wrong = Verdict(Symptom.WRONG_OUTPUT, False, "schema in 4 of 30 cases")
    trials = [
        BAD, take(), embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True, fix="contiguous-copy"),
        embed("5.1.0", Symptom.OK, shows=False, fix="pandas-round-trip"),
        embed("5.1.0", Symptom.WRONG_OUTPUT, shows=False, fix="pandas-round-trip", scenario="gate", verdict=wrong),
    ]  # fmt: skip
    text = written(EMBED, trials)
    assert (
        "<summary>Fixes. Helps: take; does not help: contiguous-copy; not correct: pandas-round-trip</summary>" in text
    )
    assert "| not correct: schema in 4 of 30 cases; the bug: not seen in 1 trial |" in text


def test_situations_in_which_a_fix_gave_the_same_share_a_row_and_others_do_not():
    other = next(one.name for one in EMBED.scenarios if one.name != BAD.scenario and not one.control)
    same = [BAD, take(), replace(BAD, scenario=other), replace(take(), scenario=other)]
    rows = [line for line in part(written(EMBED, same), "Fixes").splitlines() if line.startswith("| take")]
    assert len(rows) == 1 and "(each)" in rows[0]
    apart = [BAD, take(), replace(take(), scenario=other)]  # there nothing shows without the fix
    rows = [line for line in part(written(EMBED, apart), "Fixes").splitlines() if line.startswith("| take")]
    assert len(rows) == 2 and not any("(each)" in row for row in rows)


def test_a_fix_of_a_race_with_too_few_trials_is_unsettled():
    text = written(EXIT, [*HANGS, *race(fix="os-exit", n=34)])
    assert "<summary>Fixes. Unsettled: os-exit</summary>" in text


# The test, and scripts


def run_of_the_test(symptom: Symptom, version: str, said: str) -> Evidence:
    return embed(version, symptom, shows=symptom is Symptom.ERROR, scenario="exported-test",
                 verdict=Verdict(symptom, symptom is Symptom.ERROR, said))  # fmt: skip


def test_the_exported_test_says_where_it_is_red_and_where_green_or_that_no_green_is_known():
    red, green = (
        run_of_the_test(Symptom.ERROR, "5.1.0", "red: 3 failed, 0 passed"),
        run_of_the_test(Symptom.OK, "5.2.0", "green: 3 passed"),
    )
    assert summaries(written(EMBED, [BAD, red, green]))[-2] == (
        "A pytest: red with datasets 5.1.0, pyarrow 24.0.0, Python 3.11.7; "
        "green with datasets 5.2.0, pyarrow 24.0.0, Python 3.11.7"
    )
    patched = [
        replace(one, fix=name)
        for one, name in ((red, "large-binary"), (green, "rebased-offsets"), (green, "unconditional-copy"))
    ]
    assert summaries(written(EMBED, [BAD, red, *patched]))[-2] == (
        "A pytest: red with datasets 5.1.0, pyarrow 24.0.0, Python 3.11.7 and the patch large-binary; "
        "green with the patches rebased-offsets and unconditional-copy"
    )
    only = part(written(EMBED, [BAD, red]), "A pytest")
    assert "no release or patch is known with which all of it is green" in only
    assert not part(written(EMBED, [BAD]), "A pytest"), "a test that never ran proves nothing"


def test_an_environment_asked_for_in_two_spellings_is_one():
    red = run_of_the_test(Symptom.ERROR, "5.1.0", "red: 3 failed, 0 passed")
    again = replace(red, id="again", target={**red.target, "spec": "latest"})
    found = part(written(EMBED, [BAD, red, again]), "A pytest")
    assert found.count("red: 3 failed") == 1
    assert "A pytest: red with datasets 5.1.0, pyarrow 24.0.0, Python 3.11.7; no release" in found


def test_where_only_another_situation_was_run_the_text_says_which_and_where():
    other = replace(BAD, scenario="full")
    title = next(one.title for one in EMBED.scenarios if one.name == "full")
    assert f"**Affected:** datasets 5.1.0, pyarrow 24.0.0, Python 3.11.7, in this situation: {title}." in screen(
        written(EMBED, [other])
    )


SCRIPT = '# /// script\n# dependencies = ["datasets==5.0.0"]\n# ///\nfrom datasets import Dataset\n\nassert 1 == 2\n'
RAISED = (
    'Traceback (most recent call last):\n  File "~/x/lib/python3.11/site-packages/datasets/table.py", line 7, in cast\n'
)


@pytest.mark.parametrize(
    ("signature", "race", "title", "sentence"),
    [
        (Signature("error", 1, raised="ValueError", message="got 34 of 100 rows"), False,
         "ValueError: got 34 of 100 rows", "The script below raises `ValueError: got 34 of 100 rows`."),
        (Signature("error", 3), False, "The process ends with status 3", "of the script below ends with status 3."),
        (Signature("hang-at-exit", signal="SIGKILL"), True,
         "The process hangs at exit, after its last statement in some",
         "of the script below hangs at exit, after its last statement in some runs."),
        (Signature("out-of-memory", signal="SIGKILL", killer="kernel"), False,
         "The process is killed for the memory it takes (SIGKILL by the kernel)", "takes (SIGKILL by the kernel)."),
        (Signature("crash", signal="SIGSEGV"), False, "The process crashes (SIGSEGV)", "below crashes (SIGSEGV)."),
    ],
)  # fmt: skip
def test_a_script_has_a_title_and_a_sentence_that_a_maintainer_understands(signature, race, title, sentence):
    found = told(Recorded(signature, race))
    assert found is not None
    assert found[0].startswith(title) and found[1].endswith(sentence) and ".py" not in " ".join(found)


def test_the_text_of_a_script_says_what_it_raises_where_that_came_from_and_in_which_releases(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "crash.py"
    path.write_text(SCRIPT)
    outcome = Outcome(Symptom.ERROR, "exit status 1", exit_code=1, stderr_tail=f"{RAISED}ValueError: got 34 of 100\n")
    record(bugs.load(str(path)), Recorded(signature_of(outcome)))
    bug = bugs.load(str(path))
    shown = Verdict(Symptom.ERROR, True, "ValueError: got 34 of 100")
    failed: dict[str, Any] = {"bug": bug.slug, "outcome": outcome, "verdict": shown, "parameters": {}}
    trials = [
        embed("5.0.0", Symptom.ERROR, shows=True, scenario="script", **failed),
        embed("5.1.0", Symptom.ERROR, shows=True, scenario="script", **failed),
        embed("5.2.0", Symptom.OK, shows=False, scenario="script", bug=bug.slug, parameters={}),
        embed("5.1.0", Symptom.ERROR, shows=True, scenario="minimal", **failed),
    ]
    text = written(bug, trials, "datasets")
    first = screen(text)
    assert text.startswith("# ValueError: got 34 of 100\n")
    assert "The script below raises `ValueError: got 34 of 100`. It comes from `datasets/table.py cast`." in first
    assert "**Affected:** datasets 5.0.0 to 5.1.0 (2 tested); not affected: 5.2.0, the newest tested." in first
    assert (
        '# dependencies = ["datasets==5.1.0"]' in first
        and "With datasets 5.1.0, Python 3.11.7 (exit status 1)" in first
    )
    assert bug.expected in first and str(tmp_path) not in text


@pytest.mark.parametrize(
    ("proof", "said"),
    [
        ("Because a==1 depends on b>=2 and you require a==1, we can conclude that …", "a==1 depends on b>=2"),
        ("Because a==1 has no usable wheels and you require a==1, we can conclude …", "a==1 has no usable wheels"),
        ("Because there is no version of a==1, it fails.", "there is no version of a==1, it fails"),
    ],
)  # fmt: skip
def test_of_the_solvers_proof_only_what_decides_it_is_said(proof, said):
    assert needs(proof) == said
