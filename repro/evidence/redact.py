"""Takes out what must not leave the machine: secrets, people, hosts and private paths."""

from __future__ import annotations

import base64
import getpass
import html
import json
import os
import re
import socket
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from repro import places
from repro.evidence.layers import layers
from repro.evidence.shapes import COMMON, EMAIL, END, ESCAPED, NAMES, PATH, PLACEHOLDER, RULES, SECRET_WORD, WORD
from repro.inputs import numbered

MIN_SECRET, MIN_USER, MIN_HOST = 6, 3, 4
_FREE_STANDING = 12  # a shorter secret is replaced only as a whole word: "123456" may stand in any checksum

_SECRET_VARIABLE = re.compile(
    r"(?:TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|(?:^|_|API|ACCESS|PRIVATE|SIGNING)KEY)S?(?:$|_)", re.IGNORECASE
)
_URL_VARIABLE = re.compile(r"(?:INDEX|INDEX_URL|PROXY)$", re.IGNORECASE)
_PRINTABLE = re.compile(rb"[\x20-\x7e]{8,}")
_quote = partial(quote, errors="surrogateescape")  # a variable or a folder may be no UTF-8


class Redactor:
    """Replaces what identifies a person or a machine by a placeholder.

    ``secrets`` are replaced wherever they stand, also JSON-escaped, URL-encoded, HTML-escaped or in base64; ``users``
    and ``hosts`` as whole words (a host with its domain); ``places`` maps a folder to its placeholder. The folders and
    names of a user's own data are looked up below ``own`` (``inputs/numbered.py``) and give way to numbers. Tokens of
    known shapes, e-mail addresses, home and temporary folders always go; too short or too common words never do.
    """

    def __init__(
        self,
        secrets: Iterable[str] = (),
        *,
        users: Iterable[str] = (),
        hosts: Iterable[str] = (),
        places: Mapping[str, str] | None = None,
        own: Path | None = None,
    ) -> None:
        self._literals: dict[str, tuple[str, str]] = {}  # what stands in the text -> (replacement, what it reveals)
        self._patterns: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._own, self._learnt, self._lock = own, set[str](), threading.Lock()
        for secret in secrets:
            if len(secret) >= MIN_SECRET and secret.lower() not in COMMON:
                self._hide(secret, "<secret>")
        for place, label in (places or {}).items():
            self._hide_place(place, label)
        self._words: list[tuple[list[str], re.Pattern[str], str]] = []
        for names, least, tail, label in (
            (users, MIN_USER, "", "<user>"),
            (hosts, MIN_HOST, r"(?:\.[\w-]+)*", "<host>"),
        ):
            kept = sorted({n for n in names if len(n) >= least and n.lower() not in COMMON}, key=len, reverse=True)
            if kept:
                either = "|".join(map(re.escape, kept))
                self._words.append((kept, re.compile(rf"{PLACEHOLDER}|{WORD}(?:{either})(?![A-Za-z0-9]){tail}"), label))

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, *, cache: Path | None = None, repo: Path | None = None
    ) -> Redactor:
        """The redactor of this process: its user, host, folders, and the variables whose names look secret.

        ``cache`` and ``repo`` are the kit's cache folder and checkout, if other than its own.
        """
        env = os.environ if environ is None else environ
        home = Path(env.get("HOME") or Path.home())
        folders = _both(home, "~")
        for folder in (tempfile.gettempdir(), env.get("TMPDIR")):
            folders |= _both(folder, "<tmp>")
        folders |= _both(repo or places.checkout(), "<repo>") | _both(cache or places.cache(), "<cache>")
        users = {env.get(name, "") for name in ("USER", "LOGNAME", "SUDO_USER")} | {_user()}
        if home.parent.name in {"home", "Users"}:
            users.add(home.name)
        # The word rule takes the domain along, so no getfqdn: it asks a name server, and may hang.
        hosts = {socket.gethostname(), socket.gethostname().split(".")[0]}
        secrets: set[str] = set()
        for name, value in env.items():
            if _SECRET_VARIABLE.search(name) and not re.fullmatch(r"\d+(?:\.\d+)+", value):
                secrets |= {value, *(line for line in value.splitlines() if len(line) >= 16)}
            if _URL_VARIABLE.search(name):
                hosts |= {host for url in value.split() if "." in (host := _host(url)) and host != "127.0.0.1"}
        return cls(secrets, users=users, hosts=hosts, places=folders, own=(cache or places.cache()) / numbered.FOLDER)

    def _hide(self, secret: str, label: str) -> None:
        for form, replacement in _forms(secret, label):
            bounded = len(secret) < _FREE_STANDING and replacement == label  # base64 runs on either side
            if form not in self._literals:
                self._literals[form] = (replacement, secret)  # first: another thread may be at work with the patterns
                self._patterns[form] = rf"{WORD}{re.escape(form)}(?![A-Za-z0-9])" if bounded else re.escape(form)

    def _hide_place(self, place: str, label: str) -> None:
        folder = place.rstrip("/")
        if folder:
            for form in {folder, _quote(folder), _quote(folder, safe=""), folder.replace("/", "\\/")}:
                self._literals.setdefault(form, (label, folder))
                self._patterns.setdefault(form, rf"{PATH}{re.escape(form)}{END}")

    def _learn(self) -> None:
        """Take in the names of the user's own data that were numbered since, by this process or by a notebook's."""
        if self._own is None or not self._own.is_dir():
            return
        with self._lock:
            fresh = {path.name for path in self._own.iterdir()} - self._learnt
            for entry in fresh:
                places, names = numbered.private(self._own / entry)
                for place in places:
                    self._hide_place(place, "<yours>")
                for word, alias in names.items():
                    if not word.isascii() or not NAMES[0].fullmatch(word):
                        self._hide(word, alias)
                    elif word.lower() not in COMMON:
                        self._names[word] = alias
                self._learnt.add(entry)

    def text(self, text: str) -> str:
        """``text`` with placeholders. Idempotent: it is repeated until nothing changes."""
        self._learn()
        while (clean := self._once(text)) != text:
            text = clean
        return clean

    def html(self, markup: str) -> str:
        """``text`` for HTML or SVG, where a bare ``<tmp>`` would be taken for an element and not shown."""
        return re.sub(PLACEHOLDER, lambda found: html.escape(found[0]), self.text(ESCAPED.sub(r"<\1>", markup)))

    def data(self, value: Any) -> Any:
        """JSON-like ``value`` with every string redacted, keys too; a value under a secret-looking key goes whole.

        Keys that become equal are numbered (``"~"``, ``"~ (2)"``), so that no entry is lost.
        """
        match value:
            case str():
                return self.text(value)
            case Mapping():
                clean: dict[str, Any] = {}
                for key, item in value.items():
                    name = base = self.text(str(key))
                    number = 1
                    while name in clean:
                        number += 1
                        name = f"{base} ({number})"
                    secret = isinstance(item, str) and item and re.fullmatch(rf"(?:.*_)?{SECRET_WORD}s?", str(key))
                    clean[name] = "<secret>" if secret else self.data(item)
                return clean
            case list() | tuple():
                return [self.data(item) for item in value]
        return value

    def find(self, data: bytes) -> list[str]:
        """What ``text`` would have taken out of ``data``, sorted; also inside gzip, zlib, zip, PNG texts and base64.

        Of bytes that are no UTF-8, runs of eight printable characters are searched, and for no e-mail addresses: a
        megabyte of noise holds some that look like one.
        """
        self._learn()
        found: set[str] = set()
        for layer in layers(data):
            try:
                found.update(self._find(layer.decode(), binary=False))
            except UnicodeDecodeError:
                printable = "\n".join(run[0].decode() for run in _PRINTABLE.finditer(layer))
                found.update(self._find(printable, binary=True))
        return sorted(found)

    def _once(self, text: str) -> str:
        text = self._exact(text).sub(lambda found: self._literals.get(found[0], (found[0], ""))[0], text)
        for pattern, replacement in RULES:
            text = pattern.sub(replacement, text)
        if "@" in text:
            text = EMAIL.sub("<email>", text)
        for names, pattern, label in self._words:
            if any(name in text for name in names):
                text = pattern.sub(partial(_unless_placeholder, label), text)
        return self._renamed(text, []) if self._names else text

    def _renamed(self, text: str, seen: list[str], depth: int = 0) -> str:
        """``text`` with the names of the user's own data replaced by their numbers; what was replaced goes to ``seen``.

        Whole words first, then their parts: ``sub-Name_T1w.nii``, ``sub-Name``, ``Name``.
        """

        def one(found: re.Match[str]) -> str:
            word = found[0]
            if word in self._names:
                seen.append(word)
                return self._names[word]
            return self._renamed(word, seen, depth + 1) if depth + 1 < len(NAMES) else word

        return NAMES[depth].sub(one, text)

    def _exact(self, text: str) -> re.Pattern[str]:
        """Placeholders, to step over, and those literals that occur in ``text``, the longest first."""
        forms = sorted((form for form in list(self._patterns) if form in text), key=len, reverse=True)
        return re.compile("|".join([PLACEHOLDER, *(self._patterns[form] for form in forms)]))

    def _find(self, text: str, binary: bool) -> Iterator[str]:
        text = ESCAPED.sub(r"<\1>", text)
        for found in self._exact(text).finditer(text):
            if found[0] in self._literals:
                yield self._literals[found[0]][1]
        rules = [pattern for pattern, _ in RULES] + ([] if binary else [EMAIL]) + [word for _, word, _ in self._words]
        for pattern in rules:
            yield from (m[0] for m in pattern.finditer(text) if not re.fullmatch(PLACEHOLDER, m[0]))
        if self._names:
            seen: list[str] = []
            self._renamed(text, seen)
            yield from seen


def _unless_placeholder(label: str, found: re.Match[str]) -> str:
    return found[0] if found[0].startswith("<") else label


def _forms(secret: str, label: str) -> Iterator[tuple[str, str]]:
    """Every form in which ``secret`` may stand in a text, with what replaces it."""
    escaped = (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], html.escape(secret))
    for form in (
        secret,
        *escaped,
        secret.replace("/", "\\/"),
        _quote(secret),
        _quote(secret, safe=""),
        _quote(secret, safe=" ").replace(" ", "+"),
    ):
        yield form, label
    raw = secret.encode(errors="surrogateescape")
    for shift, first in ((0, 0), (1, 2), (2, 3)):  # bytes before it in a group of three; first character it owns
        end = (shift + len(raw)) * 8 // 6
        coded = base64.b64encode(b"\0" * shift + raw)[first:end].decode()
        # Of equal length and valid, so that what is around it still decodes; it reads "xxx".
        filler = ("eHh4" * (len(coded) // 4 + 2))[first % 4 :][: len(coded)]
        yield coded, filler
        yield coded.translate(str.maketrans("+/", "-_")), filler


def _both(folder: str | Path | None, label: str) -> dict[str, str]:
    """A folder under the name it was given and under its real one (macOS: ``/var`` is ``/private/var``)."""
    return {str(folder): label, os.path.realpath(folder): label} if folder else {}


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may run as a number without a name
        return ""


def _host(url: str) -> str:
    try:
        return urlsplit(url if "://" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""
