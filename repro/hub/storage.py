"""Repositories on disk: a file for each content, a JSON file for each commit, one with branches and tags."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from repro.files import write_atomic

LFS_SUFFIXES = (".parquet", ".arrow", ".bin", ".gz", ".npy", ".npz", ".safetensors", ".tar", ".zip", ".zst")
REGULAR_BYTES = 10 << 20
"""What is as large or larger goes through LFS whatever its name, as at the real Hub."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PIECE = 64 << 10
_ZEROS = bytes(_PIECE)
_ATTRIBUTES = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LFS_SUFFIXES)


class Refused(Exception):
    """An answer other than success: its status, a sentence, and the Hub's own error code (empty for none)."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Sink(Protocol):
    """Takes the body of a request as it arrives."""

    def write(self, data: bytes) -> object: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a commit: git's name for it, its size, its sha256 if it is kept with LFS, and the commit it is from."""

    oid: str
    size: int
    sha256: str
    commit: str

    @property
    def etag(self) -> str:
        return self.sha256 or self.oid

    @property
    def pointer_size(self) -> int:
        return len(_pointer(self.sha256, self.size))


@dataclass(frozen=True, slots=True)
class Commit:
    title: str
    message: str
    date: str
    parent: str
    files: dict[str, Entry]


Content = tuple[str, int] | str


@dataclass(frozen=True, slots=True)
class Changes:
    """What a commit is to do: contents by path (git's name and size, or the sha256 of an LFS object), and removals."""

    title: str
    message: str
    parent: str
    added: dict[str, Content]
    removed: tuple[str, ...]
    removed_folders: tuple[str, ...]


class Upload:
    """Writes an LFS object as it arrives, leaving holes for blocks of zeros, and hashes it on the way."""

    def __init__(self, folder: Path, sha256: str) -> None:
        self._target, self._sha256 = folder / sha256, sha256
        self._part = folder / f".{uuid.uuid4().hex}"
        self._file, self._sum, self._size = self._part.open("wb"), hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        self._sum.update(data)
        for start in range(0, len(data), _PIECE):
            piece = data[start : start + _PIECE]
            if piece == _ZEROS[: len(piece)]:
                self._file.seek(len(piece), 1)
            else:
                self._file.write(piece)
        self._size += len(data)

    def store(self) -> None:
        """Give the object its name. Raises Refused if its bytes are not those that were announced."""
        self._file.truncate(self._size)
        self._file.close()
        if self._sum.hexdigest() != self._sha256:
            raise Refused(400, "the sha256 of the content is not that of the address")
        self._part.replace(self._target)

    def close(self) -> None:
        """Remove what was not stored."""
        self._file.close()
        self._part.unlink(missing_ok=True)


class Repository:
    """One repository below ``folder``: ``blobs/``, ``commits/`` and ``refs.json``."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._blobs = folder, folder / "blobs"
        self._commits: dict[str, Commit] = {}
        self.lost: dict[str, int] = {}
        """Objects that were answered with 200 and are not there, and their sizes."""
        refs = json.loads((folder / "refs.json").read_text("utf-8"))
        self.branches: dict[str, str] = refs["branches"]
        self.tags: dict[str, str] = refs["tags"]

    @classmethod
    def create(cls, folder: Path, date: str = "") -> Repository:
        """A new one, with the first commit that the real Hub makes too."""
        for name in ("blobs", "commits"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "refs.json").write_text('{"branches": {"main": ""}, "tags": {}}')
        made = cls(folder)
        attributes: dict[str, Content] = {".gitattributes": made.keep(_ATTRIBUTES.encode())}
        made.commit("main", Changes("initial commit", "", "", attributes, (), ()), date)
        return made

    def upload(self, sha256: str) -> Upload:
        return Upload(self._blobs, sha256)

    def has(self, sha256: str) -> bool:
        return sha256 in self.lost or (_SHA256.fullmatch(sha256) is not None and (self._blobs / sha256).is_file())

    def keep(self, content: bytes) -> tuple[str, int]:
        """Write a file that does not go through LFS; git's name for it and its size."""
        oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        (self._blobs / oid).write_bytes(content)
        return oid, len(content)

    def link(self, sha256: str, file: Path) -> None:
        """Serve a file where it lies, as the LFS object that it is."""
        object_ = self._blobs / sha256
        if not object_.exists():
            object_.symlink_to(file.resolve())

    def content(self, entry: Entry) -> Path:
        """The file with the content. Raises Refused if the Hub lost it."""
        path = self._blobs / entry.etag
        if not path.is_file():
            raise Refused(404, "the object is not in the storage", "EntryNotFound")
        return path

    def resolve(self, revision: str) -> str:
        """The commit of a branch, a tag or a commit's own name."""
        named = self.branches.get(revision) or self.tags.get(revision) or revision
        if named not in self._commits and not (self._file(named).is_file() and named.isalnum()):
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return named

    def at(self, oid: str) -> Commit:
        if oid not in self._commits:
            form = json.loads(self._file(oid).read_text("utf-8"))
            self._commits[oid] = Commit(**{**form, "files": {path: Entry(**e) for path, e in form["files"].items()}})
        return self._commits[oid]

    def history(self, oid: str) -> Iterator[tuple[str, Commit]]:
        """From a commit back to the first."""
        while oid:
            commit = self.at(oid)
            yield oid, commit
            oid = commit.parent

    def commit(self, branch: str, changes: Changes, date: str = "") -> str:
        """Apply changes to a branch, whole or not at all; the name of the new commit, made of all it holds."""
        if branch not in self.branches:
            raise Refused(404, f"Invalid rev id: {branch}", "RevisionNotFound")
        head = self.branches[branch]
        if changes.parent and changes.parent != head:
            raise Refused(412, "A commit has happened since. Please refresh and try again.")
        files = dict(self.at(head).files) if head else {}
        for folder in changes.removed_folders:
            gone = [path for path in files if path.startswith(f"{folder.rstrip('/')}/")]
            _all_known(gone or [folder], files)
            for path in gone:
                del files[path]
        _all_known(changes.removed, files)
        for path in changes.removed:
            del files[path]
        date = date or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        oid = hashlib.sha1(f"{head} {date} {changes}".encode()).hexdigest()
        for path, content in changes.added.items():
            files[_checked(path)] = self._entry(content, oid)
        made = Commit(changes.title, changes.message, date, head, files)
        write_atomic(self._file(oid), json.dumps(asdict(made)).encode())
        self._commits[oid] = made
        self.branches[branch] = oid
        self.save_refs()
        return oid

    def save_refs(self) -> None:
        write_atomic(self.folder / "refs.json", json.dumps({"branches": self.branches, "tags": self.tags}).encode())

    def _file(self, oid: str) -> Path:
        return self.folder / "commits" / f"{oid}.json"

    def _entry(self, content: Content, commit: str) -> Entry:
        if not isinstance(content, str):
            return Entry(*content, "", commit)
        if not self.has(content):
            raise Refused(400, f"the LFS object {content} was not uploaded")
        size = self.lost.get(content) or (self._blobs / content).stat().st_size
        return Entry(hashlib.sha1(_pointer(content, size)).hexdigest(), size, content, commit)


class Storage:
    """All repositories below a folder, ``datasets/OWNER/NAME`` and ``models/OWNER/NAME``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, Repository] = {}

    def get(self, kind: str, name: str) -> Repository:
        """A repository. Raises Refused if there is none."""
        key = f"{kind}/{name}"
        if key not in self._open:
            if not self.has(kind, name):
                raise Refused(404, "Repository not found", "RepoNotFound")
            self._open[key] = Repository(self.folder / key)
        return self._open[key]

    def has(self, kind: str, name: str) -> bool:
        inside = len(parts := name.split("/")) == 2 and {"", ".", ".."}.isdisjoint(parts)  # decoded, so it may lead out
        return inside and (self.folder / kind / name / "refs.json").is_file()

    def create(self, kind: str, name: str, date: str = "") -> None:
        self._open[f"{kind}/{name}"] = Repository.create(self.folder / kind / name, date)

    def delete(self, kind: str, name: str) -> None:
        shutil.rmtree(self.get(kind, name).folder)
        del self._open[f"{kind}/{name}"]


def read_changes(lines: Iterable[bytes], keep: Callable[[bytes], Content]) -> Changes:
    """A commit as clients send it: a JSON object a line; contents go to ``keep``. Raises Refused if it is malformed."""
    header: dict[str, Any] = {}
    added: dict[str, Content] = {}
    removed: dict[str, list[str]] = {"deletedFile": [], "deletedFolder": []}
    try:
        for line in filter(None, map(bytes.strip, lines)):
            item = json.loads(line)
            value = item["value"]
            match item["key"]:
                case "header":
                    header = value
                case "file":
                    added[value["path"]] = keep(base64.b64decode(value["content"]))
                case "lfsFile":
                    added[value["path"]] = str(value["oid"])
                case "deletedFile" | "deletedFolder" as key:
                    removed[key].append(value["path"])
                case other:
                    raise Refused(400, f"an operation {other!r} is not known here")
        title, parent = str(header["summary"]), header.get("parentCommit") or ""
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(400, f"the commit is malformed: {error!r}") from error
    message = str(header.get("description") or "")
    return Changes(title, message, parent, added, tuple(removed["deletedFile"]), tuple(removed["deletedFolder"]))


def goes_through_lfs(path: str, size: int, sample: bytes) -> bool:
    """Whether a file that begins with ``sample`` is kept as an LFS object."""
    return size >= REGULAR_BYTES or path.endswith(LFS_SUFFIXES) or b"\0" in sample


def _checked(path: str) -> str:
    if not path or any(part in ("", ".", "..", ".git") for part in path.split("/")):
        raise Refused(400, f"{path!r} is no path in a repository")
    return path


def _all_known(paths: list[str] | tuple[str, ...], files: dict[str, Entry]) -> None:
    for path in paths:
        if path not in files:
            raise Refused(404, f"{path!r} does not exist", "EntryNotFound")


def _pointer(sha256: str, size: int) -> bytes:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
