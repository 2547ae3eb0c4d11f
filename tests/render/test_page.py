"""The page in a real browser: it says what the evidence says, asks for nothing, and can be read by everyone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from repro.decide.facts import Facts
from repro.evidence.record import Evidence
from repro.model import Symptom
from repro.render import page as rendered
from tests.browser import Tab, axe_source, chromium
from tests.render.reported import EMBED, EXIT, embed, embed_evidence, exit_evidence, judged, race

CODE = 'def rebuild(shard):\n    return "a <b> & c"\n'
MATRIX = "| pyarrow | 26.0.1 |\n| --- | --- |\n| 5.2.0 | present |\n\n<script>document.title='no'</script>"
LINKS = (("Issue text", "issues/embed-sliced-list.md"), ("Evidence", "evidence/embed-sliced-list/"))


def entry(evidence: list[Evidence]) -> rendered.Entry:
    return rendered.entry(Facts.of(EMBED, evidence), CODE, LINKS)


def written(folder: Path) -> Path:
    embed, race = embed_evidence(), exit_evidence()
    entries = [entry(embed), rendered.entry(Facts.of(EXIT, race), "", ())]
    chapters = judged({"embed-sliced-list": embed, "exit-hang": race})
    path = folder / "index.html"
    path.write_text(rendered.page(entries, chapters, [*embed, *race], MATRIX), "utf-8")
    (folder / "index.md").write_text(rendered.twin(entries, chapters, [*embed, *race], MATRIX), "utf-8")
    return path


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with chromium() as one:
        yield one


def keep(tab: Tab, name: str) -> None:
    """Screenshots to look at, where the variable REPRO_SCREENSHOTS names a folder."""
    folder = os.environ.get("REPRO_SCREENSHOTS")
    if folder:
        tab.screenshot(Path(folder) / f"{name}.png")


def fits(tab: Tab) -> bool:
    return bool(tab.run("document.documentElement.scrollWidth <= innerWidth"))


def test_each_bug_has_its_verdict_its_cause_its_releases_and_its_workaround(page, tab):
    tab.open(page)
    keep(tab, "desktop")
    said = tab.run("document.querySelector('#embed-sliced-list').innerText")
    assert "Affected: datasets 4.4.2 to 5.1.0 (2 tested); not affected: 5.2.0, the newest tested." in said
    assert EMBED.summary in said and EMBED.cause in said
    strip = json.loads(
        tab.run("JSON.stringify([...document.querySelectorAll('#embed-sliced-list li')].map(l => l.innerText))")
    )
    assert strip[:3] == ["4.4.2\n✗ affected", "5.1.0\n✗ affected", "5.2.0\n✓ not affected"]
    assert "15/20" in tab.run("document.querySelector('#exit-hang').innerText")
    assert tab.run("document.querySelector('pre').textContent").strip() == CODE.strip()


def test_it_asks_for_nothing_but_itself_and_nothing_it_shows_is_run(page, tab):
    tab.open(page)
    assert [url for url in tab.requests if not url.startswith(("file:", "data:"))] == []
    assert tab.run("document.title") == rendered.TITLE
    assert "<script>document.title" in tab.run("document.querySelector('main').innerText")


def test_without_javascript_everything_is_there_but_the_copy_button(page, tab):
    tab.open(page)
    assert tab.run("document.querySelectorAll('button').length") == 1
    words = tab.run("document.querySelector('main').innerText").replace("Copy the workaround", "").split()
    tab.open(page, script=False)
    assert tab.run("document.querySelector('main').innerText").split() == words


def test_the_button_copies_the_workaround_and_says_so(page, tab):
    tab.open(page)
    tab.run("navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); }")
    tab.run("document.querySelector('button').click(), new Promise(done => setTimeout(done, 50))")
    assert tab.run("window.copied").strip() == CODE.strip()
    assert tab.run("document.querySelector('[role=status]').textContent") == "Copied"


@pytest.mark.parametrize("width", [320, 390, 768])
def test_a_narrow_window_needs_no_scrolling_sideways(page, tab, width):
    tab.open(page, width=width, height=844)
    keep(tab, f"phone-{width}")
    assert fits(tab)
    inside = "[...document.querySelectorAll('.claims')].every(t => t.scrollWidth <= t.parentElement.clientWidth)"
    assert width > 640 or tab.run(inside), "on a phone a claim is a block, not a row to push around"


def test_in_print_nothing_is_cut_off_and_no_button_is_left(page, tab):
    tab.open(page, width=700)
    tab.send("Emulation.setEmulatedMedia", media="print", features=[])
    keep(tab, "print")
    assert fits(tab)
    assert tab.run("getComputedStyle(document.querySelector('button')).display") == "none"
    assert tab.run("getComputedStyle(document.querySelector('.wide')).overflowX") == "visible"


def test_the_keyboard_reaches_the_results_first_and_every_link_and_wide_table(page, tab):
    tab.open(page)
    for kind in ("keyDown", "keyUp"):
        tab.send("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    assert tab.run("document.activeElement.textContent") == "Skip to the results"
    assert tab.run("document.activeElement.getBoundingClientRect().left") >= 0
    assert tab.run("[...document.querySelectorAll('.wide')].every(e => e.tabIndex === 0)")


@pytest.fixture(scope="module")
def axe() -> str:
    return axe_source()


@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 1280), (False, 390)])
def test_axe_finds_nothing_serious(page, tab, axe, dark, width):
    tab.open(page, dark=dark, width=width)
    keep(tab, "dark" if dark else "light")
    tab.run(axe)
    found = json.loads(
        tab.run("axe.run().then(r => JSON.stringify(r.violations.map(v => [v.impact, v.id, v.nodes.length])))")
    )
    assert [one for one in found if one[0] in ("serious", "critical")] == []


def test_the_twin_says_the_same_in_markdown(page):
    text = page.with_suffix(".md").read_text("utf-8")
    assert "**Affected: datasets 4.4.2 to 5.1.0 (2 tested); not affected: 5.2.0" in text
    assert "| 5.2.0 | ✓ not affected |" in text and "[Issue text](issues/embed-sliced-list.md)" in text
    assert CODE.strip() in text


def test_a_release_in_between_that_is_not_affected_is_not_in_the_span():
    evidence = [*embed_evidence(), embed("4.8.0", Symptom.OK, shows=False)]
    assert entry(evidence).verdict.startswith(
        "Affected: datasets 4.4.2 and 5.1.0; not affected: 4.8.0 and 5.2.0, the newest"
    )


def test_the_page_calls_a_workaround_safe_and_says_why(page):
    text = page.with_suffix(".md").read_text("utf-8")
    assert "Safe workaround: copy the rows of the shard with take()" in text
    assert "Not seen in 1 trial, with datasets 5.1.0" in text and "0 of 1" not in text


def test_what_was_left_out_is_on_the_page_and_its_twin(tmp_path):
    old = embed("5.1.0", Symptom.OK, shows=False, decided_by="old-1")
    one = entry([old, embed("5.1.0", Symptom.OUT_OF_MEMORY, shows=True, decided_by="new-1")])
    line = "1 older trial left out: the code that makes or judges them changed since."
    assert line in rendered.page([one], [], []) and line in rendered.twin([one], [], [])


def test_the_bugs_come_first_and_the_claims_are_folded_behind_their_count_each_below_its_bug(page, tab):
    tab.open(page)
    closed = "[...document.querySelectorAll('details.ledger')].every(one => !one.open)"
    assert tab.run(closed) and tab.run("document.querySelectorAll('#embed-sliced-list details.ledger').length") == 1
    count = tab.run("document.querySelector('#exit-hang summary').textContent")
    rows = tab.run("document.querySelectorAll('#exit-hang .claims tbody tr').length")
    assert count.startswith(f"{rows} claims: ") and rows == len(EXIT.claims)
    first = "document.querySelector('article').getBoundingClientRect().top"
    assert tab.run(first) < tab.run("document.querySelector('#claims').getBoundingClientRect().top")


def test_both_packages_have_a_strip_where_more_than_one_release_of_the_second_was_tried():
    def beside(arrow: str, symptom: Symptom = Symptom.OUT_OF_MEMORY) -> Evidence:
        target = {"spec": f"x=={arrow}", "python": "3.11.7", "datasets": "5.1.0", "pyarrow": arrow, "packages": {}}
        return embed("5.1.0", symptom, shows=symptom is not Symptom.OK, target=target)

    one = entry([beside("24.0.0")])
    assert [strip.package for strip in one.strips] == ["datasets"]
    two = entry([beside("24.0.0"), beside("26.0.1", Symptom.OK)])
    assert [[box.mark for box in strip.releases] for strip in two.strips] == [["✗"], ["✗", "✓"]]


def test_the_picture_shows_memory_with_its_cap_or_the_rates_with_their_intervals(page, tab):
    tab.open(page)
    memory = tab.run("document.querySelector('#embed-sliced-list figure').innerText")
    assert "under a cap of 2GiB" in memory and "not affected" in memory and "with the workaround" in memory
    rates = tab.run("document.querySelector('#exit-hang svg').textContent")
    assert str(Facts.of(EXIT, exit_evidence()).releases[0].rate) in rates
    left, right = (Facts.of(EXIT, exit_evidence()).releases[0].rate.low, 1.0)
    drawn = tab.run("document.querySelector('#exit-hang svg .range.bad').getAttribute('points')")
    ends = [float(point.split(",")[0]) for point in drawn.split()]
    assert 90 + left * 350 == pytest.approx(ends[0], abs=0.1) and ends[1] < 90 + right * 350


def test_nothing_is_called_safe_without_the_rule():
    few = rendered.entry(Facts.of(EXIT, [*exit_evidence(), *race(fix=EXIT.workaround, n=34)]), CODE, ())
    enough = rendered.entry(Facts.of(EXIT, [*exit_evidence(), *race(fix=EXIT.workaround, n=35)]), CODE, ())
    assert "Safe" not in few.safety and enough.safety == "Safe workaround"
