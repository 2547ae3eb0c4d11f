"""`read_case` against the loopback Hub: the right bytes or an error that says why, and no more bytes than needed."""

from __future__ import annotations

import gzip
import random
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import constants
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.reading import IMAGES, LAYOUTS, REPO, Layout, attempt, hub_here, sequence, value, write
from repro import targets
from repro.hub.faults import Plan, parse
from repro.hub.state import Hub
from repro.hub.storage import Changes
from repro.inputs import cases
from repro.model import TargetInfo
from repro.recipes import read_case as recipe
from repro.recipes.read_case import CaseError, CaseIndex, StaleIndex, case_index, read_case
from tests.hub.conftest import Client, Running

SUMMED = Layout(3, 30_000)
BARE = Layout(3, 30_000, checksums=False, codec="snappy", struct=True)


@pytest.fixture(scope="module", params=[SUMMED, BARE], ids=["checksums", "none"])
def layout(request: pytest.FixtureRequest) -> Layout:
    return request.param


@pytest.fixture(scope="module")
def hub(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    tree = tmp_path_factory.mktemp("tree")
    write(tree, layout)
    with hub_here(tree) as running:
        yield running


@pytest.fixture(autouse=True)
def no_faults(request: pytest.FixtureRequest) -> None:
    if "hub" in request.fixturenames:
        faults(request.getfixturevalue("hub"))


def faults(hub: Hub, *typed: str) -> None:
    hub.plan = Plan([parse(text) for text in typed])
    hub.record.requests.clear()


def ranges(hub: Hub) -> list[tuple[str, int]]:
    return [(one.path.rpartition("/")[2], one.down) for one in hub.record.requests if one.endpoint == "resolve"]


def test_a_case_is_read_with_its_own_bytes_and_no_footer_again(hub: Hub, layout: Layout) -> None:
    index = case_index(REPO)
    assert index.ids == ["sub-0000", "sub-0001", "sub-0002"]
    faults(hub)
    for column in IMAGES:
        case = read_case(index, "sub-0001", [column])
        assert (bytes(case[column]), case.table.num_rows) == (value(layout, 1, column), 1)
    assert {name for name, _ in ranges(hub)} == {"train-00001.parquet"}
    assert sum(down for _, down in ranges(hub)) < 1.05 * 3 * layout.size
    assert case.checked == ("page checksums" if layout.checksums else "")
    faults(hub)
    whole = read_case(index, "sub-0002")
    assert [bytes(whole[name]) for name in IMAGES] == [value(layout, 2, name) for name in IMAGES]
    assert whole["subject_id"] == "sub-0002"
    assert sum(down for _, down in ranges(hub)) < 1.02 * 3 * layout.size


@pytest.mark.parametrize(
    "kind",
    ["reset", "close", "stall", "wrong-length", "empty", "html", "429", "500", "range-ignored", "wrong-range"],
)  # fmt: skip
@pytest.mark.parametrize("endpoint", ["resolve", "info"])
def test_a_fault_that_passes_is_survived_and_one_that_stays_is_told(hub: Hub, endpoint: str, kind: str) -> None:
    if "range" in kind and endpoint == "info":
        pytest.skip("the list of files has no ranges")
    faults(hub, f"{endpoint}:{kind}")
    assert bytes(read_case(case_index(REPO), "sub-0000", ["dwi"])["dwi"])
    faults(hub, f"{endpoint}:{kind}x*")
    with pytest.raises(CaseError, match=f"gave up after {recipe.TRIES} tries: .*; .*; "):
        case_index(REPO)


def test_a_flipped_bit_is_noticed(hub: Hub, layout: Layout) -> None:
    index = case_index(REPO)
    faults(hub, "resolve:flip@1")  # the second request is that of the image
    case = read_case(index, "sub-0001", ["dwi"], strict=True)
    assert bytes(case["dwi"]) == value(layout, 1, "dwi")
    assert case.checked == ("page checksums" if layout.checksums else "sum of the file")
    faults(hub, "resolve:flipx*@1")
    with pytest.raises(CaseError, match="damaged" if layout.checksums else "the sum of the file"):
        read_case(index, "sub-0001", ["dwi"], strict=True)


def test_what_has_arrived_is_not_fetched_again(hub: Hub, layout: Layout) -> None:
    index = case_index(REPO)
    faults(hub, "resolve:close@1")
    read_case(index, "sub-0001", ["dwi"])
    whole = layout.size + 200
    assert sum(down for _, down in ranges(hub)) < 1.1 * whole


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_is_not_asked_about_again(hub: Hub, status: int) -> None:
    faults(hub, f"info:{status}x*")
    with pytest.raises(CaseError, match=f"status {status}"):
        case_index(REPO)
    assert len([one for one in hub.record.requests if one.endpoint == "info"]) == 1


def test_a_repository_that_has_changed_is_another_than_that_of_the_index(hub: Hub, layout: Layout) -> None:
    index = case_index(REPO)
    repository = hub.api.storage.get("datasets", REPO)
    before = repository.branches["main"]
    files = repository.at(before).files
    swapped = {"data/train-00000.parquet": files["data/train-00001.parquet"].sha256}
    repository.commit("main", Changes("another", "", "", dict(swapped), (), ()))
    try:
        with pytest.raises(StaleIndex, match="make it again"):
            read_case(index, "sub-0000", ["dwi"])
        at_commit = case_index(REPO, revision=before)
        assert bytes(read_case(at_commit, "sub-0000", ["dwi"])["dwi"]) == value(layout, 0, "dwi")
        with pytest.raises(CaseError, match="'sub-0001' is in data/train-00000"):
            case_index(REPO)
    finally:
        repository.branches["main"] = before


def test_an_index_that_says_something_else_than_the_file_gives_no_other_patient(hub: Hub, tmp_path: Path) -> None:
    index = case_index(REPO)
    index.rows["sub-0000"] = index.rows["sub-0001"]
    with pytest.raises(CaseError, match="holds case sub-0001 where the index has 'sub-0000'"):
        read_case(index, "sub-0000", ["dwi"])


def test_an_index_that_was_kept_asks_nothing(hub: Hub, tmp_path: Path) -> None:
    index = case_index(REPO)
    index.save(tmp_path / "index.json")
    faults(hub)
    assert CaseIndex.load(tmp_path / "index.json") == index
    assert hub.record.requests == []


def test_names_that_do_not_exist_are_refused_with_some_that_do(hub: Hub) -> None:
    index = case_index(REPO)
    with pytest.raises(CaseError, match="no case 'sub-7' among 3, such as sub-0000"):
        read_case(index, "sub-7")
    with pytest.raises(CaseError, match=r"no column 'flair' .* subject_id, dwi, adc, lesion_mask"):
        read_case(index, "sub-0000", ["flair"])
    with pytest.raises(CaseError, match="no column 'patient'; there are subject_id"):
        case_index(REPO, id_column="patient")
    with pytest.raises(CaseError, match="no files"):
        case_index(REPO, files="*.csv")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_mirror_does_as_well_without_a_network(layout: Layout, tmp_path: Path) -> None:
    ids = write(tmp_path, layout)
    mirror = tmp_path / "datasets" / REPO
    index = case_index(mirror)
    assert index.ids == ids
    case = read_case(index, ids[-1])
    assert [bytes(case[name]) for name in IMAGES] == [value(layout, layout.cases - 1, name) for name in IMAGES]
    shutil.copy(mirror / "data/train-00000.parquet", mirror / "data/train-00001.parquet")
    with pytest.raises(StaleIndex, match="has changed"):
        read_case(index, ids[0])


def test_the_image_is_one_call_more(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    plain = nibabel.Nifti1Image(array, np.eye(4)).to_bytes()
    second = nibabel.Nifti2Image(array, np.eye(4)).to_bytes()
    values = {"dwi": plain, "adc": gzip.compress(plain), "mask": second, "none": None}
    columns = {name: pa.array([content], pa.binary()) for name, content in values.items()}
    pq.write_table(pa.table({"subject_id": ["a"], **columns}), tmp_path / "one.parquet")
    case = read_case(case_index(tmp_path), "a")
    for name in ("dwi", "adc", "mask"):
        assert np.array_equal(case.image(name).get_fdata(), array)
    with pytest.raises(CaseError, match="has no none"):
        case.image("none")


def test_the_149_cases_of_the_report_take_151_requests_and_16_kib_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hub_here(cases.build(tmp_path, cases.Layout(149, 20_000), 15)) as hub:
        monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 60)  # on a busy machine too nothing is asked twice
        index = case_index(cases.REPOSITORY)
        assert index.ids == cases.subjects()
        asked = [one for one in hub.record.requests if one.endpoint != "other"]  # a client asks once a day who runs it
        assert (len(asked), {one.down for one in asked[1:]}) == (150, {recipe.TAIL})
        last = read_case(index, "sub-stroke0189", ["lesion_mask"])["lesion_mask"]
        assert bytes(last) == cases.image(15, "sub-stroke0189", "lesion_mask", 20_000)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_whatever_happens_the_bytes_are_right_or_there_is_an_error(layout: Layout, tmp_path: Path) -> None:
    write(tmp_path, layout)
    with hub_here(tmp_path) as hub:
        ended = [attempt(hub, layout, sequence(chance), chance) for chance in map(random.Random, range(12))]
    assert "right" in ended


IDS = pa.array(["a"])
TEXT = pa.array(["scan.nii"], pa.large_string())
ROWS = {
    "bytes": (pa.array([b"abc" * 999], pa.binary()), True),
    "large bytes": (pa.array([b"abc" * 999], pa.large_binary()), True),
    "text": (TEXT, True),
    "empty": (pa.array([b""]), True),
    "image": (pa.StructArray.from_arrays([pa.array([b"abc" * 99]), TEXT], ["bytes", "path"]), True),
    "none": (pa.array([None], pa.binary()), False),
    "image without bytes": (
        pa.StructArray.from_arrays([pa.array([None], pa.binary()), TEXT], ["bytes", "path"]),
        False,
    ),
    "number": (pa.array([7]), False),
    "list": (pa.array([[b"abc", b"d"]]), False),
}


def held(data: bytes) -> recipe.Read:
    def read(start: int, stop: int) -> memoryview:
        room = recipe._in_place(start, stop)
        room[:] = data[start:stop]
        return room

    return read


def file_of(values: pa.Array, path: Path, **how: Any) -> tuple[bytes, pq.FileMetaData]:
    pq.write_table(pa.table({"subject_id": IDS, "values": values}), path, **how)
    return path.read_bytes(), pq.read_metadata(path)


@pytest.mark.parametrize("checksums", [True, False], ids=["checksums", "none"])
@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "brotli", "lz4"])
@pytest.mark.parametrize("kind", ROWS)
def test_a_row_by_itself_is_as_pyarrow_reads_it_who_is_asked_only_where_it_is_not_plain(
    kind: str, codec: str, checksums: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, plain = ROWS[kind]
    for how in ({"use_dictionary": True}, {"use_dictionary": False}, {"data_page_version": "2.0"}):
        data, metadata = file_of(values, tmp_path / "a", compression=codec, write_page_checksum=checksums, **how)
        left = not plain or codec == "lz4" or "data_page_version" in how
        with monkeypatch.context() as patched:
            if not left:
                patched.setattr(pq, "ParquetFile", lambda *_, **__: pytest.fail("pyarrow was asked"))
            found, sure = recipe._column(metadata, len(data), 0, "values", held(data))
        assert (found, sure) == (pa.chunked_array([values]), checksums)


@given(
    data=st.data(), kind=st.sampled_from(["bytes", "image", "none"]), codec=st.sampled_from(["none", "snappy", "gzip"])
)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_pages_with_checksums_give_the_right_row_or_a_reason(
    data: st.DataObject, kind: str, codec: str, tmp_path: Path
) -> None:
    values, _ = ROWS[kind]
    content, metadata = file_of(values, tmp_path / "a", compression=codec, write_page_checksum=True)
    start, stop = recipe._span(recipe._chunks(metadata.row_group(0), "values"), len(content))
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(start, stop - 1))] = data.draw(st.integers(0, 255))
    try:
        found, sure = recipe._column(metadata, len(content), 0, "values", held(bytes(damaged)))
    except recipe._Again:
        return
    assert found == pa.chunked_array([values]) or not sure


@pytest.mark.slow
@pytest.mark.targets
@pytest.mark.parametrize("release", ["0.36.2 datasets==4.4.2", "1.33.0 datasets==4.8.5", "2.4.0 datasets==5.2.0"])
def test_each_generation_of_the_client_reads_the_same(release: str, shared_cache: Path, tmp_path: Path) -> None:
    needs = ("datasets", "pyarrow", "huggingface-hub")
    target = targets.provision(f"huggingface-hub=={release}", cache=shared_cache, requires=needs, diagnostic=())
    assert isinstance(target, TargetInfo), target
    write(tmp_path / "tree", SUMMED)
    for name in ("hub", "home"):
        (tmp_path / name).mkdir()
    running = Running(tmp_path / "hub", "resolve:close", "resolve:503@4", "info:reset", tree=tmp_path / "tree")
    client = Client(target.python, running.environment, tmp_path / "home")
    code = """
    import importlib.util
    spec = importlib.util.spec_from_file_location("read_case", path)
    recipe = importlib.util.module_from_spec(spec)
    import sys; sys.modules["read_case"] = recipe
    spec.loader.exec_module(recipe)
    recipe.PAUSE_S = 0.0
    out = bytes(recipe.read_case("me/cases", "sub-0001", ["adc"])["adc"]).hex()
    """
    try:
        assert client.run(textwrap.dedent(code), path=recipe.__file__) == value(SUMMED, 1, "adc").hex()
    finally:
        client.close()
    seen = running.close()
    assert [one.fault for one in seen.requests if one.fault] == ["info:reset", "resolve:close", "resolve:503@4"]
