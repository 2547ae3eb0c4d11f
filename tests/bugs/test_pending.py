"""Claims that only wait: each says what would test it, or why nothing here can, and no evidence changes that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.bugs import pending
from repro.bugs.declaration import ClaimVerdict
from tests.evidence.examples import evidences

CLAIMS = [claim for claims in pending.chapters().values() for claim in claims]


@given(st.sampled_from(CLAIMS), st.lists(evidences, max_size=2))
def test_a_waiting_claim_says_the_same_whatever_was_measured(claim, evidence):
    finding = claim.rule(evidence)
    assert finding == claim.rule(())
    untested = finding.verdict is ClaimVerdict.NOT_YET_TESTED
    assert untested or finding.verdict is ClaimVerdict.NOT_TESTABLE_HERE
    assert finding.measured.startswith("would test it: ") == untested


@pytest.mark.parametrize("end", ["", 'would = "a run"\nwhy = "no network"', 'wuold = "a run"'])
def test_a_claim_with_neither_or_both_or_another_word_is_refused(tmp_path, monkeypatch, end):
    file = tmp_path / "pending.toml"
    file.write_text(f'[[chapter]]\ntitle = "t"\n[[chapter.claim]]\nslug = "s"\ntext = "x"\nsource = "y"\n{end}\n')
    monkeypatch.setattr(pending, "FILE", file)
    with pytest.raises((ValueError, TypeError)):
        pending.chapters()
