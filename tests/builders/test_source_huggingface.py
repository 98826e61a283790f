"""Hugging Face datasets written by `datasets` and read back: Parquet, imagefolder, save_to_disk, streamed."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pydantic import ValidationError
from taskpaint.builders.index import SourceIndex, open_index
from taskpaint.builders.sample import Category, Feature, Joint, Sample
from taskpaint.builders.sources.huggingface import HuggingFace, HuggingFaceOptions
from taskpaint.manifests.cache import cache_folder
from taskpaint.manifests.errors import BadItem, SourceLayoutError
from taskpaint.manifests.images import decode_rgb

_HEIGHT, _WIDTH = 8, 12


def _photograph(grey: int) -> Image.Image:
    return Image.fromarray(np.full((_HEIGHT, _WIDTH, 3), grey, np.uint8))


def _map(seed: int, most: int) -> np.ndarray:
    return (
        np.random.default_rng(seed).integers(0, most, (_HEIGHT, _WIDTH)).astype(np.uint16 if most > 256 else np.uint8)
    )


_FEATURES = datasets.Features(
    {
        "photo": datasets.Image(),
        "classes": datasets.Image(),
        "mask": datasets.Image(),
        "metres": datasets.Array2D((_HEIGHT, _WIDTH), "float32"),
        "millimetres": datasets.Image(),
        "objects": {
            "bbox": datasets.List(datasets.List(datasets.Value("float32"))),
            "category": datasets.List(datasets.ClassLabel(names=["cat", "dog"])),
        },
        "people": datasets.List(datasets.List(datasets.Value("float32"))),
        "label": datasets.ClassLabel(names=["indoors", "outdoors"]),
        "captions": datasets.List(datasets.Value("string")),
        "edited": datasets.Image(),
        "instruction": datasets.Value("string"),
        "coco_id": datasets.Value("int64"),
    }
)


def _row(number: int) -> dict[str, Any]:
    return {
        "photo": _photograph(number),
        "classes": Image.fromarray(_map(number, 4)),
        "mask": Image.fromarray(255 * _map(number, 2)),
        "metres": _map(number, 4000).astype(np.float32) / 1000,
        "millimetres": Image.fromarray(_map(number, 4000)),
        "objects": {"bbox": [[1, 2, 3, 4], [0, 0, 12, 8]][: number + 1], "category": [1, 0][: number + 1]},
        "people": [[3, 4, 2, 0, 0, 0]] if number else [],
        "label": number % 2,
        "captions": [f"Picture {number}", "a  picture"],
        "edited": _photograph(100 + number),
        "instruction": f"Make it {number}",
        "coco_id": 7 + number // 2,
    }


@pytest.fixture(scope="module")
def written() -> datasets.Dataset:
    return datasets.Dataset.from_list([_row(number) for number in range(5)], features=_FEATURES)


@pytest.fixture
def parquet(written: datasets.Dataset, tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    (folder / "data").mkdir(parents=True)
    written.select(range(3)).to_parquet(folder / "data/train-00000-of-00002.parquet", batch_size=2)
    written.select(range(3, 5)).to_parquet(folder / "data/train-00001-of-00002.parquet")
    return folder


def _open(folder: Path, split: str = "train", **options: Any) -> SourceIndex:
    return open_index(HuggingFace(folder, split, HuggingFaceOptions(**{"image": "photo", **options})))


def _sample(index: SourceIndex, row: int) -> Sample:
    sample = index.sample(row)
    found: Sample = pickle.loads(pickle.dumps(sample))
    assert found.id == sample.id
    return found


def _grey(file: Any) -> int:
    return int(decode_rgb(file.read()).mean())


_EDITS = {"edited": "edited", "instruction": "instruction"}


def test_edits_and_captions(parquet: Path):
    index = _open(parquet, caption="captions", photograph="coco_id", family="coco", **_EDITS)
    assert list(index.ids()) == ["00000001", "00000002", "00000003", "00000004", "00000005"]
    assert list(index.image_keys()) == [f"coco/{7 + number // 2:012d}" for number in range(5)]
    assert set(index.features().tolist()) == {Feature.EDIT | Feature.CAPTIONS}
    for row in (4, 0, 2, 1, 3):
        sample = _sample(index, row)
        assert sample.pair is not None and sample.pair.instructions == (f"Make it {row}",)
        assert (_grey(sample.image), _grey(sample.pair.image)) == (row, 100 + row)
        assert sample.captions == (f"Picture {row}", "a picture")


def test_maps(parquet: Path):
    index = _open(parquet, label_map="classes", names=["", "sky", "sea"], depth="millimetres")
    assert set(index.features().tolist()) == {Feature.SEMANTIC | Feature.DEPTH}
    for row in range(5):
        sample = _sample(index, row)
        assert sample.label_map is not None and sample.depth is not None
        assert sample.label_map.names == {1: "sky", 2: "sea"}
        np.testing.assert_array_equal(sample.label_map.load(), _map(row, 4))
        np.testing.assert_allclose(sample.depth.load(), _map(row, 4000) / 1000, atol=1e-6)
    sample = _sample(_open(parquet, label_map="classes", names=["sky", "sea"], first_name=1), 0)
    assert sample.label_map is not None and sample.label_map.names == {1: "sky", 2: "sea"}


def test_depth_as_numbers_and_masks(parquet: Path):
    sample = _sample(_open(parquet, mask="mask", mask_name="lesion", depth="metres", depth_scale=1.0), 3)
    assert sample.label_map is not None and sample.depth is not None and sample.label_map.names == {1: "lesion"}
    np.testing.assert_array_equal(sample.label_map.load(), _map(3, 2))
    np.testing.assert_allclose(sample.depth.load(), _map(3, 4000) / 1000, atol=1e-6)


def test_objects(parquet: Path):
    index = _open(parquet, objects="objects")
    assert index.features().tolist() == [Feature.BOXES] * 5
    sample = _sample(index, 1)
    assert (sample.width, sample.height) == (_WIDTH, _HEIGHT)
    assert [(i.category, i.box_xyxy) for i in sample.instances] == [
        (Category(1, "dog"), (1, 2, 4, 6)),
        (Category(0, "cat"), (0, 0, 12, 8)),
    ]
    renamed = _sample(_open(parquet, objects="objects", categories=["katze", "hund"], boxes="voc"), 0)
    assert [(i.category, i.box_xyxy) for i in renamed.instances] == [(Category(1, "hund"), (1, 2, 3, 4))]


def test_figures(parquet: Path):
    index = _open(parquet, keypoints="people", joints=["left eye", "right eye"], bones=[[1, 2]])
    assert index.features().tolist() == [0] + [Feature.KEYPOINTS] * 4
    (person,) = _sample(index, 2).instances
    assert person.category.name == "person" and person.joints == (Joint(3, 4, 2), Joint(0, 0, 0))
    assert person.skeleton is not None
    assert person.skeleton.joints == ("left eye", "right eye") and person.skeleton.bones == ((0, 1),)


def test_labels(parquet: Path):
    index = _open(parquet, label="label", id="instruction")
    assert list(index.ids())[:2] == ["Make it 0", "Make it 1"]
    assert list(index.image_keys())[0] == "huggingface/pictures/Make it 0"  # noqa: RUF015
    (labels,) = _sample(index, 3).labels
    assert (labels.facet, labels.present, labels.vocabulary) == ("class", ("outdoors",), ("indoors", "outdoors"))


def test_objects_as_structs_with_polygons_and_joints(tmp_path: Path):
    triangle = [1.0, 1.0, 9.0, 1.0, 1.0, 7.0]
    things = [
        {"box": [0.5, 0.5, 0.5, 0.5], "name": "kite", "shape": [triangle], "joints": [1, 1, 2, 5, 5, 1]},
        {"box": [0.25, 0.25, 0.5, 0.5], "name": "ball", "shape": None, "joints": None},
    ]
    _write(tmp_path, [{"things": things}, {"things": [{**things[1], "name": None}]}, {"things": []}])
    options = {"objects": "things", "boxes": "yolo", "box_field": "box", "category_field": "name"}
    options |= {"segmentation_field": "none", "joints_field": "joints", "joints": ["a", "b"]}
    index = _open(tmp_path, **options)
    assert index.features().tolist() == [Feature.BOXES | Feature.KEYPOINTS, 0]
    assert index.rejects()[0].id == "row 2" and "class None is neither" in index.rejects()[0].reason
    kite, ball = _sample(index, 0).instances
    assert kite.box_xyxy == (3, 2, 9, 6) and ball.box_xyxy == (0, 0, 6, 4)
    assert (kite.category, ball.category) == (Category(0, "kite"), Category(1, "ball"))
    assert kite.joints == (Joint(1, 1, 2), Joint(5, 5, 1)) and ball.joints == () and ball.skeleton is None
    options |= {"segmentation_field": "shape", "boxes": "coco"}
    index = _open(tmp_path, **options)
    assert index.features()[0] == Feature.BOXES | Feature.INSTANCES | Feature.KEYPOINTS
    with pytest.raises(BadItem, match=r"bbox|polygon|area|box"):
        _write(tmp_path, [{"things": [{**things[0], "box": [50.0, 50.0, 1.0, 1.0]}]}])
        _open(tmp_path, **options).sample(0)


def _write(folder: Path, rows: list[dict[str, Any]], photo: Any = None) -> None:
    out = io.BytesIO()
    _photograph(5).save(out, "PNG")
    cell = photo or {"bytes": out.getvalue(), "path": None}
    pq.write_table(pa.Table.from_pylist([{"photo": cell, **row} for row in rows]), folder / "train.parquet")


def test_pictures_named_by_path_stay_in_the_folder(tmp_path: Path):
    folder = tmp_path / "set"
    folder.mkdir()
    for place in (folder, tmp_path):
        _photograph(9).save(place / "own.png")
    for name in ("own.png", str(folder / "own.png")):
        for cell in (name, {"bytes": None, "path": name}):
            _write(folder, [{"text": "a"}], cell)
            assert _grey(_sample(_open(folder, caption="text"), 0).image) == 9
    for name in ("../own.png", str(tmp_path / "own.png"), "/etc/passwd", str(folder / "../own.png"), "a\x00"):
        _write(folder, [{"text": "a"}], {"bytes": None, "path": name})
        with pytest.raises(BadItem, match="leads out of the dataset's folder"):
            _sample(_open(folder, caption="text"), 0).image.read()
    _write(folder, [{"text": "a"}, {"text": "b"}], {"bytes": b"", "path": "own.png"})
    with pytest.raises(BadItem):
        decode_rgb(_sample(_open(folder, caption="text"), 0).image.read())


def test_imagefolder(tmp_path: Path):
    folder = tmp_path / "own"
    for split, greys in (("train", (1, 2, 3)), ("test", (4,))):
        (folder / split).mkdir(parents=True)
        lines = []
        for grey in greys:
            _photograph(grey).save(folder / split / f"{grey}.png")
            lines.append(json.dumps({"file_name": f"{grey}.png", "text": f"Grey {grey}"}) + "\n")
        (folder / split / "metadata.jsonl").write_text("".join(lines))
    index = _open(folder, image="image", caption="text")
    found = {sample.captions: _grey(sample.image) for sample in (_sample(index, row) for row in range(len(index)))}
    assert found == {("Grey 1",): 1, ("Grey 2",): 2, ("Grey 3",): 3}
    assert _grey(_sample(_open(folder, "test", image="image", caption="text"), 0).image) == 4
    with pytest.raises(SourceLayoutError, match=r"split nowhere of dataset .*own cannot be loaded: Unknown split"):
        _open(folder, "nowhere", image="image", caption="text")


def test_streaming_brings_pictures_that_are_named_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`datasets` takes OWNER/NAME for a folder when there is one, so no network is needed."""
    folder = tmp_path / "someone/own"
    folder.mkdir(parents=True)
    for grey in (1, 2, 3):
        _photograph(grey).save(folder / f"{grey}.png")
    lines = [json.dumps({"file_name": f"{grey}.png", "text": f"Grey {grey}"}) for grey in (1, 2, 3)]
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    index = _open(tmp_path, image="image", repo="someone/own", caption="text", streaming=True, limit=2)
    (kept,) = (cache_folder() / "streamed").iterdir()
    assert len(index) == 2 and kept.suffix == ".parquet"
    for file in folder.rglob("*.png"):
        file.unlink()
    assert [_grey(_sample(index, row).image) for row in range(2)] == [1, 2]


def test_save_to_disk(written: datasets.Dataset, tmp_path: Path):
    written.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"validation": written.select([3])}).save_to_disk(tmp_path / "many")
    index = _open(tmp_path / "one", caption="captions", **_EDITS)
    assert [_grey(_sample(index, row).image) for row in (4, 0, 2)] == [4, 0, 2]
    sample = _sample(_open(tmp_path / "many", "validation", depth="metres", depth_scale=1, objects="objects"), 0)
    assert sample.depth is not None and len(sample.instances) == 2
    np.testing.assert_allclose(sample.depth.load(), _map(3, 4000) / 1000, atol=1e-6)


def test_streaming_keeps_the_first_rows(parquet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`datasets` takes OWNER/NAME for a folder when there is one, so no network is needed."""
    (tmp_path / "someone").mkdir()
    parquet.rename(tmp_path / "someone/pictures")
    monkeypatch.chdir(tmp_path)
    options = {"repo": "someone/pictures", "streaming": True, "limit": 3, "label_map": "classes", "names": ["a"]}
    index = _open(tmp_path, objects="objects", **options, **_EDITS)
    (kept,) = (cache_folder() / "streamed").iterdir()
    table = pq.ParquetFile(kept)
    assert len(index) == 3 and set(table.schema_arrow.names) == {"photo", "classes", "objects", "edited", "instruction"}
    sample = _sample(index, 2)
    assert _grey(sample.image) == 2 and sample.label_map is not None
    np.testing.assert_array_equal(sample.label_map.load(), _map(2, 4))
    assert [instance.category.name for instance in sample.instances] == ["dog", "cat"]
    before = kept.stat().st_mtime_ns
    open_index(index.source)
    assert kept.stat().st_mtime_ns == before and len(list((cache_folder() / "streamed").iterdir())) == 1


def test_a_dataset_of_the_hub(parquet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`datasets` takes OWNER/NAME for a folder when there is one, so no network is needed."""
    (tmp_path / "someone").mkdir()
    parquet.rename(tmp_path / "someone/pictures")
    monkeypatch.chdir(tmp_path)
    index = _open(tmp_path / "unused", repo="someone/pictures", caption="captions", **_EDITS)
    keys = list(index.image_keys())
    assert len(keys) == 5 and keys[0] == "huggingface/someone/pictures/train/00000001"
    monkeypatch.chdir("/")  # workers may be anywhere
    sample = _sample(index, 4)
    assert sample.pair is not None and (_grey(sample.image), _grey(sample.pair.image)) == (4, 104)


def test_what_is_missing(parquet: Path, tmp_path: Path):
    with pytest.raises(
        SourceLayoutError, match=r"train-00000-of-00002\.parquet has no column 'text'; there are: photo"
    ):
        _open(parquet, caption="text")
    with pytest.raises(SourceLayoutError, match=r"column 'coco_id' of .* is int64, not pictures"):
        _open(parquet, image="coco_id", caption="captions")
    with pytest.raises(SourceLayoutError, match=r"folder .*nowhere is missing"):
        _open(tmp_path / "nowhere", caption="text")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceLayoutError, match="cannot be loaded"):
        _open(tmp_path / "empty", caption="text")
    file = parquet / "data/train-00001-of-00002.parquet"
    index = _open(parquet, caption="captions")
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(SourceLayoutError, match="no whole Parquet file"):
        _open(parquet, caption="captions")
    with pytest.raises(BadItem, match="no whole Parquet file"):
        index.sample(4).image.read()
    pq.write_table(pa.table({"captions": ["a"]}), file)
    with pytest.raises(BadItem, match="has no column 'photo' any more; build the index again"):
        index.sample(4)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "name at least one column beside the image"),
        ({"caption": "a", "streaming": True, "repo": "a/b"}, "streaming needs a repo, and a limit"),
        ({"caption": "a", "streaming": True, "limit": 5}, "streaming needs a repo, and a limit"),
        ({"caption": "a", "limit": 5}, "limit only works with streaming"),
        ({"edited": "a"}, "edited and instruction need each other"),
        ({"mask": "a"}, "mask needs a mask_name"),
        ({"mask": "a", "mask_name": "b", "label_map": "c", "names": ["d"]}, "no label_map beside it"),
        ({"label_map": "a"}, "label_map needs the names"),
        ({"keypoints": "a"}, "keypoints need the names of the joints"),
        ({"objects": "a", "joints": ["b"], "bones": [[1, 2]]}, "joint numbers from 1 to 1"),
        ({"caption": "a", "repo": "../../etc"}, "repo"),
        ({"objects": "a", "boxes": "pascal"}, "boxes"),
    ],
)
def test_options_that_do_not_hold(options: dict[str, Any], says: str):
    with pytest.raises(ValidationError, match=says):
        HuggingFaceOptions(**options)
