"""``repro recipe``: prints a whole file to take home."""

from __future__ import annotations

import ast

import click


@click.command("recipe")
@click.argument("name", required=False)
def command(name: str | None) -> int:
    """Print the recipe NAME, a file that works without the kit; without NAME, list them all.

    Example: repro recipe write-shards > write_shards.py
    """
    from repro import recipes

    if name is not None:
        click.echo(recipes.source(name), nl=False)
        return 0
    for known in recipes.names():
        about = (ast.get_docstring(ast.parse(recipes.source(known))) or "").partition("\n")[0]
        click.echo(f"{known}: {about.removeprefix('Recipe: ')}")
    return 0
