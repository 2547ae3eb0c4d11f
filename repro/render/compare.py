"""Shows which fix is right and which is cheap: a table and sentences, from results or stored evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from repro.bugs.declaration import Column, ComparisonPlan
from repro.decide.facts import passed
from repro.decide.spread import Spread, spread
from repro.evidence.record import Evidence
from repro.render.charts import canvas, png
from repro.render.run import Picture, Words
from repro.render.survival import survival_sentences, survival_table
from repro.render.tables import Cell, Table
from repro.render.words import NOTHING, escaped, listed, measured_cells, target_words
from repro.run.result import brief
from repro.studies import compare, survive
from repro.studies.candidates import AGAIN, UPSTREAM
from repro.studies.compare import ROUNDS_ENOUGH, Comparison, Row
from repro.studies.survive import Survival
from repro.units import about


def fixes_table(found: Comparison, columns: Sequence[Column] = (), title: str = "Which fix") -> Table:
    """One row a candidate, in the order of the comparison, with the bug's own ``columns`` that one of them measured."""
    own = [column for column in columns if any(_measured(row, [column]) != (NOTHING,) for row in found.rows)]
    head = ("candidate", "proposed in", "correct?", "symptom", *(column.title for column in own))
    head += ("peak over baseline", "× payload", "time", "time / upstream, pair by pair")
    return Table(title, head, tuple(_row(found, row, own) for row in found.rows), _note(found))


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
            said.append(f"The bug still shows with {listed(row.name for row in reading)}.")
        said += [
            f"{row.name} is right on this shard, but refuses {found.refuses(row)} sound cases that upstream takes "
            f"({row.raises})."
            for row in picky
        ]
        if good:
            said.append(f"Right, and without the bug: {listed(row.name for row in good)}.")
        said += _cheapest(found, good)
    if survival is not None:
        said += survival_sentences(survival)
    return said


def which_fix_markdown(
    evidence: Sequence[Evidence], plan: ComparisonPlan | None, columns: Sequence[Column] = ()
) -> str:
    """The section "Which fix" of an issue text, from the newest comparison and study of survival among ``evidence``.

    Empty if there is neither.
    """
    found, survival = compare.collect(evidence, plan), survive.collect(evidence, plan)
    said = sentences(found, survival)
    parts = ["\n".join(f"- {escaped(sentence)}" for sentence in said)] if said else []
    parts += [fixes_table(found, columns, "").to_markdown()] if found else []
    parts += [survival_table(survival, "").to_markdown()] if survival else []
    return "\n\n".join(parts)


def comparison_json(found: Comparison, columns: Sequence[Column] = ()) -> list[dict[str, Any]]:
    """A dictionary a candidate; sizes in bytes, times in seconds; ``measured`` holds the bug's own columns."""
    return [
        {
            "candidate": row.name,
            "title": row.title,
            "proposed_in": row.proposed_in,
            "target": _environment(row),
            "correct": _correct(row),
            "gate": brief((row.gate.outcome.measures.get("gate") or {}).get("kinds") or {}) if row.gate else None,
            "symptoms": [row.rounds[n].verdict.symptom.value for n in sorted(row.rounds)],
            "measured": dict(zip((c.title for c in columns), _measured(row, columns), strict=True)),
            "payload_bytes": row.payload,
            "peak_over_baseline_bytes": row.peaks,
            "time_s": list(row.seconds.values()),
            "time_ratio": _spread_json(found.ratio(row)),
            "evidence": [e.shown_path for e in row.evidence],
        }
        for row in found.rows
    ]


def comparison_chart(found: Comparison) -> bytes:
    """PNG of memory and of time against upstream, a line a candidate: the median, and the least and most of it.

    What upstream differs by from itself is drawn as a band. Of a candidate without a value it is said why.
    """
    panels = [
        ("peak over the baseline (× payload)", [_shares(row) for row in found.rows], _shares_of(found, AGAIN)),
        (f"time (× {UPSTREAM}'s, pair by pair)", [found.ratio(row) for row in found.rows], found.noise),
    ]
    with canvas(1.5 + 0.42 * len(found.rows)) as figure:
        for axes, (title, values, noise) in zip(figure.subplots(1, 2, sharey=True), panels, strict=True):
            for place, (row, value) in enumerate(zip(found.rows, values, strict=True)):
                if value is None:
                    words = f"  {_why_none(row)}"
                    axes.annotate(words, (0, place), va="center", fontsize=8.5, color="#555555")
                    continue
                axes.errorbar(
                    value.median, place, xerr=[[value.median - value.minimum], [value.maximum - value.median]],
                    color="#004488", marker="o", capsize=4, linestyle="",
                )  # fmt: skip
            if noise is not None:
                axes.axvspan(noise.minimum, noise.maximum, color="#bbbbbb", alpha=0.5, zorder=0)
            axes.set_xlim(left=0)
            axes.set_xlabel(title)
            axes.grid(axis="x", linewidth=0.4, color="#cccccc")
        axes.set_yticks(range(len(found.rows)), [row.name for row in found.rows])
        axes.set_ylim(len(found.rows) - 0.5, -0.5)  # the first on top
        figure.suptitle(_range_words(found), fontsize=9, x=0.01, ha="left")
        return png(figure)


class ShownComparison:
    """A comparison that shows itself as its table and its chart, with its bug's own ``columns``."""

    def __init__(self, found: Comparison, columns: Sequence[Column] = ()) -> None:
        self.found, self.columns, self.table = found, tuple(columns), fixes_table(found, columns)

    def __repr__(self) -> str:
        return "\n\n".join((self.table.to_text(), *sentences(self.found)))

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.table)
        if any(row.seconds for row in self.found.rows):
            display(Picture(comparison_chart(self.found), ""))


class ShownConclusion(Words):
    """Sentences, one a line."""

    def __init__(self, said: Iterable[str]) -> None:
        super().__init__("\n".join(f"- {sentence}" for sentence in said) or "(nothing was measured)")


def _row(found: Comparison, row: Row, columns: Sequence[Column]) -> tuple[Cell, ...]:
    peak, ratio = _middle(row.peaks), found.ratio(row)
    return (
        row.name,
        row.proposed_in or NOTHING,
        _correct(row),
        ", ".join(dict.fromkeys(e.verdict.symptom.value for e in row.rounds.values())) or NOTHING,
        *_measured(row, columns),
        about(peak) if peak is not None else NOTHING,
        f"{peak / row.payload:.2f}" if peak is not None and row.payload else NOTHING,
        _seconds(spread(row.seconds.values())) if row.seconds else NOTHING,
        f"{ratio}{_within(found, row, ratio)}" if ratio else _no_ratio(row),
    )


def _no_ratio(row: Row) -> str:
    if row.name == UPSTREAM and row.seconds:
        return "1 (by definition)"
    return f"no ratio from {len(row.seconds)} of {ROUNDS_ENOUGH} rounds" if row.seconds else NOTHING


def _within(found: Comparison, row: Row, ratio: Spread) -> str:
    """Whether a ratio can be told from noise: what upstream differs by from itself, which is 1 but for noise."""
    noise = found.noise
    if row.name == AGAIN:
        return ""
    if noise is None:
        return ", without a control of the noise"
    beyond = ratio.maximum < min(noise.minimum, 1) or ratio.minimum > max(noise.maximum, 1)
    return "" if beyond else ", within the noise"


def _measured(row: Row, columns: Sequence[Column]) -> tuple[str, ...]:
    """The bug's own columns, of the last round."""
    return measured_cells(columns, row.rounds[max(row.rounds)].outcome if row.rounds else None)


def _correct(row: Row) -> str:
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
    where += f"Workarounds in: {'; '.join(plain)}. " if plain else ""
    shard = f"The payload is {about(sizes[0])}. " if sizes else ""
    return (
        f"{where}{shard}{AGAIN} is {UPSTREAM} under a second name: what its ratio differs from 1 by is noise. Medians "
        "with least and most; the peak is that of the timed phase over what the process held before."
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
        against = f"; upstream against itself: {found.noise}" if found.noise else ""
        yield f"The fastest is {row.name}, with {ratio} of upstream's time{_within(found, row, ratio)}{against}."


def _shares(row: Row) -> Spread | None:
    return spread(peak / row.payload for peak in row.peaks) if row.peaks and row.payload else None


def _shares_of(found: Comparison, name: str) -> Spread | None:
    row = found.row(name)
    return _shares(row) if row else None


def _why_none(row: Row) -> str:
    if row.name == UPSTREAM:
        return "1 (by definition)"
    if row.untestable or row.wrong:
        return "untestable" if row.untestable else "out: wrong output"
    symptoms = ", ".join(dict.fromkeys(e.verdict.symptom.value for e in row.rounds.values()))
    return f"not measured ({symptoms})" if symptoms else "not measured"


def _range_words(found: Comparison) -> str:
    """What the whiskers are worth: all of ``n`` rounds lie on one side of the true median with 2 ** (1 - n)."""
    rounds = max((len(row.rounds) for row in found.rows), default=0)
    holds = f"; the range of {rounds} holds the true median with {1 - 2 ** (1 - rounds):.1%}" if rounds > 1 else ""
    return f"Median, least and most of {rounds} rounds{holds}. Grey: {UPSTREAM} against itself (A/A)."


def _shows_bug(row: Row) -> bool:
    return any(e.verdict.is_bug for e in row.rounds.values())


def _middle(values: Sequence[float]) -> float | None:
    return spread(values).median if values else None


def _seconds(value: Spread) -> str:
    return f"{value.median:.3g} s ({value.minimum:.3g}–{value.maximum:.3g})"


def _environment(row: Row) -> str:
    return target_words(row.evidence[-1]) if row.evidence else NOTHING


def _spread_json(value: Spread | None) -> dict[str, float] | None:
    return {"median": value.median, "least": value.minimum, "most": value.maximum, "n": value.n} if value else None
