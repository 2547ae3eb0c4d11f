"""``repro hub``: a Hub on this machine for the real clients."""

from __future__ import annotations

from pathlib import Path

import click

from repro.cli import options
from repro.hub import CLIENT_ENVIRONMENT


@click.command("hub")
@click.option("--folder", required=True, metavar="FOLDER", help="Where its repositories are kept; made if missing.")
@click.option("--tree", metavar="TREE", help="Holds datasets/OWNER/NAME/…, repositories from the start, read in place.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="On 127.0.0.1; a free one by default.")
@click.option("--fault", "faults", multiple=True, metavar="FAULT", help="What goes wrong, as resolve:503x2.")
def command(folder: str, tree: str | None, port: int, faults: tuple[str, ...]) -> int:
    """Serve a Hub on 127.0.0.1 until Ctrl-C, then show what it saw.

    Its first lines are the environment that clients need, HF_ENDPOINT before all. Xet is switched off there, since this
    Hub does not speak it. Any token will do.

    \b
    Example: repro hub --folder /tmp/hub --fault put:reset --fault resolve:429=2s
    """
    from repro.hub.faults import parse
    from repro.hub.server import folder_for, run
    from repro.hub.state import Hub
    from repro.render.hub import hub_tables

    hub = Hub(folder_for(Path(folder)), [parse(text) for text in faults], Path(tree) if tree else None)
    run(hub, port, _say)
    options.echo("\n\n".join(table.to_text() for table in hub_tables(hub.record)))
    return 0


def _say(address: str) -> None:
    for name, value in {"HF_ENDPOINT": address, **CLIENT_ENVIRONMENT}.items():
        options.echo(f"{name}={value}")
