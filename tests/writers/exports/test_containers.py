"""Parquet, image folder, tar and MDS formats read back by `datasets`, webdataset and a reader of the MDS format."""

from __future__ import annotations

import gc
import io
import itertools
import json
import tarfile
import warnings

import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
import webdataset as wds
from PIL import Image
from taskpaint.writers.exports.webdataset import _add

TEXTS = ("edit_prompt", "task", "template_id", "source_dataset", "source_split", "source_id", "image_key", "license")
SPLITS = ("train", "validation")


@pytest.fixture
def load(tmp_path):
    """`datasets.load_dataset` with a cache of its own."""
    return lambda *names, **options: datasets.load_dataset(*map(str, names), cache_dir=str(tmp_path / "c"), **options)


def test_diffusers(exported, rows, load, pixels):
    """train_instruct_pix2pix.py: load_dataset(name), split train, three columns by their default names."""
    root = exported("diffusers")
    found = load(root)
    assert set(found) == set(SPLITS)
    for split in SPLITS:
        source = rows(split, alone=True)
        table = [row for file in sorted((root / "data").glob(f"{split}-*")) for row in pq.read_table(file).to_pylist()]
        assert table == source  # every column, pictures byte for byte
        for example, row in zip(found[split], source, strict=True):
            assert example["edit_prompt"] == row["edit_prompt"]
            for column in ("input_image", "edited_image"):
                assert isinstance(example[column], Image.Image)
                assert np.array_equal(pixels(example[column]), pixels(row[column]["bytes"]))


def test_kontext(exported, rows, load):
    """train_dreambooth_lora_flux_kontext.py: image is the target, cond_image the source, caption the instruction."""
    root = exported("kontext")
    for split, found in load(root).items():
        assert found.column_names == ["image", "cond_image", "caption", "id", "task", "license"]
        plain = found.cast_column("image", datasets.Image(decode=False))
        plain = plain.cast_column("cond_image", datasets.Image(decode=False))
        for example, opened, row in zip(plain, found, rows(split), strict=True):
            assert example["image"]["bytes"] == row["edited_image"]["bytes"]
            assert example["cond_image"]["bytes"] == row["input_image"]["bytes"]
            assert (example["caption"], example["id"]) == (row["edit_prompt"], row["id"])
            assert opened["image"].mode == "RGB" and opened["image"].size == (row["width"], row["height"])


def test_imagefolder(exported, rows, load, pixels):
    root = exported("imagefolder")
    found = load(root)
    assert set(found) == set(SPLITS)
    for split in SPLITS:
        alone = load("imagefolder", data_dir=str(root / split), split="train")
        for data in (found[split], alone):
            examples = {example["id"]: example for example in data}
            source = rows(split, alone=True)
            assert len(data) == len(examples) == len(source)
            for row in source:
                example = examples[row["id"]]
                for column in ("input_image", "edited_image"):
                    assert np.array_equal(pixels(example[column]), pixels(row[column]["bytes"]))
                for column in (*TEXTS, "params", "annotation", "width", "height"):
                    assert example[column] == row[column]
        lines = (root / split / "metadata.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
        for line, row in zip(map(json.loads, lines), rows(split, alone=True), strict=True):
            assert (root / split / line["edited_image_file_name"]).read_bytes() == row["edited_image"]["bytes"]


def all_of(pipeline):
    """Every sample. webdataset leaves its last file to the garbage collector, which warns of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        found = list(pipeline)
        del pipeline
        gc.collect()
    return found


@pytest.mark.parametrize("split", SPLITS)
def test_webdataset(exported, rows, split):
    root = exported("webdataset") / split
    urls = sorted(map(str, root.glob("*.tar")))
    assert [url[-10:] for url in urls] == [f"{number:06d}.tar" for number in range(len(urls))]
    samples = all_of(wds.WebDataset(urls, shardshuffle=False))
    for sample, row in zip(samples, rows(split, alone=True), strict=True):
        assert sample["__key__"] == row["id"]
        for column in ("input_image", "edited_image"):
            suffix = row[column]["path"].rpartition(".")[2]
            assert sample[f"{column}.{suffix}"] == row[column]["bytes"]
        metadata = json.loads(sample["json"])
        assert {name: metadata[name] for name in TEXTS} == {name: row[name] for name in TEXTS}
        assert metadata["params"] == json.loads(row["params"])
        assert metadata["annotation"] == json.loads(row["annotation"])


def test_webdataset_decodes_with_the_line_of_the_guide(exported, rows, pixels):
    root = exported("webdataset")
    suffixes = ("jpg", "png", "webp")
    names = [";".join(f"{column}.{suffix}" for suffix in suffixes) for column in ("input_image", "edited_image")]
    assert all(name in (root / "README.md").read_text() for name in names)
    url = str(root / "train" / "train-{000000..000003}.tar")
    assert url in (root / "README.md").read_text()
    found = all_of(wds.WebDataset(url, shardshuffle=False).decode("pil").to_tuple(*names, "json"))
    for (source, target, metadata), row in zip(found, rows("train", alone=True), strict=True):
        assert np.array_equal(np.asarray(source), pixels(row["input_image"]["bytes"]))
        assert np.array_equal(np.asarray(target), pixels(row["edited_image"]["bytes"]))
        assert metadata["edit_prompt"] == row["edit_prompt"]


def test_tar_headers_hold_no_time_and_no_owner(exported):
    with tarfile.open(exported("webdataset") / "train" / "train-000000.tar") as tar:
        members = tar.getmembers()
    found = {(one.mtime, one.uid, one.gid, one.uname, one.gname, one.mode) for one in members}
    assert found == {(0, 0, 0, "", "", 0o644)}


@pytest.mark.parametrize("stem", ["a", "x" * 86, "x" * 88, "x" * 300])
@pytest.mark.parametrize("size", [0, 1, 512, 513])
def test_headers_are_those_of_tarfile(stem, size):
    """A name of 100 bytes still has room in the plain header; 101 and more have not."""
    name = f"{stem}.input_image.x"
    expected = tarfile.TarInfo(name)
    expected.size = size
    stream = io.BytesIO()
    _add(stream, name, bytes(size))
    header = expected.tobuf(tarfile.PAX_FORMAT)
    assert stream.getvalue() == header + bytes(size) + bytes(-size % 512)


def read_mds(folder):
    """Samples of an MDS folder, as mosaicml/streaming documents the format and its MDSReader reads it.

    A shard: uint32 n; n + 1 uint32 offsets; the columns as JSON; samples. A sample: uint32 sizes of the columns that
    have no fixed one, then the values, both in the order of the columns.
    """
    index = json.loads((folder / "index.json").read_text())
    assert index["version"] == 2
    for shard in index["shards"]:
        assert (shard["version"], shard["format"], shard["compression"], shard["zip_data"]) == (2, "mds", None, None)
        data = (folder / shard["raw_data"]["basename"]).read_bytes()
        assert len(data) == shard["raw_data"]["bytes"]
        (count,) = np.frombuffer(data[:4], "<u4")
        assert count == shard["samples"]
        offsets = np.frombuffer(data[4 : 4 + 4 * (count + 1)], "<u4").tolist()
        head = json.loads(data[4 + 4 * (count + 1) : offsets[0]])
        assert head == {name: shard[name] for name in head} and offsets[-1] == len(data)
        assert shard["column_names"] == sorted(shard["column_names"])
        for begin, end in itertools.pairwise(offsets):
            yield dict(_columns(shard, data[begin:end]))


def _columns(shard, sample):
    free = [size for size in shard["column_sizes"] if not size]
    sizes = iter(np.frombuffer(sample[: 4 * len(free)], "<u4").tolist())
    place = 4 * len(free)
    for name, encoding, size in zip(
        shard["column_names"], shard["column_encodings"], shard["column_sizes"], strict=True
    ):
        size = size or next(sizes)
        yield name, DECODE[encoding](sample[place : place + size])
        place += size
    assert place == len(sample)


DECODE = {
    "str": bytes.decode,
    "json": json.loads,
    "int": lambda data: int(np.frombuffer(data, "<i8")[0]),
    "jpeg": lambda data: (data, Image.open(io.BytesIO(data))),
    "png": lambda data: (data, Image.open(io.BytesIO(data))),
}


@pytest.mark.parametrize("split", SPLITS)
def test_mds(exported, rows, split):
    root = exported("mds") / split
    assert len(list(root.glob("shard.*.mds"))) > 1 or split == "validation"
    for sample, row in zip(read_mds(root), rows(split, alone=True), strict=True):
        for column in ("input_image", "edited_image"):
            data, opened = sample[column]
            assert data == row[column]["bytes"] and opened.size == (row["width"], row["height"])
        for column in (*TEXTS, "id", "width", "height"):
            assert sample[column] == row[column]
        assert sample["params"] == json.loads(row["params"])
