"""Tables: golden texts, and nothing in a cell can break out of it."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from subprocess import run

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.bugs.declaration import Column
from repro.model import Outcome, Symptom, Verdict
from repro.render.tables import Table, outcome_table

from ..evidence.examples import MIB, evidence

TABLE = Table(
    "What was seen",
    ("name", "count", "why"),
    (("a|b", 3, "two\nlines"), ("<tmp>/x_y", 0.123456, None), ("__init__ *bold* `code`", True, "[link](x) & more")),
    "A note.",
)

TEXT = """\
What was seen

name                    count    why
----------------------  -------  ----------------
a|b                     3        two
                                 lines
<tmp>/x_y               0.1235   –
__init__ *bold* `code`  True     [link](x) & more

A note."""

MARKDOWN = r"""**What was seen**

| name | count | why |
| --- | --- | --- |
| a\|b | 3 | two<br>lines |
| &lt;tmp&gt;/x_y | 0.1235 | – |
| \_\_init\_\_ \*bold\* \`code\` | True | \[link\](x) &amp; more |

A note."""

HTML = """\
<p><strong>What was seen</strong></p>
<table>
<thead>
<tr><th L>name</th><th L>count</th><th L>why</th></tr>
</thead>
<tbody>
<tr><td L>a|b</td><td L>3</td><td L>two<br>lines</td></tr>
<tr><td L>&lt;tmp&gt;/x_y</td><td L>0.1235</td><td L>–</td></tr>
<tr><td L>__init__ *bold* `code`</td><td L>True</td><td L>[link](x) &amp; more</td></tr>
</tbody>
</table>
<p>A note.</p>""".replace(" L>", ' align="left" style="text-align:left">')


def test_the_three_forms():
    assert TABLE.to_text() == TEXT
    assert TABLE.to_markdown() == MARKDOWN
    assert TABLE.to_html() == HTML


def test_a_notebook_gets_all_three_forms():
    assert TABLE._repr_mimebundle_() == {"text/plain": TEXT, "text/markdown": MARKDOWN, "text/html": HTML}


@pytest.mark.parametrize(
    ("cells", "right"),
    [
        ((3, 12.5, None), True),
        (("1.99 GiB", "–", "310 MiB"), True),
        (("9.8 s", "0.3 s (0.2–0.4)"), True),
        (("24 / 3", "902 / ? (until it was killed)"), True),
        (("12 %", "1,024", "< 3 %"), True),
        (("5.1.0", "24.0.0"), False),
        (("3 files", "2"), False),
        (("yes", "no"), False),
        (("2 GiB", "none"), False),
        ((None, "–"), False),
        ((True, False), False),
    ],
)
def test_numbers_stand_to_the_right_and_texts_to_the_left_in_all_three_forms(cells, right):
    table = Table("", ("of what", "n"), tuple(("a name", cell) for cell in cells))
    assert table.numbers == (False, right)
    assert table.to_markdown().splitlines()[1] == ("| --- | ---: |" if right else "| --- | --- |")
    first = table.to_html().split("<tbody>")[1].splitlines()[1]
    left = ' align="left" style="text-align:left"'
    assert [cell.split(">")[0] for cell in first.split("<td")[1:]] == [left, ' align="right"' if right else left]
    wide = Table("", ("n",), ((cells[0],), (cells[0],), (cells[1],)))
    ends = {len(line) for line in wide.to_text().splitlines()[2:]}
    assert len(ends) == 1 or not right


def test_a_table_without_title_and_note_is_the_table_alone():
    bare = Table("", ("a",), (("x",),))
    assert bare.to_text() == "a\n---\nx"
    assert bare.to_markdown() == "| a |\n| --- |\n| x |"
    assert bare.to_html().startswith("<table>")


def test_an_empty_table_still_shows_its_columns():
    empty = Table("", ("a", "b"), ())
    assert empty.to_markdown() == "| a | b |\n| --- | --- |"
    assert empty.to_text().split() == ["a", "b", "---", "---"]


def test_a_row_of_the_wrong_length_is_our_mistake():
    with pytest.raises(ValueError, match="a row of 2 cells under 1 columns"):
        Table("", ("a",), ((1, 2),))


class Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert set(attrs) <= {("align", "left"), ("align", "right"), ("style", "text-align:left")}
        if tag == "td":
            self.cells.append("")
        elif tag == "br":
            self.cells[-1] += "\n"

    def handle_data(self, data):
        if self.cells and data.strip("\n"):
            self.cells[-1] += data


@settings(deadline=None)
@given(st.text("ab|\\<>&*_`[]\n é'\"", min_size=1, max_size=30))
def test_no_cell_breaks_out_of_the_table(text):
    table = Table("", ("first", "second"), ((text, "end"),))
    row = table.to_markdown().split("\n")[2]
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 3
    page = Cells()
    page.feed(table.to_html())
    assert page.tags <= {"table", "thead", "tbody", "tr", "th", "td", "br"}
    assert len(page.cells) == 2


HEALTHY = Outcome(
    Symptom.OK,
    "done, and exited with status 0",
    exit_code=0,
    done=True,
    wall_s=3.14,
    peak_rss_bytes=310 * MIB,
    measures={"files_opened": 1, "files_needed": 1},
)
KILLED = evidence()
CURED = evidence(fix="flatten", outcome=HEALTHY, verdict=Verdict(Symptom.OK, False, "as many as needed"))
UNSOLVABLE = evidence(
    target={"spec": "datasets==5.1.0 pyarrow==10", "packages": {}},
    outcome=Outcome(Symptom.UNSOLVABLE, "no such"),
    verdict=Verdict(Symptom.UNSOLVABLE, False, "no such"),
)
ABORTED = evidence(
    target={**KILLED.target, "patch": "pr7896.patch"},
    outcome=Outcome(
        Symptom.CRASH, "SIGABRT before it was done", signal="SIGABRT", wall_s=1.0, measures={"files_opened": 0}
    ),
    verdict=Verdict(Symptom.CRASH, False, "another failure"),
)


def test_the_outcome_table_tells_each_trial_in_words():
    opened = Column("files opened", lambda outcome: str(outcome.measures.get("files_opened", "")))
    table = outcome_table([KILLED, CURED, UNSOLVABLE, ABORTED], [opened])
    rows = table.rows
    assert table.columns[5:7] == ("killed by", "files opened")
    target = "datasets 5.1.0, pyarrow 24.0.0, Python 3.11.7"
    aborted = (f"{target}, patch pr7896.patch", "different-failure", "crash", "SIGABRT", "0", "–", "–", "1.0 s")
    assert rows == (
        (
            "shard-first",
            "none",
            target,
            "present",
            "out-of-memory",
            "kernel",
            "902",
            "1.99 GiB",
            "2.00 GiB",
            "9.8 s",
        ),
        ("shard-first", "flatten", target, "absent", "ok", "–", "1", "310 MiB", "–", "3.1 s"),
        ("shard-first", "none", "datasets==5.1.0 pyarrow==10", "untestable", "unsolvable", "–", "–", "–", "–", "–"),
        ("shard-first", "none", *aborted),
    )


@pytest.mark.parametrize(
    "module", ["repro.evidence.store", "repro.units", "repro.render.tables", "repro.render.charts"]
)
def test_importing_stays_cheap(module):
    heavy = "{'matplotlib', 'pandas', 'tabulate', 'numpy', 'datasets', 'pyarrow'}"
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    assert run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_column_of_the_bug_that_no_trial_measured_is_left_out():
    never, opened = Column("never", lambda outcome: ""), Column("killed", lambda outcome: str(outcome.done))
    assert "never" not in outcome_table([KILLED, CURED], [never, opened]).columns
    assert "killed" in outcome_table([KILLED, CURED], [never, opened]).columns
