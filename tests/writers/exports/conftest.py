"""A small dataset of every awkward kind: pictures of five kinds, instructions that break naive text formats."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from taskpaint.engines.export import ExportOptions, export
from taskpaint.manifests.folder import DatasetFolder, write_json
from taskpaint.manifests.triplet import Triplet
from taskpaint.writers.shards import write_shard

PROMPTS = (
    'Paint "the dog", red; it\'s 50% off',
    "First line\nsecond line\r\nthird",
    "Ünïcödé 日本語 🦊 \u2028 separated \x85 twice",
    "commas, a tab\t, back\\slash, {braces}, [trigger], # hash",
    "<image> and <img><|image_2|></img> and <gen_image>",
    "  '=1+1' with blanks around  ",
)
SIZE = (24, 16)


def encoded(kind, seed):
    """A picture in one of the forms that datasets hold."""
    noise = np.random.default_rng(seed).integers(0, 256, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    picture, stream = Image.fromarray(noise), io.BytesIO()
    if kind == "palette":
        picture.quantize(5).save(stream, "PNG")
    elif kind == "gray":
        picture.convert("L").save(stream, "JPEG", quality=90)
    else:
        picture.save(stream, kind, **({"lossless": True} if kind == "WEBP" else {}))
    return stream.getvalue()


KINDS = (("JPEG", "palette"), ("JPEG", "JPEG"), ("PNG", "PNG"), ("gray", "JPEG"), ("WEBP", "palette"), ("JPEG", "PNG"))


def triplet(number):
    """Row of that number; every seventh has no source, and one id ends like OneTrainer's conditioning images."""
    alone = number % 7 == 6
    source, target = KINDS[number % len(KINDS)]
    return Triplet(
        id=f"demo-{number:04d}" + ("-condlabel" if number == 3 else ""),
        input_image=encoded("palette" if alone else source, number),
        edited_image=encoded(target, 1000 + number),
        edit_prompt=PROMPTS[number % len(PROMPTS)],
        task="adaptation" if alone else ("segmentation", "depth")[number % 2],
        template_id="t",
        params=json.dumps({"text_to_image": True} if alone else {"note": "text_to_image is a word here"}),
        annotation='{"box": [1, 2]}',
        source_dataset="demo",
        source_split="train",
        source_id=str(number),
        image_key=f"demo:{number}",
        license="CC-BY-4.0",
        width=SIZE[0],
        height=SIZE[1],
    )


def write_dataset(root):
    """Splits train (16 rows in two shards) and validation (5 rows in one)."""
    (root / "data").mkdir(parents=True)
    shards, number = [], 0
    for name, rows in (("train-00000-of-00002", 9), ("train-00001-of-00002", 7), ("validation-00000-of-00001", 5)):
        written = write_shard(root / "data" / f"{name}.parquet", map(triplet, range(number, number + rows)), 4)
        shards.append({"name": name, "rows": written.rows, "bytes": written.bytes, "sha256": written.sha256})
        number += rows
    sources = {"demo": {"title": "Demo", "license": "CC-BY-4.0", "homepage": "https://example.org"}}
    write_json(
        root / "manifest.json",
        {"name": "awkward", "splits": {"train": 16, "validation": 5}, "shards": shards, "sources": sources},
    )
    return root


@pytest.fixture(scope="session")
def awkward(tmp_path_factory):
    """The dataset; tests must not change it."""
    return write_dataset(tmp_path_factory.mktemp("awkward") / "out")


@pytest.fixture
def rows(awkward):
    """Rows of a split as Parquet has them, those without a source left out unless asked for."""

    def read(split, alone=False):
        found = [
            row
            for file in DatasetFolder(awkward).shards()
            if file.stem.startswith(split)
            for row in pq.read_table(file).to_pylist()
        ]
        return [row for row in found if alone or row["task"] != "adaptation"]

    return read


@pytest.fixture
def exported(awkward, tmp_path):
    """Export to a format in shards of at most 5 rows; returns the folder."""

    def run(form, **options):
        export(awkward, tmp_path / form, ExportOptions(form, workers=1, **{"rows_per_shard": 5, **options}))
        return tmp_path / form

    return run


@pytest.fixture
def pixels():
    """(H, W, 3) uint8 of encoded bytes or an open picture."""

    def read(picture):
        if not isinstance(picture, Image.Image):
            picture = Image.open(io.BytesIO(picture))
        return np.asarray(picture.convert("RGB"))

    return read


@pytest.fixture
def same(pixels):
    """Whether a file shows the pixels of encoded bytes; checks that its suffix fits its content."""

    def compare(one, other):
        data = one.read_bytes()
        assert {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}[Image.open(io.BytesIO(data)).format] == one.suffix
        return np.array_equal(pixels(data), pixels(other))

    return compare
