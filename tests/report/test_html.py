"""A notebook as one page that asks no other host for anything, and its plots as files."""

import base64
import re
from html.parser import HTMLParser
from typing import Any

import nbformat
import pytest

from repro.report.notebook import notebook_html, notebook_images

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def output(data: dict[str, str]) -> Any:
    return nbformat.v4.new_output("display_data", data)


def loaded(page: str, *tags: str) -> list[str]:
    """What these elements of the page fetch."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found.extend(value or "" for name, value in attributes if tag in tags and name in ("src", "href"))

    Reader().feed(page)
    return found


@pytest.fixture
def notebook():
    image = base64.b64encode(PNG).decode()
    cells = [
        nbformat.v4.new_markdown_cell("# What it shows\n\n$x^2$"),
        nbformat.v4.new_code_cell("1 + 1", outputs=[output({"text/plain": "first"}), output({"image/png": image})]),
        nbformat.v4.new_code_cell("2", outputs=[output({"text/html": "<table><tr><td>cell</td></tr></table>"})]),
        nbformat.v4.new_code_cell("3", outputs=[output({"image/png": image, "text/plain": "x"})]),
    ]
    return nbformat.v4.new_notebook(cells=cells)


def test_text_tables_and_pictures_are_in_the_page(notebook, tmp_path):
    nbformat.write(notebook, tmp_path / "a.ipynb")
    page = notebook_html(tmp_path / "a.ipynb")
    assert "What it shows" in page and "first" in page and "<td>cell</td>" in page
    assert [one.startswith("data:image/png;base64,") for one in loaded(page, "img")] == [True, True]


def test_the_page_loads_nothing_from_elsewhere(notebook, tmp_path):
    nbformat.write(notebook, tmp_path / "a.ipynb")
    page = notebook_html(tmp_path / "a.ipynb")
    assert [one for one in loaded(page, "script", "link", "img", "iframe") if one and not one.startswith("data:")] == []
    assert re.findall(r"@import|url\(\s*[\"']?(?:https?:)?//", page) == []


def test_pictures_come_out_in_order_and_nothing_else_does(notebook):
    assert notebook_images(notebook) == [PNG, PNG]
    assert notebook_images(nbformat.v4.new_notebook()) == []
