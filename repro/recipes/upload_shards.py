"""Recipe: upload the shards of write_shards to a dataset on the Hub in constant memory, resumable after a kill.

Keep this file as it is: it needs `huggingface_hub` (0.36, 1.x or 2.x) and nothing else. Type
`python upload_shards.py FOLDER OWNER/NAME [--dry-run]`, or call `upload_shards(FOLDER, "OWNER/NAME")`; then
`load_dataset("OWNER/NAME")` reads the split. The features come from the shards; the dataset card names the files only.

Nothing is remembered between runs. What is committed is asked of the branch: a shard is there if the tree lists its
path with the sha256 of the manifest. What was sent and not committed is left out by the answer to the LFS batch. So the
same command again, after a kill at any moment, sends what is missing. Nothing is hashed beforehand; bytes are hashed as
they are sent, and a shard that is not what the manifest says is not committed.

A commit names its parent, and the tree is looked at before a commit is repeated: one that was applied and answered with
an error is neither lost nor made twice. The client waits without end for a Hub that says nothing; here each request
ends after `patience` seconds without a byte, and is repeated `tries` times at most.

`push_to_hub` of another split later believes that there is no other, and readers fail; the same command again mends it.
All splits of a repository must have the same columns, or readers fail for each of them; this is not checked here.
Xet is switched off, unless HF_HUB_DISABLE_XET is set: shards go through LFS, with which all this was tested.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

os.environ.setdefault("HF_HUB_DISABLE_XET", "1")  # is read when huggingface_hub is imported

import huggingface_hub
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, DatasetCard, HfApi, hf_hub_url
from huggingface_hub.errors import (
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.lfs import UploadInfo
from huggingface_hub.utils import _http, build_hf_headers, disable_progress_bars, get_session, logging, validate_repo_id
from tqdm.auto import tqdm

T = TypeVar("T")
TAIL = 2**16
"""Bytes at the end of each shard that are read back and compared: the Parquet footer, and more."""

LONGEST_PAUSE = 600.0
"""Seconds to wait at most before a request is repeated, whatever the Hub asks for."""


class UploadError(Exception):
    """The upload cannot go on; the text is one line and says what to do."""


class Shard(NamedTuple):
    """A shard: its file here, its path in the repository, and what the manifest says of it."""

    file: Path
    path: str
    size: int
    sha256: str


class Tree(NamedTuple):
    """What a branch holds: its newest commit, the files in `data/` with their sha256, and git's name of the card."""

    commit: str | None
    files: dict[str, str | None]
    card: str | None


class Work(NamedTuple):
    """What is left to do: shards to add, files to remove, and the dataset card if it has to change."""

    shards: list[Shard]
    others: list[str]
    card: str | None


def upload_shards(
    folder: str | os.PathLike[str],
    repo_id: str,
    *,
    split: str = "train",
    revision: str | None = None,
    token: str | None = None,
    private: bool | None = None,
    commit_every: int = 50,
    replace: bool = False,
    check: bool = True,
    patience: float = 120.0,
    tries: int = 5,
    dry_run: bool = False,
    progress: bool = True,
) -> dict[str, Any]:
    """Upload `folder`/`split`-NNNNN-of-NNNNN.parquet to `data/` of the dataset `repo_id`, which is made if missing.

    `commit_every` shards make a commit; if there are no more, readers see all or nothing. Other shards of this split in
    the repository are an error, since readers would get them too; with `replace` the first commit removes them. At the
    end the tree is compared with the manifest and, with `check`, the end of each shard is read back and compared with
    its file. With `dry_run` nothing is sent.

    Returns {"repo_id", "commit", "split", "shards", "bytes", "present", "present_bytes", "sent_bytes", "commits",
    "plan"}: the whole split; what of it was committed before; what was done, or in a dry run would be; and for each
    commit that was to be made at the beginning the paths and sizes of its shards.

    Raises:
        UploadError: everything that goes wrong, in one line that says what to do.
    """
    shards = _shards(Path(folder), split)
    try:
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo_id):
            raise HFValidationError("two names with a slash between them are needed")
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise UploadError(f"{repo_id!r} is no repository: type OWNER/NAME ({error})") from None
    if commit_every < 1 or tries < 1 or patience <= 0:
        raise UploadError("commit_every, tries and patience must be more than 0")
    total = sum(shard.size for shard in shards)
    bar = tqdm(total=total, unit="B", unit_scale=True, desc=split, disable=dry_run or not progress)
    with _timeouts(patience), bar:
        repository = _Repository(repo_id, revision or "main", token, tries, bar.update)
        if not dry_run:
            repository.make(private)
        tree = repository.look(may_be_missing=dry_run)
        work = repository.work(tree, shards, split, replace)
        sizes = [(shard.path, shard.size) for shard in work.shards]
        summary: dict[str, Any] = {"repo_id": repo_id, "split": split, "shards": len(shards), "bytes": total}
        summary |= {"present": len(shards) - len(sizes), "present_bytes": total - sum(size for _, size in sizes)}
        summary["plan"] = [dict(sizes[at : at + commit_every]) for at in range(0, len(sizes), commit_every)]
        if dry_run:
            would = {"sent_bytes": total - summary["present_bytes"], "commits": max(len(summary["plan"]), any(work))}
            return summary | would | {"commit": tree.commit}
        bar.update(summary["present_bytes"])
        commits = stuck = 0
        while any(work):
            batch = work.shards[:commit_every]
            title = f"Upload {split}: {len(batch)} of {len(shards)} shards"
            problem = repository.commit(title, batch, work, tree, min(stuck + 1, tries - 1))
            tree = repository.look()
            last, work = work, repository.work(tree, shards, split, replace)
            stuck = stuck + 1 if work == last else 0
            commits += work != last
            if stuck == tries:
                reason = "the Hub says that it is done, and it is not; look for data/ in a .gitignore there"
                repository.pause("commit", problem or RuntimeError(reason), tries)
        for shard in shards if check else []:
            repository.compare_end(shard, tree)
    return summary | {"sent_bytes": repository.sent, "commits": commits, "commit": tree.commit}


def _shards(folder: Path, split: str) -> list[Shard]:
    """The shards that the manifest lists; all are there and have their size."""
    path = folder / f"{split}.manifest.json"
    try:
        manifest = json.loads(path.read_bytes())
        shards = [Shard(folder / s["name"], f"data/{s['name']}", s["bytes"], s["sha256"]) for s in manifest["shards"]]
        finished = manifest["schema"] == 1 and manifest["num_shards"] == len(shards)
    except (FileNotFoundError, NotADirectoryError):
        raise UploadError(f"{path} is missing: run write_shards first, or name the split with --split") from None
    except OSError as error:
        raise UploadError(f"{path} cannot be read ({error.strerror}): name a folder that you may read") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UploadError(f"{path} is no manifest of write_shards: write the shards again") from error
    if not finished:
        raise UploadError(f"{path} lists {len(shards)} of {manifest['num_shards']} shards: let write_shards finish")
    for shard in shards:
        if not shard.file.is_file() or shard.file.stat().st_size != shard.size:
            raise UploadError(f"{shard.file} is missing or not as large as {path.name} says: run write_shards again")
    return shards


class _Repository:
    """The calls to one branch of one dataset repository, each repeated where that can help."""

    def __init__(
        self, repo_id: str, revision: str, token: str | None, tries: int, moved: Callable[[int], object]
    ) -> None:
        self.repo_id, self.revision, self.token, self.tries, self.sent = repo_id, revision, token, tries, 0
        self._api, self._place = HfApi(token=token), {"repo_id": repo_id, "repo_type": "dataset"}
        self._moved, self._shown = moved, dict[str, int]()

    def make(self, private: bool | None) -> None:
        """Make the repository and the branch where they are missing."""
        make, branch = self._api.create_repo, self._api.create_branch
        self._patiently("make the repository", lambda: make(**self._place, private=private, exist_ok=True))
        if self.revision != "main":
            self._patiently("make the branch", lambda: branch(**self._place, branch=self.revision, exist_ok=True))

    def look(self, may_be_missing: bool = False) -> Tree:
        """What the branch holds now."""

        def attempt() -> Tree:
            try:
                commit = self._api.repo_info(**self._place, revision=self.revision).sha
            except (RepositoryNotFoundError, RevisionNotFoundError):
                if may_be_missing:
                    return Tree(None, {}, None)
                raise
            root: dict[str, Any] = {one.path: one for one in self._api.list_repo_tree(**self._place, revision=commit)}
            listed = self._api.list_repo_tree(**self._place, path_in_repo="data", revision=commit)
            files = {one.path: getattr(one, "lfs", None) for one in (listed if "data" in root else [])}
            card = root["README.md"].blob_id if "README.md" in root else None
            return Tree(commit, {path: lfs and lfs.sha256 for path, lfs in files.items()}, card)

        return self._patiently("read the list of files", attempt)

    def work(self, tree: Tree, shards: list[Shard], split: str, replace: bool) -> Work:
        """What is left to do. Raises UploadError if a reader would get other shards of the split as well."""
        todo = [shard for shard in shards if tree.files.get(shard.path) != shard.sha256]
        ours = {shard.path for shard in shards}
        others = sorted(path for path in tree.files if path.startswith(f"data/{split}-") and path not in ours)
        strange = others + [shard.path for shard in todo if shard.path in tree.files]
        if strange and not replace:
            here = f"{self.repo_id} has {len(strange)} other shards of {split!r}, such as {strange[0]}"
            raise UploadError(f"{here}: add --replace to remove them, or choose another --split or repository")
        named = (re.fullmatch(r"data/(.+)-\d{5}-of-\d{5}\.parquet", path) for path in tree.files)
        splits = {split, *(match[1] for match in named if match)}
        return Work(todo, others, _card(self._card(tree), split, splits))

    def _card(self, tree: Tree) -> str | None:
        def attempt() -> str:
            text = self._read("README.md", tree)
            if hashlib.sha1(b"blob %d\0" % len(text) + text).hexdigest() != tree.card:
                raise ValueError("it arrived damaged")
            return text.decode()

        return None if tree.card is None else self._patiently("read README.md", attempt)

    def commit(self, title: str, batch: list[Shard], work: Work, tree: Tree, attempt: int) -> Exception | None:
        """Send shards and commit them, with the removals and, if they are the last, the dataset card.

        An error that may pass is returned after a pause: only a look at the tree tells whether the commit was made.
        """
        operations: list[Any] = [self._send(shard) for shard in batch]
        operations += [CommitOperationDelete(path) for path in work.others]
        if work.card is not None and len(batch) == len(work.shards):
            operations.append(CommitOperationAdd("README.md", work.card.encode()))
        try:
            options = {"commit_message": title, "revision": self.revision, "parent_commit": tree.commit}
            self._api.create_commit(operations=operations, **options, **self._place)
        except Exception as error:
            time.sleep(self.pause("commit", error, attempt))
            return error
        return None

    def _send(self, shard: Shard) -> CommitOperationAdd:
        """Send a shard, unless the Hub has it; gives what a commit needs of it."""

        def attempt() -> _Add:
            add = _Add(shard, self._progress)
            self._api.preupload_lfs_files(additions=[add], revision=self.revision, **self._place)
            return add

        add = self._patiently(f"send {shard.path}", attempt)
        self._progress(shard, shard.size, 0)
        return add

    def _progress(self, shard: Shard, reached: int, sent: int) -> None:
        self.sent += sent
        self._moved(max(reached - self._shown.get(shard.path, 0), 0))
        self._shown[shard.path] = max(reached, self._shown.get(shard.path, 0))

    def compare_end(self, shard: Shard, tree: Tree) -> None:
        """Read the end of a shard from the Hub with one ranged request and compare it with the file."""
        start = max(shard.size - TAIL, 0)
        with shard.file.open("rb") as file:
            file.seek(start)
            wanted = file.read()

        def attempt() -> None:
            try:
                same = self._read(shard.path, tree, start, shard.size) == wanted
            except _Refused as refused:
                if refused.status == 404:
                    raise UploadError(
                        f"{shard.path} is committed, but the Hub lost its bytes: delete it there"
                    ) from None
                raise
            if not same:
                raise ValueError(f"the Hub gives other bytes than {shard.file} has; delete it there")

        self._patiently(f"read back {shard.path}", attempt)

    def _read(self, path: str, tree: Tree, start: int = 0, stop: int = 0) -> bytes:
        """A small file, or bytes `start` to `stop` of one; no more than that, whatever the Hub sends."""
        url = hf_hub_url(self.repo_id, path, repo_type="dataset", revision=tree.commit)
        headers = build_hf_headers(token=self.token) | {"Accept-Encoding": "identity"}
        headers |= {"Range": f"bytes={start}-{stop - 1}"} if stop else {}
        session: Any = get_session()
        old = not callable(session.stream)  # requests, in huggingface_hub before 1.0
        asked = session.get(url, headers=headers, stream=True) if old else session.stream("GET", url, headers=headers)
        with contextlib.closing(asked) if old else asked as answer:
            if answer.status_code != (206 if stop else 200):
                raise _Refused(answer)
            blocks = answer.iter_content(TAIL) if old else answer.iter_bytes(TAIL)
            return b"".join(islice(blocks, 1 if stop else 2**8))

    def _patiently(self, what: str, call: Callable[[], T]) -> T:
        """The result of a call, which is repeated after a pause where that can help."""
        for attempt in count(1):
            try:
                return call()
            except Exception as error:
                time.sleep(self.pause(what, error, attempt))
        raise AssertionError

    def pause(self, what: str, error: Exception, attempt: int) -> float:
        """Seconds to wait before the next attempt. Raises UploadError if there is to be none."""
        causes = _causes(error)
        answer: Any = next((r for one in causes if (r := getattr(one, "response", None)) is not None), None)
        if known := next((one for one in causes if isinstance(one, UploadError)), None):
            raise known
        status = 0 if answer is None else answer.status_code
        advice = {
            401: f"log in with `hf auth login`, or pass a token that may write to {self.repo_id}",
            403: f"pass a token that may write to {self.repo_id}",
            404: f"check that {self.repo_id} and its branch {self.revision} exist",
        }
        # a 404 of LFS's `verify` says that the object did not arrive
        arrived = status != 404 or "/verify" not in str(answer.url)
        lasting = 400 <= status < 500 and status not in {408, 409, 412, 425, 429} and arrived
        lasting |= any(isinstance(one, OfflineModeIsEnabled) for one in causes)
        if lasting or attempt >= self.tries:
            said = " ".join(re.sub(r"\?\S*", "", str(causes[-1])).split())  # no query: it may hold a signature
            if isinstance(causes[-1], json.JSONDecodeError):
                said = "the answer is not JSON: is there a proxy or a sign-in page?"
            reason = f"the Hub answers {status}" if status else said[:200] or type(causes[-1]).__name__
            if status and lasting and (why := " ".join(answer.headers.get("X-Error-Message", "").split())):
                reason += f" ({why[:200]})"
            again = "run the same command again, and what arrived is not sent again"
            if lasting:
                again = f"mend that, then {again}"
            raise UploadError(f"{what}: {reason}; {advice.get(status, again)}") from error
        try:
            asked = float(answer.headers["Retry-After"]) if answer is not None else 0.0
        except (KeyError, ValueError):
            asked = 0.0
        return min(max(asked, 2.0 ** (attempt - 1)), LONGEST_PAUSE)


class _Refused(Exception):
    """An answer with another status than is needed."""

    def __init__(self, response: Any) -> None:
        super().__init__(f"the Hub answers {response.status_code}, without the bytes that were asked for")
        self.status, self.response = response.status_code, response if response.status_code >= 400 else None


class _Add(CommitOperationAdd):  # type: ignore[misc]
    """A shard for the client, with size and sha256 from the manifest: the client's own would read the file first."""

    def __init__(self, shard: Shard, progress: Callable[[Shard, int, int], None]) -> None:
        self._shard, self._progress = shard, progress
        super().__init__(path_in_repo=shard.path, path_or_fileobj=str(shard.file))

    def __post_init__(self) -> None:
        with self._shard.file.open("rb") as file:
            sample = file.read(512)
        self.upload_info = UploadInfo(size=self._shard.size, sample=sample, sha256=bytes.fromhex(self._shard.sha256))

    @contextlib.contextmanager
    def as_file(self, with_tqdm: bool = False) -> Iterator[_Reader]:
        with _Reader(self._shard, self._progress) as file:
            try:
                yield file
            finally:
                file.check()


class _Reader(io.FileIO):
    """The file of a shard, hashed as it is read for the first time."""

    def __init__(self, shard: Shard, progress: Callable[[Shard, int, int], None]) -> None:
        super().__init__(shard.file, "rb")
        self._shard, self._progress, self._digest, self._seen = shard, progress, hashlib.sha256(), 0

    def read(self, size: int | None = -1, /) -> bytes:
        start = self.tell()
        if start == 0 and self._seen == self._shard.size:
            # here the client would send all of it again; but it may have arrived, so the LFS batch is asked first
            raise RuntimeError("all bytes were sent, and the Hub did not say that they arrived")
        data = super().read(-1 if size is None else size) or b""
        new = data[self._seen - start :] if start <= self._seen else b""
        self._digest.update(new)
        self._seen += len(new)
        self._progress(self._shard, self._seen, len(data))
        return data

    def check(self) -> None:
        """Raise UploadError if these are not the bytes that write_shards wrote."""
        size = os.fstat(self.fileno()).st_size
        if size != self._shard.size or (self._seen == size and self._digest.hexdigest() != self._shard.sha256):
            raise UploadError(f"{self._shard.file} was changed after it was written: run write_shards again")


def _card(text: str | None, split: str, splits: set[str]) -> str | None:
    """The dataset card with `split` in its default configuration (with all `splits` if it has none); None if it is so.

    Sizes that the card gives for that configuration are dropped: load_dataset would hold them against the new files.
    """
    try:
        card = DatasetCard(text or "---\n{}\n---\n", ignore_metadata_errors=True)
        before = json.dumps(card.data.to_dict(), default=str)
        configs = list(card.data.get("configs") or [])
        default = next((one for one in configs if one["config_name"] == "default"), None)
        if rival := next((one["config_name"] for one in configs if one is not default and one.get("default")), None):
            here = f"README.md there makes {rival!r} the default configuration"  # with two, readers fail
            raise UploadError(f"{here}: take `default: true` out there, or choose another repository")
        if default is None:
            configs.append(default := {"config_name": "default", "data_files": []})
        else:
            splits = {split}
        files = default["data_files"]
        for name in sorted(splits):
            wanted = {"split": name, "path": f"data/{name}-*"}
            if wanted not in files:
                files[:] = [*(one for one in files if one["split"] != name), wanted]
        infos = card.data.get("dataset_info") or []
        infos = [infos] if isinstance(infos, dict) else infos
        card.data["configs"] = configs
        card.data["dataset_info"] = [one for one in infos if one.get("config_name", "default") != "default"] or None
        return None if json.dumps(card.data.to_dict(), default=str) == before else str(card)
    except UploadError:
        raise
    except Exception as error:
        raise UploadError(
            f"README.md there has metadata that is not understood ({error!r}): mend it by hand"
        ) from error


@contextlib.contextmanager
def _timeouts(seconds: float) -> Iterator[None]:
    """Let no request of the client wait longer for a byte; of its own it waits without end for most answers."""
    new = hasattr(huggingface_hub, "set_client_factory")  # 1.0 and later
    install: Any = getattr(huggingface_hub, "set_client_factory" if new else "configure_http_backend")
    factory: Any = getattr(_http, "_GLOBAL_CLIENT_FACTORY" if new else "_GLOBAL_BACKEND_FACTORY")

    def make() -> Any:
        session = factory()
        request = session.request
        session.request = lambda *words, **options: request(*words, **{**options, "timeout": seconds})
        if new:
            session.timeout = seconds  # for streams
        return session

    install(make)
    try:
        yield
    finally:
        install(factory)


def _causes(error: BaseException) -> list[BaseException]:
    """An error and what it came from, the first cause last."""
    found = [error]
    while (cause := found[-1].__cause__ or found[-1].__context__) is not None and cause not in found:
        found.append(cause)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="what write_shards wrote")
    parser.add_argument("repo", help="OWNER/NAME of the dataset")
    parser.add_argument("--split", default="train")
    parser.add_argument("--revision", help="a branch, made if missing (default main)")
    parser.add_argument("--private", action="store_true", default=None, help="if the repository is made")
    parser.add_argument("--commit-every", type=int, default=50, metavar="N", help="shards in a commit (default 50)")
    parser.add_argument("--replace", action="store_true", help="remove other shards of this split")
    parser.add_argument("--no-check", dest="check", action="store_false", help="do not read the end of each shard back")
    parser.add_argument("--patience", type=float, default=120.0, metavar="S", help="without a byte (default 120)")
    parser.add_argument("--tries", type=int, default=5, metavar="N", help="of each request (default 5)")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument("--quiet", dest="progress", action="store_false", help="no progress bar")
    words = vars(parser.parse_args())
    logging.set_verbosity_error()
    disable_progress_bars()  # of the client: it has none for a shard, but one for none at all
    try:
        done = upload_shards(words.pop("folder"), words.pop("repo"), **words)
    except UploadError as error:
        sys.exit(f"upload_shards: {error}")
    except KeyboardInterrupt:
        sys.exit("upload_shards: interrupted; run the same command again, and what arrived is not sent again")
    for number, sizes in enumerate(done["plan"] if words["dry_run"] else [], 1):
        print(f"commit {number}:", *(f"{path}  {size:,} bytes" for path, size in sizes.items()), sep="\n  ")
    print(f"{done['repo_id']}: {done['shards']} shards of {done['split']}, {done['bytes']:,} bytes", end="; ")
    print(f"there before: {done['present']} shards, {done['present_bytes']:,} bytes", end="; ")
    print("would send:" if words["dry_run"] else "sent:", f"{done['sent_bytes']:,} bytes, {done['commits']} commits")


if __name__ == "__main__":
    main()
