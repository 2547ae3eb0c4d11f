"""``repro claims``: the ledger of what the reporter's documents say, judged from the evidence."""

from __future__ import annotations

import click

from repro.cli import options


@click.command("claims")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def command(as_json: bool) -> int:
    """Judge every claim of the reporter's documents from the evidence kept so far, and write reports/ledger.md.

    reports/claims.md is the published one: see 'repro publish'.

    Example: repro claims
    """
    from repro.lab import Lab
    from repro.render.claims import counts
    from repro.report.kept import judged_claims
    from repro.report.pages import write_claims

    store = Lab().store
    chapters = judged_claims(store)
    path = write_claims(store)
    if as_json:
        rows = [
            {
                "bug": chapter.slug or None,
                "claim": j.claim.slug,
                "text": j.claim.text,
                "from": j.claim.source,
                "verdict": j.finding.verdict.value,
                "measured": j.finding.measured,
                "evidence": list(j.finding.evidence),
            }
            for chapter in chapters
            for j in chapter.judged
        ]
        options.echo_json({"schema": 1, "claims": rows})
    else:
        options.echo("\n".join(f"{number:4} {verdict}" for verdict, number in counts(chapters)))
        options.echo(path)
    return 0
