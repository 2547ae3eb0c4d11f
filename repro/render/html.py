"""Turns an executed notebook into one self-contained HTML file and its plots into PNG files."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any


def notebook_html(path: Path) -> str:
    """The notebook as a page that asks no other host for anything: no MathJax, no RequireJS, images embedded."""
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(embed_images=True, mathjax_url="", require_js_url="", jquery_url="")
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    body, _ = exporter.from_filename(str(path))
    return str(body)


def notebook_images(notebook: Any) -> list[bytes]:
    """The PNG outputs of an executed notebook, in order."""
    images = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {}).get("image/png")
            if data:
                images.append(base64.b64decode(data))
    return images
