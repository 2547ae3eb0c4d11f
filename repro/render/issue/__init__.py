"""Writes the text of an upstream issue from evidence alone, in the sections of that project's own template."""

from repro.render.issue.fit import LIMIT, SHORT, Fitted, fit
from repro.render.issue.github import visible
from repro.render.issue.text import PROJECTS, Attached, issue_text

__all__ = ["LIMIT", "PROJECTS", "SHORT", "Attached", "Fitted", "fit", "issue_text", "visible"]
