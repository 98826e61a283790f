"""Shards: whole or not there, the same bytes every time, and open to `datasets`."""

from __future__ import annotations

import errno
import hashlib
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from taskpaint.manifests.errors import OutputError
from taskpaint.manifests.triplet import COLUMNS, Triplet, to_batch, triplet_schema
from taskpaint.writers import shards
from taskpaint.writers.codecs import encode_jpeg, encode_palette_png
from taskpaint.writers.shards import file_sha256, output_errors, write_shard


def _triplets(count, start=0):
    """Sources of one grey level each, and targets with one red column, as palette PNG."""
    index = np.zeros((6, 8), np.uint8)
    index[:, 3] = 1
    target = encode_palette_png(index, np.array([[0, 0, 0], [255, 0, 0]], np.uint8))
    for number in range(start, start + count):
        yield Triplet(
            id=f"coco-{number:04d}-000",
            input_image=encode_jpeg(np.full((6, 8, 3), number % 256, np.uint8), 95),
            edited_image=target,
            edit_prompt=f"Paint dog {number}, bitte schön.",
            task="segmentation",
            template_id="segmentation-1",
            params="{}",
            annotation=json.dumps({"number": number}),
            source_dataset="coco",
            source_split="val2017",
            source_id=str(number),
            image_key=f"coco/{number}",
            license="CC BY 4.0",
            width=8,
            height=6,
        )


def test_what_is_written_is_what_was_given(tmp_path):
    file = tmp_path / "train-00000-of-00001.parquet"
    written = write_shard(file, _triplets(10), 4)
    assert (written.rows, written.bytes) == (10, file.stat().st_size)
    assert written.sha256 == hashlib.sha256(file.read_bytes()).hexdigest() == file_sha256(file)
    assert [Triplet.from_row(row) for row in pq.read_table(file).to_pylist()] == list(_triplets(10))


def test_the_layout_of_the_file(tmp_path):
    file = tmp_path / "a.parquet"
    write_shard(file, _triplets(10), 4)
    with pq.ParquetFile(file) as parquet:
        assert parquet.schema_arrow.equals(triplet_schema(), check_metadata=True)
        metadata = parquet.metadata
        assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [4, 4, 2]
        columns = {metadata.row_group(0).column(n).path_in_schema: metadata.row_group(0).column(n) for n in range(17)}
        assert columns["input_image.bytes"].compression == "UNCOMPRESSED"
        assert columns["edited_image.bytes"].compression == "UNCOMPRESSED"
        assert columns["annotation"].compression == "ZSTD"
        assert all(column.has_offset_index for column in columns.values())
        assert columns["id"].has_column_index
        assert columns["id"].statistics.min == "coco-0000-000"
        assert not columns["input_image.bytes"].is_stats_set


def test_large_images_get_pages_of_their_own(tmp_path):
    """A viewer seeks to a page; it must not have to read a whole row group of images for one."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    large = encode_jpeg(noise, 95)
    rows = [Triplet(**{**_fields(row), "input_image": large}) for row in _triplets(40)]
    file = tmp_path / "a.parquet"
    write_shard(file, rows, 64)
    assert 40 * len(large) > 4_000_000
    assert [row["input_image"]["bytes"] for row in pq.read_table(file).to_pylist()] == [large] * 40


def _fields(triplet):
    return {name: getattr(triplet, name) for name in COLUMNS}


def test_a_row_group_of_large_images_is_cut_short(tmp_path, monkeypatch):
    rows = list(_triplets(9))
    sizes = [len(row.input_image) + len(row.edited_image) for row in rows]
    monkeypatch.setattr(shards, "ROW_GROUP_BYTES", sum(sizes[:3]))
    write_shard(tmp_path / "a.parquet", rows, 5)
    found = pq.ParquetFile(tmp_path / "a.parquet")
    groups = [found.metadata.row_group(at).num_rows for at in range(found.num_row_groups)]
    assert sum(groups) == 9 and max(groups) <= 4
    starts = np.concatenate([[0], np.cumsum(groups)])
    for first, last, after in zip(starts[:-2], starts[1:-1], starts[2:], strict=True):
        assert sum(sizes[first:last]) <= sum(sizes[:3]) < sum(sizes[first : last + 1]) and after > last
    assert found.read().column("id").to_pylist() == [row.id for row in rows]


def test_an_image_larger_than_a_row_group_has_one_to_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "ROW_GROUP_BYTES", 10)
    write_shard(tmp_path / "a.parquet", _triplets(3), 64)
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 3


def test_the_same_rows_give_the_same_bytes(tmp_path):
    first = write_shard(tmp_path / "a.parquet", _triplets(50), 8)
    again = write_shard(tmp_path / "a.parquet", _triplets(50), 8)
    elsewhere = write_shard(tmp_path / "b.parquet", iter(list(_triplets(50))), 8)
    other = write_shard(tmp_path / "c.parquet", _triplets(50, start=1), 8)
    assert first == again == elsewhere
    assert first.sha256 != other.sha256


def test_no_rows_at_all(tmp_path):
    file = tmp_path / "a.parquet"
    assert write_shard(file, [], 8).rows == 0
    assert pq.read_table(file).schema.equals(triplet_schema(), check_metadata=True)


def test_nothing_but_the_shard_is_left(tmp_path):
    write_shard(tmp_path / "a.parquet", _triplets(3), 8)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.parquet"]


def _then(fault, count=5):
    yield from _triplets(count)
    raise fault


@pytest.mark.parametrize("fault", [RuntimeError("stop"), KeyboardInterrupt()])
def test_a_failure_on_the_way_leaves_the_folder_as_it_was(tmp_path, fault):
    file = tmp_path / "a.parquet"
    with pytest.raises(type(fault)):
        write_shard(file, _then(fault), 2)
    assert list(tmp_path.iterdir()) == []
    before = write_shard(file, _triplets(3), 8)
    with pytest.raises(type(fault)):
        write_shard(file, _then(fault), 2)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.parquet"]
    assert file_sha256(file) == before.sha256


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        (errno.ENOSPC, "the disk is full; free some space and run the same command again"),
        (errno.EDQUOT, "the disk quota is used up; free some space"),
        (errno.EROFS, "the file system is read-only; choose another output folder"),
        (errno.EACCES, "permission denied; choose a folder that you may write to"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_the_systems_refusals_in_words(tmp_path, code, complaint):
    with (
        pytest.raises(OutputError, match=rf"a\.parquet cannot be written: {complaint}"),
        output_errors(tmp_path / "a.parquet"),
    ):
        raise OSError(code, os.strerror(code))


@pytest.mark.parametrize("step", ["write_batch", "fsync", "replace"])
def test_a_full_disk_at_any_step(tmp_path, monkeypatch, step):
    def refuse(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if step == "fsync":
        monkeypatch.setattr(shards.os, "fsync", refuse)
    elif step == "replace":
        monkeypatch.setattr(type(tmp_path), "replace", refuse)
    else:
        monkeypatch.setattr(pq.ParquetWriter, step, refuse)
    with pytest.raises(OutputError, match="the disk is full"):
        write_shard(tmp_path / "a.parquet", _triplets(3), 8)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_is_full():
    """Linux's /dev/full refuses every byte, so that Arrow itself meets the error."""
    if not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OutputError, match="the disk is full"), output_errors(shards.Path("/dev/full")):
        shards._write(shards.Path("/dev/full"), [to_batch(_triplets(2000))])


def test_a_folder_that_is_missing(tmp_path):
    with pytest.raises(OutputError, match=r"a\.parquet cannot be written"):
        write_shard(tmp_path / "nowhere" / "a.parquet", _triplets(1), 8)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_read_only(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="permission denied; choose a folder that you may write to"):
            write_shard(tmp_path / "a.parquet", _triplets(1), 8)
    finally:
        tmp_path.chmod(0o700)


def test_datasets_opens_a_folder_of_shards(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    data = tmp_path / "out" / "data"
    data.mkdir(parents=True)
    for number in range(2):
        write_shard(data / f"train-{number:05d}-of-00002.parquet", _triplets(5, start=5 * number), 2)
    write_shard(data / "validation-00000-of-00001.parquet", _triplets(3, start=100), 2)
    opened = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {split: rows.num_rows for split, rows in opened.items()} == {"train": 10, "validation": 3}
    assert opened["train"].features == datasets.Features.from_arrow_schema(triplet_schema())
    _check_row(opened["train"][7], 7)
    streamed = datasets.load_dataset(str(tmp_path / "out"), split="train", streaming=True)
    rows = list(streamed)
    assert [row["id"] for row in rows] == [f"coco-{number:04d}-000" for number in range(10)]
    _check_row(rows[7], 7)


def _check_row(row, number):
    source, target = np.asarray(row["input_image"]), np.asarray(row["edited_image"])
    assert row["input_image"].mode == row["edited_image"].mode == "RGB"
    assert source.shape == target.shape == (6, 8, 3)
    assert np.abs(source.astype(int) - number).max() <= 2
    assert target[:, 3].tolist() == [[255, 0, 0]] * 6
    assert not np.delete(target, 3, axis=1).any()
    assert row["edit_prompt"] == f"Paint dog {number}, bitte schön."
    assert (row["width"], row["height"]) == (8, 6)


def test_pandas_and_plain_arrow_read_it(tmp_path):
    write_shard(tmp_path / "a.parquet", _triplets(3), 8)
    table = pq.read_table(tmp_path / "a.parquet", columns=["id", "task"])
    assert table.to_pandas()["id"].tolist() == ["coco-0000-000", "coco-0001-000", "coco-0002-000"]
    assert table.schema.field("task").type == pa.string()
