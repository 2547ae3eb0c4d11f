"""The real clients, unmodified, of three generations: what goes up comes down, and no other address is opened."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repro import targets
from repro.model import TargetInfo
from tests.hub.conftest import Client, Running

RELEASES = (
    "huggingface-hub==0.36.2 datasets==4.4.2",
    "huggingface-hub==1.33.0 datasets==5.1.0",
    "huggingface-hub==2.4.0 datasets==5.2.0",
)
pytestmark = [pytest.mark.targets, pytest.mark.slow]
NOISE = random.Random(14).randbytes(3 << 20)


class Session:
    """A client and its Hub, for all tests of a release: the client takes seconds to import."""

    def __init__(self, root: Path, target: TargetInfo) -> None:
        self.root, self.target = root, target
        (root / "hub").mkdir()
        (root / "home").mkdir()
        self.hub = Running(root / "hub")
        self.client = Client(target.python, self.hub.environment, root / "home")
        folder = root / "files"
        (folder / "sub").mkdir(parents=True)
        (folder / "small.txt").write_text("hello")
        (folder / "empty.txt").touch()
        (folder / "sub" / "größe 1%.bin").write_bytes(NOISE)
        self.folder = folder

    def run(self, code: str, **names: Any) -> Any:
        return self.client.run(code, folder=str(self.folder), **names)


@pytest.fixture(scope="module", params=RELEASES)
def session(
    request: pytest.FixtureRequest, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Session]:
    needs = ("datasets", "pyarrow", "huggingface-hub")
    target = targets.provision(request.param, cache=shared_cache, requires=needs, diagnostic=())
    assert isinstance(target, TargetInfo), target
    running = Session(tmp_path_factory.mktemp("clients"), target)
    assert running.run("out = version") == target.packages["huggingface-hub"]
    yield running
    running.client.close()
    running.hub.close()


def repository(session: Session, name: str, kind: str = "dataset") -> str:
    return str(session.run("out = api.create_repo(name, repo_type=kind).repo_id", name=f"me/{name}", kind=kind))


def test_who_am_i(session: Session) -> None:
    assert session.run("out = api.whoami()['name']") == "loopback"


@pytest.mark.parametrize("kind", ["dataset", "model"])
def test_a_repository_from_its_making_to_its_end(session: Session, kind: str) -> None:
    name = repository(session, f"life-{kind}", kind)
    code = """
api.create_repo(name, repo_type=kind, exist_ok=True)
api.upload_file(path_or_fileobj=b"1", path_in_repo="a/b.txt", repo_id=name, repo_type=kind)
api.create_branch(name, repo_type=kind, branch="b/c")
api.create_tag(name, repo_type=kind, tag="v1")
api.delete_file("a/b.txt", repo_id=name, repo_type=kind)
refs = api.list_repo_refs(name, repo_type=kind)
out = [
    [one.name for one in refs.branches], [one.name for one in refs.tags],
    api.list_repo_files(name, repo_type=kind), api.list_repo_files(name, repo_type=kind, revision="v1"),
    len(api.list_repo_commits(name, repo_type=kind)),
    [one.path for one in api.get_paths_info(name, ["a", "a/b.txt", "none"], repo_type=kind, revision="b/c")],
]
api.delete_tag(name, repo_type=kind, tag="v1")
api.delete_branch(name, repo_type=kind, branch="b/c")
api.delete_repo(name, repo_type=kind)
out.append(api.repo_exists(name, repo_type=kind))
"""
    assert session.run(code, name=name, kind=kind) == [
        ["main", "b/c"],
        ["v1"],
        [".gitattributes"],
        [".gitattributes", "a/b.txt"],
        3,
        ["a", "a/b.txt"],
        False,
    ]


@pytest.mark.parametrize("how", ["upload_folder", "upload_large_folder", "command"])
def test_a_folder_goes_up_and_comes_down(session: Session, how: str) -> None:
    name = repository(session, how.replace("_", "-"))
    match how:
        case "upload_folder":
            session.run("api.upload_folder(folder_path=folder, repo_id=name, repo_type='dataset')", name=name)
        case "upload_large_folder":
            if session.run("out = hasattr(api, 'upload_large_folder')") is False:
                pytest.skip("upload_folder took its place in 2.0")
            code = "api.upload_large_folder(folder_path=folder, repo_id=name, repo_type='dataset', print_report=False)"
            session.run(code, name=name)
        case "command":
            session.run(
                "import subprocess, sys; from pathlib import Path\n"
                "hf = str(Path(sys.executable).with_name('hf'))\n"
                "subprocess.run([hf, 'upload', name, folder, '.', '--repo-type', 'dataset'], check=True)\n"
                "subprocess.run([hf, 'download', name, '--repo-type', 'dataset'], check=True)\n",
                name=name,
            )
    code = """
from pathlib import Path
root = Path(snapshot_download(name, repo_type="dataset"))
out = {
    str(path.relative_to(root)): path.read_bytes().hex()
    for path in root.rglob("*") if path.is_file() and path.name != ".gitattributes"
}
"""
    wanted = {"small.txt": b"hello".hex(), "empty.txt": "", "sub/größe 1%.bin": NOISE.hex()}
    assert session.run(code, name=name) == wanted


def test_ranges_through_the_file_system(session: Session) -> None:
    name = repository(session, "ranges")
    session.run("api.upload_folder(folder_path=folder, repo_id=name, repo_type='dataset')", name=name)
    code = """
fs = HfFileSystem()
path = next(one for one in fs.find(f"datasets/{name}") if one.endswith(".bin"))
with fs.open(path, block_size=4096) as file:
    file.seek(1_000_000)
    out = [file.read(100).hex(), fs.info(path)["size"], fs.cat_file(path, 5, 9).hex()]
"""
    assert session.run(code, name=name) == [NOISE[1_000_000:1_000_100].hex(), len(NOISE), NOISE[5:9].hex()]


def test_a_second_upload_of_the_same_sends_no_content(session: Session) -> None:
    name = repository(session, "twice")
    code = "api.upload_folder(folder_path=folder, repo_id=name, repo_type='dataset')"
    session.run(code, name=name)
    seen = len(blobs(session, name))
    session.run(code, name=name)
    assert len(blobs(session, name)) == seen


def blobs(session: Session, name: str) -> list[Path]:
    return list((session.hub.folder / "datasets" / name / "blobs").iterdir())


def test_a_dataset_is_pushed_and_read_both_ways(session: Session) -> None:
    code = """
import datasets
made = datasets.Dataset.from_dict({"x": list(range(1000)), "name": [str(n) for n in range(1000)]})
made.push_to_hub("me/pushed", num_shards=4)
again = made.select(range(10))
again.push_to_hub("me/pushed", split="test")
streamed = list(datasets.load_dataset("me/pushed", split="train", streaming=True))
whole = datasets.load_dataset("me/pushed")
out = [
    streamed == list(made), whole["train"].to_dict() == made.to_dict(), whole["test"].num_rows,
    [one for one in api.list_repo_files("me/pushed", repo_type="dataset") if one.endswith(".parquet")],
]
"""
    same_streamed, same, rows, files = session.run(code)
    assert (same_streamed, same, rows) == (True, True, 10)
    shards = [f"data/train-{number:05}-of-00004.parquet" for number in range(4)]
    assert files == ["data/test-00000-of-00001.parquet", *shards]


def test_no_other_address_is_ever_opened_nor_name_looked_up(session: Session) -> None:
    session.run("import datasets; list(datasets.Dataset.from_dict({'x': [1]}).push_to_hub('me/quiet') or ())")
    session.run("datasets.load_dataset('me/quiet')")
    session.run("import urllib.request\ntry:\n    urllib.request.urlopen('https://example.org')\nexcept OSError: pass")
    port = session.hub.address.rpartition(":")[2]
    opened = set(session.run("out = opened"))
    assert f"('127.0.0.1', {port})" in opened
    assert opened <= {f"('127.0.0.1', {port})", "127.0.0.1"}
