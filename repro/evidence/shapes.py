"""Regular expressions for secrets and personal data: tokens, e-mail addresses, home and temporary folders."""

from __future__ import annotations

import re

# Names that identify nobody, or that mean something in every report.
_COMMON = (
    "root user admin guest nobody test tests dev runner ubuntu debian fedora docker jovyan vscode codespace python "
    "jupyter notebook linux darwin macos home data work main local localhost build git default max min mark will bill "
    "enabled disabled required keyring datasets pyarrow arrow numpy pandas nibabel fsspec memray huggingface repro "
    "kit probe trial fix patch recipe workaround target scenario symptom status kernel watchdog none full hang crash "
    "error cache tmp host email token secret index python3 password"
)
COMMON = frozenset(_COMMON.split())

_LABELS = "tmp|repo|cache|yours|user|host|email|token|secret"
PLACEHOLDER = rf"<(?:{_LABELS})>"
ESCAPED = re.compile(rf"&lt;({_LABELS})&gt;")  # a placeholder as HTML shows it
# Where a word may begin although a letter stands before it: after \n in an escaped text, a terminal colour, %2F.
_ESCAPE = r"(?<=\\[bfnrt])|(?<=[\d\[]m)|(?<=%[0-9A-Fa-f]{2})"
WORD = rf"(?:{_ESCAPE}|(?<![A-Za-z0-9]))"
PATH = rf"(?=[\\/%])(?:{_ESCAPE}|(?<=-[A-Za-z])|(?<![\w.~]))(?<!<tmp>)(?<!<repo>)(?<!<cache>)(?<!<yours>)"
# The words of a text (an escape before one is not part of it), a part between underscores or dots, one between hyphens.
NAMES = (
    re.compile(r"%[0-9A-Fa-f]{2}|\\[bfnrt]|\x1b\[[\d;]*m|[\w+-]+(?:\.[\w+-]+)*"),
    re.compile(r"[^\W_]+(?:[+-][^\W_]+)*"),
    re.compile(r"[^\W_]+"),
)
END = r"(?!\.?[\w-])"
_SEP = r"(?:\\?/|%2[Ff])"
_NAME = r"""[^\s/\\"'`<>|:;,(){}\[\]%&?#*]+"""
_VALUE = r"""[^\s"'`&,;<>(){}\[\]\\|]"""
SECRET_WORD = r"(?i:token|secret|passw(?:or)?d|api[_-]?key|access[_-]?key|credentials?)"

EMAIL = re.compile(
    rf"(?:{_ESCAPE}|(?<![A-Za-z0-9._%+\\-]))(?!git@)[A-Za-z0-9._%+-]{{1,64}}@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{{2,24}}"
)
RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"""(://|:\\/\\/)(?!git@)[^\s/?#"'<>\\]+@""", r"\1<user>@"),
        (r"""((?i:%3A%2F%2F))[^\s/?#"'<>\\@&]+?%40""", r"\1<user>%40"),
        (
            rf"(?=[hagsAx]){WORD}(?:(?:hf|api_org|gh[pousr])_[A-Za-z0-9]{{20,}}|github_pat_\w{{20,}}|glpat-[\w-]{{20,}}"
            r"|sk-(?=[\w-]*\d)[\w-]{16,}|(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])|xox[abprs]-[\w-]{10,})",
            "<token>",
        ),
        (r"((?i:bearer)\s+)(?=[\w.~+/=-]*\d|[\w.~+/=-]{20})[\w.~+/=-]{8,}", r"\1<token>"),
        (r"""((?i:authorization)["']?\s*[:=]\s*["']?(?i:basic|digest|token)\s+)[^\s"'<>]{6,}""", r"\1<token>"),
        (r"([?&](?:X-Amz-[A-Z]\w*|X-Amz-Security-Token|Signature|Policy|Key-Pair-Id|sig)=)[^&\s\"'<>]+", r"\1<token>"),
        # possessive, so that token=get_token() is seen as code and not cut in the middle
        (
            rf"""({SECRET_WORD}\\?["']?\s*(?:=|:\s*(?=\\?["']))\s*\\?["']?){_VALUE}{{6,}}+(?![(\[])""",
            r"\1<token>",
        ),
        (rf"(--(?:[a-z]+-)*{SECRET_WORD}\s+)(?!-){_VALUE}{{6,}}+(?![(\[])", r"\1<token>"),
        (rf"{PATH}(?:{_SEP}(?:home|Users){_SEP}{_NAME}|(?<!<){_SEP}root{END})", "~"),
        (
            rf"{PATH}(?:{_SEP}private)?(?:{_SEP}var{_SEP}folders{_SEP}\w+{_SEP}[\w+-]+(?:{_SEP}[TC0]{END})?"
            rf"|(?:{_SEP}var)?{_SEP}tmp{END})",
            "<tmp>",
        ),
    )
)
