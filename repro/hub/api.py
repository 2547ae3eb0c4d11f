"""What each endpoint answers. Reads and writes the storage; knows nothing of sockets or faults."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, quote

from repro.hub.routes import Answer, Call
from repro.hub.storage import (
    Changes,
    Commit,
    Entry,
    Refused,
    Repository,
    Storage,
    goes_through_lfs,
    read_changes,
)

OWNER = "loopback"
"""The user that every token belongs to."""
_PLAIN = {"private": False, "gated": False, "disabled": False, "downloads": 0, "likes": 0, "tags": []}
PAGE, EXPANDED_PAGE = 1000, 50
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_PUBLIC = {"info", "refs", "commits", "tree", "paths-info", "resolve", "head", "validate-yaml", "put"}
"""What needs no token; the address of a ``put`` is a secret of its own at the real Hub."""


class Api:
    """Answers calls from the storage. ``told`` hears of each commit."""

    def __init__(self, storage: Storage, told: Callable[[str, str, str, Changes], object]) -> None:
        self.storage, self._told = storage, told

    def answer(self, call: Call) -> Answer:
        """Do what is asked. Raises Refused, which says what to answer instead."""
        if not call.has_token and call.endpoint not in _PUBLIC:
            raise Refused(401, "Invalid username or password.")
        handler: Callable[[Call], Answer] = getattr(self, f"_{call.endpoint.replace('-', '_')}")
        return handler(call)

    def repository(self, call: Call) -> Repository:
        return self.storage.get(call.kind, call.repository)

    def _at(self, call: Call) -> tuple[str, Commit]:
        repository = self.repository(call)
        oid = repository.resolve(call.names.get("revision", "main"))
        return oid, repository.at(oid)

    def _whoami(self, call: Call) -> Answer:
        token = {"displayName": OWNER, "role": "write"}
        who = {"type": "user", "id": OWNER, "name": OWNER, "fullname": OWNER, "isPro": False, "orgs": []}
        return Answer({**who, "auth": {"type": "access_token", "accessToken": token}})

    def _create(self, call: Call) -> Answer:
        kind, name = _named(call.form())
        place = {"url": f"{call.origin}/{_prefix(kind)}{name}", "name": name, "id": name}
        try:
            self.storage.get(kind, name)
        except Refused:
            self.storage.create(kind, name)
            return Answer(place)
        return Answer({**place, "error": "You already created this repo"}, 409)

    def _delete(self, call: Call) -> Answer:
        self.storage.delete(*_named(call.form()))
        return Answer()

    def _validate_yaml(self, call: Call) -> Answer:
        return Answer({"errors": [], "warnings": []})

    def _info(self, call: Call) -> Answer:
        oid, commit = self._at(call)
        first = list(self.repository(call).history(oid))[-1][1]
        detailed = call.query.get("blobs", "").lower() in ("true", "1")
        info = {
            "_id": hashlib.sha1(call.repository.encode()).hexdigest()[:24],
            "id": call.repository,
            "author": call.repository.partition("/")[0],
            "sha": oid,
            "createdAt": first.date,
            "lastModified": commit.date,
            **_PLAIN,
            "usedStorage": sum(entry.size for entry in commit.files.values()),
            "siblings": [_sibling(path, entry, detailed) for path, entry in sorted(commit.files.items())],
        }
        return Answer({**info, "modelId": call.repository} if call.kind == "models" else info)

    def _refs(self, call: Call) -> Answer:
        repository = self.repository(call)
        branches = [_ref("heads", name, oid) for name, oid in repository.branches.items()]
        tags = [_ref("tags", name, oid) for name, oid in repository.tags.items()]
        return Answer({"branches": branches, "tags": tags, "converts": [], "pullRequests": []})

    def _commits(self, call: Call) -> Answer:
        oid, _ = self._at(call)
        return Answer(
            [
                {"id": name, "title": one.title, "message": one.message, "date": one.date, "authors": [{"user": OWNER}]}
                for name, one in self.repository(call).history(oid)
            ]
        )

    def _tree(self, call: Call) -> Answer:
        _, commit = self._at(call)
        folder = call.names.get("path", "").strip("/")
        listed = _listing(commit, folder, call.query.get("recursive", "").lower() in ("true", "1"))
        if folder and not listed:
            raise Refused(404, f"{folder} does not exist", "EntryNotFound")
        expand = call.query.get("expand", "").lower() in ("true", "1")
        size = min(int(call.query.get("limit", PAGE)), EXPANDED_PAGE if expand else PAGE)
        start = int(call.query.get("cursor", 0))
        page = [self._described(call, path, one, expand) for path, one in listed[start : start + size]]
        if start + size >= len(listed):
            return Answer(page)
        here = f"{call.origin}/api/{call.kind}/{call.repository}/tree/{quote(call.names['revision'], safe='')}"
        more = "&".join(f"{name}={quote(value)}" for name, value in call.query.items() if name != "cursor")
        below = f"/{quote(folder, safe='')}" if folder else ""
        return Answer(page, headers={"Link": f'<{here}{below}?{more}&cursor={start + size}>; rel="next"'})

    def _paths_info(self, call: Call) -> Answer:
        _, commit = self._at(call)
        assert call.body is not None
        asked = parse_qs(call.body.read().decode())
        expand = asked.get("expand", ["false"])[-1].lower() in ("true", "1")
        known = dict(_listing(commit, "", True))
        paths = [path.strip("/") for path in asked.get("paths", [])]
        return Answer([self._described(call, path, known[path], expand) for path in paths if path in known])

    def _described(self, call: Call, path: str, one: Entry | str, expand: bool) -> dict[str, Any]:
        if isinstance(one, str):
            oid, _ = self._at(call)
            described = {"type": "directory", "oid": one, "size": 0, "path": path}
        else:
            oid = one.commit
            lfs = {"oid": one.sha256, "size": one.size, "pointerSize": one.pointer_size}
            described = {"type": "file", "oid": one.oid, "size": one.size, "path": path}
            described |= {"lfs": lfs} if one.sha256 else {}
        if expand:
            last = self.repository(call).at(oid)
            described["lastCommit"] = {"id": oid, "title": last.title, "date": last.date}
        return described

    def _preupload(self, call: Call) -> Answer:
        _, commit = self._at(call)
        return Answer({"files": [_upload_mode(one, commit) for one in call.form()["files"]]})

    def _lfs_batch(self, call: Call) -> Answer:
        repository, place = self.repository(call), f"{call.origin}/lfs/{call.kind}/{call.repository}"
        objects = []
        for one in call.form()["objects"]:
            oid = str(one["oid"])
            known: dict[str, Any] = {"oid": oid, "size": int(one["size"])}
            if not repository.has(oid):
                upload = {"href": f"{place}/{oid}", "header": {}}
                known["actions"] = {"upload": upload, "verify": {"href": f"{place}/verify", "header": {}}}
            objects.append(known)
        return Answer({"transfer": "basic", "objects": objects})

    def _put(self, call: Call) -> Answer:
        return Answer()  # the sink of its body has stored it

    def _verify(self, call: Call) -> Answer:
        if not self.repository(call).has(str(call.form()["oid"])):
            raise Refused(404, "the object was not uploaded", "EntryNotFound")
        return Answer({})

    def _commit(self, call: Call) -> Answer:
        repository, branch = self.repository(call), call.names["revision"]
        if call.query.get("create_pr"):
            raise Refused(403, "this loopback Hub has no pull requests")
        assert call.body is not None
        changes = read_changes(call.body, repository.keep)
        oid = repository.commit(branch, changes)
        self._told(f"{call.kind}/{call.repository}", branch, oid, changes)
        url = f"{call.origin}/{_prefix(call.kind)}{call.repository}/commit/{oid}"
        return Answer({"success": True, "commitOid": oid, "commitUrl": url, "hookOutput": ""})

    def _branch(self, call: Call) -> Answer:
        return self._move_ref(call, self.repository(call).branches, call.names["revision"], "startingPoint", "main")

    def _tag(self, call: Call) -> Answer:
        if call.method == "DELETE":
            return self._move_ref(call, self.repository(call).tags, call.names["revision"], "", "")
        return self._move_ref(call, self.repository(call).tags, "", "", call.names["revision"])

    def _move_ref(self, call: Call, refs: dict[str, str], name: str, start: str, default: str) -> Answer:
        repository = self.repository(call)
        if call.method == "DELETE":
            if name not in refs:
                raise Refused(404, f"Invalid rev id: {name}", "RevisionNotFound")
            del refs[name]
        else:
            form = call.form()
            name = name or str(form["tag"])
            if name in refs:
                raise Refused(409, f"Reference already exists: {name}")
            refs[name] = repository.resolve(form.get(start) or default)
        repository.save_refs()
        return Answer()

    def _resolve(self, call: Call) -> Answer:
        oid, commit = self._at(call)
        entry = commit.files.get(call.names["path"])
        if entry is None:
            raise Refused(404, "Entry not found", "EntryNotFound")
        headers = {"ETag": f'"{entry.etag}"', "X-Repo-Commit": oid, "Accept-Ranges": "bytes"}
        linked = {"X-Linked-Etag": f'"{entry.sha256}"', "X-Linked-Size": str(entry.size)} if entry.sha256 else {}
        return Answer(headers=headers | linked, file=self.repository(call).content(entry))

    _head = _resolve


def _prefix(kind: str) -> str:
    return "datasets/" if kind == "datasets" else ""


def _named(form: Mapping[str, Any]) -> tuple[str, str]:
    kind = form.get("type") or "model"
    if kind not in ("dataset", "model"):
        raise Refused(400, f"this loopback Hub has datasets and models, no {kind}s")
    owner, name = form.get("organization") or OWNER, form.get("name") or ""
    if not all(_NAME.fullmatch(str(part)) for part in (owner, name)):
        raise Refused(400, f"{owner}/{name} is no name of a repository")
    return f"{kind}s", f"{owner}/{name}"


def _sibling(path: str, entry: Entry, detailed: bool) -> dict[str, Any]:
    if not detailed:
        return {"rfilename": path}
    lfs = {"sha256": entry.sha256, "size": entry.size, "pointerSize": entry.pointer_size}
    return {"rfilename": path, "size": entry.size, "blobId": entry.oid, **({"lfs": lfs} if entry.sha256 else {})}


def _ref(kind: str, name: str, oid: str) -> dict[str, str]:
    return {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid}


def _listing(commit: Commit, folder: str, recursive: bool) -> list[tuple[str, Entry | str]]:
    """Files and folders below ``folder``, by path; a folder stands as a name made of what is in it."""
    start = f"{folder}/" if folder else ""
    found: dict[str, Entry | str] = {}
    inside: dict[str, list[str]] = {}
    for path, entry in commit.files.items():
        if path.startswith(start):
            for above in _folders(path, len(start)):
                inside.setdefault(above, []).append(f"{path} {entry.oid}")
            if recursive or "/" not in path[len(start) :]:
                found[path] = entry
    for path, names in inside.items():
        if recursive or "/" not in path[len(start) :]:
            found[path] = hashlib.sha1("\n".join(sorted(names)).encode()).hexdigest()
    return sorted(found.items())


def _folders(path: str, start: int) -> Iterator[str]:
    place = path.find("/", start)
    while place >= 0:
        yield path[:place]
        place = path.find("/", place + 1)


def _upload_mode(one: Mapping[str, Any], commit: Commit) -> dict[str, Any]:
    path, known = str(one["path"]), commit.files.get(str(one["path"]))
    large = goes_through_lfs(path, int(one["size"]), base64.b64decode(str(one.get("sample", ""))))
    mode = "lfs" if large else "regular"
    return {"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": known.etag if known else None}
