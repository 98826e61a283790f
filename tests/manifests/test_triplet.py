"""The record checks itself, packs into Arrow and comes back the same."""

from __future__ import annotations

import dataclasses
import json

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.manifests.triplet import (
    COLUMNS,
    IMAGE_COLUMNS,
    Triplet,
    clean_id,
    huggingface_features,
    image_suffix,
    to_batch,
    triplet_schema,
)

JPEG, PNG = b"\xff\xd8\xff\xe0 rest", b"\x89PNG\r\n\x1a\n rest"


def _triplet(**changes):
    fields = {
        "id": "coco-000139-000",
        "input_image": JPEG,
        "edited_image": PNG,
        "edit_prompt": "Paint the dog red.",
        "task": "segmentation",
        "template_id": "segmentation-1",
        "params": '{"a": 1}',
        "annotation": "{}",
        "source_dataset": "coco",
        "source_split": "val2017",
        "source_id": "139",
        "image_key": "coco/139",
        "license": "CC BY 4.0",
        "width": 4,
        "height": 3,
    }
    return Triplet(**{**fields, **changes})


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"id": ""}, "may hold only letters"),
        ({"id": "a.b"}, "id 'a.b' may hold only"),
        ({"id": "a_b"}, "id 'a_b' may hold only"),
        ({"id": "a--b"}, "single '-'"),
        ({"id": "-a"}, "may hold only"),
        ({"id": "a-"}, "may hold only"),
        ({"id": "a\n"}, "may hold only"),
        ({"id": "é"}, "may hold only"),
        ({"input_image": b""}, "begin with b''; expected JPEG, PNG or WebP"),
        ({"edited_image": b"GIF89a"}, "begin with b'GIF8'; expected JPEG, PNG or WebP"),
        ({"edit_prompt": " \n"}, "edit_prompt of coco-000139-000 is empty"),
        ({"width": 0}, "size of coco-000139-000 is 0x3"),
        ({"height": -1}, "size of coco-000139-000 is 4x-1"),
        ({"params": "[]"}, "params of coco-000139-000 is no JSON object"),
        ({"annotation": ""}, "annotation of coco-000139-000 is no JSON object"),
    ],
)
def test_a_broken_promise_is_refused(changes, complaint):
    with pytest.raises(ValueError, match=complaint.replace("(", r"\(")):
        _triplet(**changes)


def test_the_record_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        _triplet().width = 5


@pytest.mark.parametrize(("data", "suffix"), [(JPEG, "jpg"), (PNG, "png"), (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "webp")])
def test_suffix_of_image_bytes(data, suffix):
    assert image_suffix(data) == suffix


def test_a_riff_that_is_no_webp_is_refused():
    with pytest.raises(ValueError, match="expected JPEG, PNG or WebP"):
        image_suffix(b"RIFF\x00\x00\x00\x00WAVEfmt ")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [("a", "a"), ("a/b_c.jpg", "a-b-c-jpg"), ("--a  b--", "a-b"), ("", ""), ("日本", ""), ("A1-b2", "A1-b2")],
)
def test_clean_id_by_hand(text, cleaned):
    assert clean_id(text) == cleaned


@given(st.text())
def test_a_cleaned_id_is_an_id_or_empty(text):
    cleaned = clean_id(text)
    if cleaned:
        assert _triplet(id=cleaned).id == cleaned


def test_columns_follow_the_schema():
    schema = triplet_schema()
    assert schema.names == list(COLUMNS) == [field.name for field in dataclasses.fields(Triplet)]
    assert schema.field("width").type == schema.field("height").type == pa.int32()
    for name in IMAGE_COLUMNS:
        assert schema.field(name).type == pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    stored = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert stored == huggingface_features()
    assert stored["input_image"] == {"mode": "RGB", "_type": "Image"}


def test_datasets_reads_the_features_back():
    datasets = pytest.importorskip("datasets")
    features = datasets.Features.from_arrow_schema(triplet_schema())
    assert list(features) == list(COLUMNS)
    assert features["edited_image"] == datasets.Image(mode="RGB")
    assert features["width"] == datasets.Value("int32")
    assert features.arrow_schema.remove_metadata() == triplet_schema().remove_metadata()


def test_rows_come_back_the_same():
    rows = [_triplet(), _triplet(id="b", input_image=PNG, edit_prompt="Müde Wölfe 🐺")]
    batch = to_batch(rows)
    assert batch.schema.equals(triplet_schema(), check_metadata=True)
    stored = batch.to_pylist()
    assert [Triplet.from_row(row) for row in stored] == rows
    assert stored[0]["input_image"]["path"] == "coco-000139-000-input.jpg"
    assert stored[0]["edited_image"]["path"] == "coco-000139-000-target.png"
    assert stored[1]["input_image"]["path"] == "b-input.png"


def test_an_empty_batch_has_the_schema():
    batch = to_batch([])
    assert len(batch) == 0
    assert batch.schema.equals(triplet_schema(), check_metadata=True)
