"""Single cells of Parquet files against pyarrow's own reading, for every way of writing them, and broken files."""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.reading import parquet_rows
from taskpaint.builders.reading.parquet_pages import PageFault, read_bytes_cell
from taskpaint.builders.reading.parquet_rows import (
    Cell,
    class_names,
    lazy_cell,
    parquet_files,
    read_bytes,
    read_cell,
    rows_of,
)
from taskpaint.manifests.errors import BadItem, SourceLayoutError

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def _table(values: list[bytes | None], whole_null: int | None = None) -> pa.Table:
    cells = [None if at == whole_null else {"bytes": value, "path": None} for at, value in enumerate(values)]
    return pa.table({"image": pa.array(cells, _IMAGE), "number": list(range(len(values)))})


def _values(count: int, most: int, seed: int) -> list[bytes | None]:
    draw = np.random.default_rng(seed)
    pool = [draw.bytes(int(size)) for size in draw.integers(0, most, max(2, count // 2))]
    return [None if draw.random() < 0.2 else pool[int(draw.integers(len(pool)))] for _ in range(count)]


_CASES = list(itertools.product(["none", "snappy", "zstd", "gzip"], ["1.0", "2.0"], [True, False]))


@pytest.mark.parametrize(("codec", "pages", "dictionary"), _CASES)
def test_every_cell_is_what_pyarrow_reads(tmp_path: Path, codec: str, pages: str, dictionary: bool):
    values = _values(70, 3000, len(codec))
    file = tmp_path / "cells.parquet"
    pq.write_table(
        _table(values, whole_null=5),
        file,
        compression=codec,
        data_page_version=pages,
        use_dictionary=dictionary,
        dictionary_pagesize_limit=20_000,  # the dictionary fills up in the middle of a chunk
        data_page_size=4_000,
        write_batch_size=4,
        row_group_size=30,
    )
    opened = pq.ParquetFile(file)
    expected = [None if value is None else value["bytes"] for value in opened.read(["image"])["image"].to_pylist()]
    assert sum(value is None for value in expected) > 5
    found = [read_bytes_cell(opened, file, "image.bytes", row // 30, row % 30) for row in range(70)]
    assert found == expected


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.none() | st.binary(max_size=40), min_size=1, max_size=60),
    version=st.sampled_from(["1.0", "2.0"]),
    batch=st.integers(1, 9),
)
def test_any_cells(tmp_path_factory: pytest.TempPathFactory, values: list[bytes | None], version: str, batch: int):
    file = tmp_path_factory.mktemp("cells") / "cells.parquet"
    table = pa.table({"data": pa.array(values, pa.binary())})
    pq.write_table(table, file, data_page_version=version, data_page_size=64, write_batch_size=batch)
    opened = pq.ParquetFile(file)
    assert [read_bytes_cell(opened, file, "data", 0, row) for row in range(len(values))] == values


def test_columns_that_are_never_null(tmp_path: Path):
    schema = pa.schema([pa.field("data", pa.binary(), nullable=False)])
    values = [bytes([number]) * number for number in range(50)]
    for dictionary in (True, False):
        file = tmp_path / f"{dictionary}.parquet"
        pq.write_table(pa.table([values], schema=schema), file, use_dictionary=dictionary, data_page_size=200)
        opened = pq.ParquetFile(file)
        assert [read_bytes_cell(opened, file, "data", 0, row) for row in range(50)] == values


@pytest.mark.parametrize(
    ("column", "values", "options"),
    [
        ("data.list.element", pa.array([[b"a"], [b"b", b"c"]], pa.list_(pa.binary())), {}),
        ("data", pa.array([b"aaaa", b"bbbb"], pa.binary(4)), {}),
        ("data", pa.array([b"a", b"b"]), {"compression": "lz4"}),
        ("data", pa.array([b"a", b"b"]), {"use_dictionary": False, "column_encoding": "DELTA_LENGTH_BYTE_ARRAY"}),
    ],
)
def test_other_forms_are_left_to_pyarrow(tmp_path: Path, column: str, values: pa.Array, options: dict[str, object]):
    file = tmp_path / "cells.parquet"
    pq.write_table(pa.table({"data": values}), file, **options)
    with pytest.raises(PageFault):
        read_bytes_cell(pq.ParquetFile(file), file, column, 0, 1)
    if column == "data":
        assert read_bytes(Cell(file, "data", 0, 1)) == values[1].as_py()


def test_cells_that_are_not_there(tmp_path: Path):
    file = tmp_path / "cells.parquet"
    pq.write_table(_table([b"a", None]), file)
    for cell in (
        Cell(file, "image.bytes", 0, 1),
        Cell(file, "image.bytes", 0, 2),
        Cell(file, "image.bytes", 1, 0),
        Cell(file, "photo.bytes", 0, 0),
        Cell(file, "number", 0, 0),
        Cell(tmp_path / "nowhere.parquet", "image.bytes", 0, 0),
    ):
        with pytest.raises(BadItem, match=r"(cells|nowhere)\.parquet"):
            lazy_cell(cell).read()
    assert read_cell(Cell(file, "number", 0, 1)) == 1


@pytest.mark.parametrize("batch", [1, 1024])  # a page a picture, and one page for all of them
def test_one_picture_is_read_without_its_neighbours(tmp_path: Path, batch: int, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "cells.parquet"
    values = [np.random.default_rng(row).bytes(200_000) for row in range(40)]
    pq.write_table(_table(list(values)), file, compression="none", use_dictionary=False, write_batch_size=batch)
    assert read_bytes(Cell(file, "image.bytes", 0, 0)) == values[0]
    monkeypatch.setattr(parquet_rows, "read_cell", None)  # pyarrow is not asked
    tracemalloc.start()
    try:
        assert read_bytes(Cell(file, "image.bytes", 0, 33)) == values[33]
        assert tracemalloc.get_traced_memory()[1] < 2 * len(values[33])
    finally:
        tracemalloc.stop()


def test_mangled_files_give_bytes_or_bad_items(tmp_path: Path):
    whole = tmp_path / "whole.parquet"
    pq.write_table(_table([np.random.default_rng(row).bytes(300) for row in range(12)]), whole, data_page_size=500)
    content, draw = whole.read_bytes(), np.random.default_rng(3)
    bad = 0
    for number in range(80):
        data = bytearray(content)
        for at in draw.integers(0, len(data), 6):
            data[at] = draw.integers(256)
        if number % 4 == 0:
            data = data[: int(draw.integers(len(data)))]
        file = tmp_path / f"{number}.parquet"
        file.write_bytes(bytes(data))
        try:
            assert isinstance(read_bytes(Cell(file, "image.bytes", 0, 7)), bytes)
        except BadItem as fault:
            assert file.name in str(fault)
            bad += 1
    assert bad > 20


def test_rows_of_a_broken_file(tmp_path: Path):
    file = tmp_path / "cells.parquet"
    pq.write_table(_table([b"a", b"b", b"c"]), file, row_group_size=2)
    assert [(g, r, v["number"]) for g, r, v in rows_of(file, ["number"])] == [(0, 0, 0), (0, 1, 1), (1, 0, 2)]
    with pytest.raises(SourceLayoutError, match="no column 'caption'; there are: image, number"):
        list(rows_of(file, ["caption"]))
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(file.read_bytes()[:-10])
    for broken in (cut, tmp_path / "nowhere.parquet"):
        with pytest.raises(SourceLayoutError, match=broken.name):
            list(rows_of(broken, ["number"]))


@pytest.mark.parametrize(
    ("names", "split", "expected"),
    [
        ([], "train", []),
        (["a.parquet", "b.parquet"], "train", ["a.parquet", "b.parquet"]),
        (["a.parquet"], "test", []),
        (["data/train-00000-of-00002.parquet", "data/dev-0.parquet"], "dev", ["data/dev-0.parquet"]),
        (["data/train-00000-of-00002.parquet", "data/dev-0.parquet"], "test", []),
        (["train/0000.parquet", "test/0000.parquet"], "train", ["train/0000.parquet"]),
        (["train.parquet", "trainer.parquet"], "train", ["train.parquet"]),
        (["fold_1-00000.parquet"], "fold_1", ["fold_1-00000.parquet"]),
    ],
)  # fmt: skip
def test_files_of_a_split(tmp_path: Path, names: list[str], split: str, expected: list[str]):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [file.relative_to(tmp_path).as_posix() for file in parquet_files(tmp_path, split)] == expected


def test_files_of_a_configuration(tmp_path: Path):
    for name in ("full/train-0.parquet", "small/train-0.parquet"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    assert parquet_files(tmp_path, "train", "small") == [tmp_path / "small/train-0.parquet"]


def test_class_names_that_datasets_noted():
    import datasets

    features = datasets.Features(
        {
            "label": datasets.ClassLabel(names=["cat", "dog"]),
            "objects": {"category": datasets.List(datasets.ClassLabel(names=["hat", "shoe"]))},
        }
    )
    noted = class_names(features.arrow_schema)
    assert noted == {"label": ["cat", "dog"], "objects.category": ["hat", "shoe"]}
    assert class_names(pa.schema([("label", pa.int8())])) == {}
    assert class_names(pa.schema([("label", pa.int8())], {b"huggingface": b"[broken"})) == {}
