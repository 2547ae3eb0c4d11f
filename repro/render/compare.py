"""Shows which fix is right and which is cheap: a table and sentences, from results or stored evidence."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Any

from repro.bugs.declaration import ComparisonPlan
from repro.decide.spread import Spread, spread
from repro.evidence.store import Evidence
from repro.render.survival import survival_sentences, survival_table
from repro.render.tables import NOTHING, Cell, Table, target_words
from repro.render.view import Words
from repro.run.result import brief
from repro.studies import compare, survive
from repro.studies.candidates import AGAIN, UPSTREAM
from repro.studies.compare import Comparison, Row, passed
from repro.studies.survive import Survival
from repro.units import about


def fixes_table(found: Comparison, title: str = "Which fix") -> Table:
    """One row a candidate, in the order of the comparison."""
    columns: tuple[str, ...] = ("candidate", "proposed in", "correct?", "symptom", "files opened / needed")
    columns += ("peak over baseline", "× payload", "embed time", "time / upstream, pair by pair")
    rows = tuple(_row(found, row) for row in found.rows)
    return Table(title, columns, rows, _note(found))


def sentences(found: Comparison | None, survival: Survival | None = None) -> list[str]:
    """What the results say, each sentence computed from them."""
    said: list[str] = []
    if found is not None:
        wrong = [row for row in found.rows if row.wrong]
        untestable = [row for row in found.rows if row.untestable]
        reading = [row for row in found.rows if _shows_bug(row) and not row.wrong]
        fine = [row for row in found.rows if row.healthy and row.name not in (UPSTREAM, AGAIN)]
        picky = [row for row in fine if found.refuses(row)]
        good = [row for row in fine if row not in picky]
        said += [f"{row.name} is out: {row.wrong}." for row in wrong]
        said += [f"{row.name} could not be tested: {row.untestable}." for row in untestable]
        if reading:
            said.append(f"The bug still shows with {_list(row.name for row in reading)}.")
        said += [
            f"{row.name} is right on this shard, but refuses {found.refuses(row)} sound cases that upstream embeds "
            f"({row.raises})."
            for row in picky
        ]
        if good:
            said.append(f"Right, and without the bug: {_list(row.name for row in good)}.")
        said += _cheapest(found, good)
    if survival is not None:
        said += survival_sentences(survival)
    return said


def which_fix_markdown(evidence: Sequence[Evidence], plan: ComparisonPlan | None) -> str:
    """The section "Which fix" of an issue text, from the newest comparison and study of survival among ``evidence``.

    Empty if there is neither.
    """
    found, survival = compare.collect(evidence, plan), survive.collect(evidence, plan)
    said = sentences(found, survival)
    parts = ["\n".join(f"- {_plain(sentence)}" for sentence in said)] if said else []
    parts += [fixes_table(found, "").to_markdown()] if found else []
    parts += [survival_table(survival, "").to_markdown()] if survival else []
    return "\n\n".join(parts)


def comparison_json(found: Comparison) -> list[dict[str, Any]]:
    """A dictionary a candidate; sizes in bytes, times in seconds."""
    return [
        {
            "candidate": row.name,
            "title": row.title,
            "proposed_in": row.proposed_in,
            "target": _environment(row),
            "correct": _correct(row, found),
            "gate": brief((row.gate.outcome.measures.get("gate") or {}).get("kinds") or {}) if row.gate else None,
            "symptoms": [row.rounds[n].verdict.symptom.value for n in sorted(row.rounds)],
            "files_opened": _measure(row, "files_opened"),
            "files_needed": _measure(row, "files_needed"),
            "payload_bytes": row.payload,
            "peak_over_baseline_bytes": row.peaks,
            "embed_s": list(row.seconds.values()),
            "time_ratio": _spread_json(found.ratio(row)),
            "evidence": [e.shown_path for e in row.evidence],
        }
        for row in found.rows
    ]


class ShownComparison:
    """A comparison that shows itself as its table."""

    def __init__(self, found: Comparison) -> None:
        self.found, self.table = found, fixes_table(found)

    def __repr__(self) -> str:
        return "\n\n".join((self.table.to_text(), *sentences(self.found)))

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.table)


class ShownConclusion(Words):
    """Sentences, one a line."""

    def __init__(self, said: Iterable[str]) -> None:
        super().__init__("\n".join(f"- {sentence}" for sentence in said) or "(nothing was measured)")


def _row(found: Comparison, row: Row) -> tuple[Cell, ...]:
    peak, ratio = _middle(row.peaks), found.ratio(row)
    return (
        row.name,
        row.proposed_in or NOTHING,
        _correct(row, found),
        ", ".join(dict.fromkeys(e.verdict.symptom.value for e in row.rounds.values())) or NOTHING,
        f"{_measure(row, 'files_opened')} / {_measure(row, 'files_needed')}" if row.rounds else NOTHING,
        about(peak) if peak is not None else NOTHING,
        f"{peak / row.payload:.2f}" if peak is not None and row.payload else NOTHING,
        _seconds(spread(row.seconds.values())) if row.seconds else NOTHING,
        str(ratio) if ratio else ("1 (by definition)" if row.name == UPSTREAM and row.seconds else NOTHING),
    )


def _correct(row: Row, found: Comparison) -> str:
    if row.untestable:
        return f"untestable: {row.untestable}"
    if row.wrong:
        return f"no: {row.wrong}"
    if row.raises:
        return f"never wrong; {row.raises}"
    if row.name == AGAIN:
        return f"as {UPSTREAM}"
    if row.gate is not None:
        return f"yes: {row.gate.verdict.reason}" if passed(row.gate) else f"not decided: {row.gate.verdict.reason}"
    return "yes: in each trial" if row.healthy else NOTHING


def _note(found: Comparison) -> str:
    sizes = [row.payload for row in found.rows if row.payload]
    upstream = found.row(UPSTREAM)
    where = f"{UPSTREAM}: {_environment(upstream)}, unfixed by us. " if upstream and upstream.evidence else ""
    others = {_environment(row) for row in found.rows if row.name not in (UPSTREAM, AGAIN) and row.rounds}
    plain = sorted(words for words in others if ", patch " not in words)
    where += f"Recipes in: {'; '.join(plain)}. " if plain else ""
    shard = f"The shard holds {about(sizes[0])}. " if sizes else ""
    return (
        f"{where}{shard}{AGAIN} is {UPSTREAM} under a second name: what its ratio differs from 1 by is noise. Medians "
        "with least and most; the peak is that of the embed phase over what the process held before."
    )


def _cheapest(found: Comparison, good: Sequence[Row]) -> Iterable[str]:
    """The lightest and the fastest of the good ones; a difference within the noise of upstream is called none."""
    weighed = [(peak / row.payload, row) for row in good if row.payload and (peak := _middle(row.peaks)) is not None]
    if weighed:
        least, row = min(weighed, key=lambda pair: pair[0])
        upstream = found.row(UPSTREAM)
        middle = _middle(upstream.peaks) if upstream else None
        other = f" ({middle / upstream.payload:.2f} upstream)" if upstream and middle and upstream.payload else ""
        yield f"The smallest peak over the baseline is that of {row.name}: {least:.2f} × payload{other}."
    timed = [(ratio.median, ratio, row) for row in good if (ratio := found.ratio(row))]
    if timed:
        _, ratio, row = min(timed, key=lambda triple: triple[0])
        noise = found.noise
        # Upstream's ratio to itself is 1 but for noise, also where all of its few pairs fell on one side.
        beyond = noise is None or ratio.maximum < min(noise.minimum, 1) or ratio.minimum > max(noise.maximum, 1)
        against = f"; upstream against itself: {noise}" if noise else ""
        verdict = "" if beyond else ", which is within the noise"
        yield f"The fastest is {row.name}, with {ratio} of upstream's time{verdict}{against}."


def _shows_bug(row: Row) -> bool:
    return any(e.verdict.is_bug for e in row.rounds.values())


def _middle(values: Sequence[float]) -> float | None:
    return spread(values).median if values else None


def _seconds(value: Spread) -> str:
    return f"{value.median:.3g} s ({value.minimum:.3g}–{value.maximum:.3g})"


def _measure(row: Row, name: str) -> Any:
    found = [e.outcome.measures.get(name) for e in row.rounds.values()]
    return max((value for value in found if isinstance(value, int)), default=None)


def _environment(row: Row) -> str:
    return target_words(row.evidence[-1]) if row.evidence else NOTHING


def _spread_json(value: Spread | None) -> dict[str, float] | None:
    return {"median": value.median, "least": value.minimum, "most": value.maximum, "n": value.n} if value else None


def _list(names: Iterable[str]) -> str:
    *most, last = list(names)
    return f"{', '.join(most)} and {last}" if most else last


def _plain(text: str) -> str:
    """One line without what Markdown or HTML would take for markup."""
    return re.sub(r"([*_`\[\]|~\\])", r"\\\1", html.escape(" ".join(text.split()), quote=False))
