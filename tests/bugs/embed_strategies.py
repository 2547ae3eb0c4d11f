"""Hypothesis strategies for shards to embed: the gate's own generator, driven by Hypothesis so that failures shrink."""

from __future__ import annotations

from hypothesis import strategies as st

from repro.bugs.embed_sliced_list.gate import cases as gate


@st.composite
def cases(draw: st.DrawFn) -> gate.Case:
    return gate.make_case(lambda low, high: draw(st.integers(low, high)))
