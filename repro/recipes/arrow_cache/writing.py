"""Writes a version of a cache, alone or in parts, and publishes it."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import shutil
import uuid
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .disk import replace_file
from .features import FORMAT, CacheError, Form
from .ipc import Shard
from .parts import Examples, PartWriter, Plan, append, read_journal
from .versions import Folder, Meta, find_published, load_meta, replaced_version, sweep, tidy, writing_alone


def write_cache(
    examples: Examples,
    features: Any,
    folder: Folder,
    *,
    budget: int | str = "64MiB",
    shard_size: int | str = "256MiB",
    key: str | None = None,
) -> Meta:
    """Write the examples (dicts) as the new version of the cache in `folder`, and publish it when it is complete.

    Memory: at most `budget` of rows and buffers, beside one row that is larger. A shard has at most `shard_size` bytes
    on disk, unless one row needs more.

    `key` says what the examples are (source, its version, split, settings). A version with the same key and features
    is kept: no example is taken. If `examples` is a function of a row number that gives the examples from there on, a
    writer with a key goes on where a dead one with the same key ended. A second writer waits for the first; it then
    keeps what the first published meanwhile, if key and features are its own.

    Raises RowError for an example that is not what `features` say; the version before stays current.
    """
    form, home = Form(features), Path(folder)
    with writing_alone(home) as published:
        found = find_published(home)
        if found and (found.key, found.columns) == (key, form.columns) and (key is not None or published):
            tidy(home, found.version)  # its writer may have died after it published
            return found
        plan = _planned(home, features, form, 1, budget, shard_size, key, resume=callable(examples))
        try:
            write_part(plan, 0, examples)
            return _commit(plan)
        except BaseException:
            if key is None or not callable(examples):
                shutil.rmtree(plan.path, ignore_errors=True)
            raise


def plan(
    features: Any,
    folder: Folder,
    parts: int,
    *,
    budget: int | str = "64MiB",
    shard_size: int | str = "256MiB",
    key: str,
) -> Plan:
    """A version to be written in `parts` parts. The same plan again goes on with what is there of it.

    One version is in the making at a time: another plan, or `write_cache`, takes the place of an unfinished one.
    """
    if parts < 1:
        raise CacheError(f"parts={parts}; type 1 or more")
    form, home = Form(features), Path(folder)
    with writing_alone(home):
        found = find_published(home)
        if found and (found.key, found.columns) == (key, form.columns):
            tidy(home, found.version)
            return Plan(home, found.version, features, parts, _size("budget", budget), _size("", shard_size), key)
        return _planned(home, features, form, parts, budget, shard_size, key, resume=True)


def write_part(plan: Plan, index: int, examples: Examples) -> None:
    """Write one part of a plan, in any process; a part that is finished is kept, and no example is taken."""
    if not 0 <= index < plan.parts:
        raise CacheError(f"part {index} of {plan.parts}; type 0 to {plan.parts - 1}")
    if (plan.path / "cache.json").exists():
        return
    try:
        file = os.open(plan.journal(index), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    except FileNotFoundError as error:
        raise CacheError(f"{plan.path} is gone: another build of this cache has begun; plan again") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX)  # whoever wants to remove the version sees that it is in use
        shards, done = read_journal(plan, index)
        if done:
            return
        if not callable(examples):
            shards = []
        os.ftruncate(file, 0)
        for shard in shards:
            append(file, asdict(shard))
        kept = {shard.name for shard in shards}
        for path in plan.path.glob(f"shard-{index:05d}-*.arrow"):
            if path.name not in kept:
                path.unlink()
        with PartWriter(plan, index, file, shards) as part:
            part.extend(examples(part.row) if callable(examples) else examples)
        append(file, {"done": True})
    finally:
        os.close(file)


def commit(plan: Plan) -> Meta:
    """Publish a plan whose parts are all finished; again is no harm."""
    with writing_alone(plan.folder):
        return _commit(plan)


def _planned(
    home: Path, features: Any, form: Form, parts: int, budget: Any, shard_size: Any, key: str | None, *, resume: bool
) -> Plan:
    sizes = _size("budget", budget), _size("shard_size", shard_size)
    about = {"format": FORMAT, "key": key, "columns": form.columns, "parts": parts, "shard_size": sizes[1]}
    text, current = json.dumps(about, indent=1), replaced_version(home)
    kept = None
    for path in home.glob("v-*/plan.json"):
        if resume and key is not None and path.parent.name != current and path.read_text("utf-8") == text:
            kept = path.parent.name
    sweep(home, {current, kept})
    version = kept or f"v-{uuid.uuid4().hex[:16]}"
    if not kept:
        (home / version).mkdir()
        replace_file(home / version / "plan.json", text)
    return Plan(home, version, features, parts, *sizes, key)


def _size(name: str, value: int | str) -> int:
    found = re.fullmatch(r"\s*(\d+)\s*([kKMGT]?)(i?)B?\s*", str(value))
    size = (
        int(found[1]) * (1024 if found[3] else 1000) ** " kMGT".index(found[2].replace("K", "k") or " ") if found else 0
    )
    if size < 1:
        raise CacheError(f'{name}={value!r} is no size in bytes; type a positive one, such as {name}="64MiB"')
    return size


def _commit(plan: Plan) -> Meta:
    home, form, meta = plan.folder, Form(plan.features), plan.path / "cache.json"
    if not meta.exists():
        shards: list[Shard] = []
        for index in range(plan.parts):
            entries, done = read_journal(plan, index)
            if not done:
                raise CacheError(f"part {index} of {plan.parts} is not finished; write it, then commit again")
            shards += entries
        schema = base64.b64encode(form.schema.serialize()).decode()
        made = Meta(plan.version, plan.key, schema, form.columns, shards)
        replace_file(meta, json.dumps({"format": FORMAT, "num_rows": made.num_rows, **asdict(made)}, indent=1))
    if replaced_version(home) != plan.version:
        if not (plan.path / "plan.json").exists():
            raise CacheError(f"{plan.path} was published, and another version since; plan again")
        replace_file(home / "current", json.dumps({"format": FORMAT, "version": plan.version}))
    tidy(home, plan.version)
    return load_meta(home, plan.version)
