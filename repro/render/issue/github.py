"""Small things that GitHub's Markdown needs: folded parts, fences that hold, placeholders that do not vanish."""

from __future__ import annotations

import html
import re

from repro.evidence.shapes import PLACEHOLDER
from repro.render.words import last_states

_FENCE = re.compile(r"^\s*(`{3,}|~{3,})")
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_COMMENT = re.compile(r"<!--.*-->")


def details(summary: str, body: str) -> str:
    """A folded part; without the blank lines GitHub would not read the body as Markdown."""
    return f"<details>\n<summary>{html.escape(summary, quote=False)}</summary>\n\n{body.strip()}\n\n</details>"


def fenced(text: str, language: str = "text") -> str:
    """A code block that nothing in ``text`` can end early; progress bars show their last state only."""
    longest = max([2, *(len(run) for run in re.findall(r"`+", text))])
    mark = "`" * (longest + 1)
    return f"{mark}{language}\n{last_states(text.strip(chr(10)))}\n{mark}"


def visible(markdown: str) -> str:
    """The same text with every placeholder such as ``<tmp>`` outside code escaped: GitHub drops unknown elements."""
    lines, fence = [], ""
    for line in markdown.split("\n"):
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif fence:
            if mark and mark[1].startswith(fence) and line.strip() == mark[1]:
                fence = ""
        else:
            line = _outside_code(line)
        lines.append(line)
    return "\n".join(lines)


def _outside_code(line: str) -> str:
    kept, position = [], 0
    spans = sorted([*_CODE.finditer(line), *_COMMENT.finditer(line)], key=lambda found: found.start())
    for found in spans:
        if found.start() < position:
            continue
        kept += [_escaped(line[position : found.start()]), found[0]]
        position = found.end()
    return "".join([*kept, _escaped(line[position:])])


def _escaped(text: str) -> str:
    return re.sub(PLACEHOLDER, lambda found: html.escape(found[0]), text)
