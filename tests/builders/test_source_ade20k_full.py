"""ADE20K in full: the real excerpt against the masks in its own folders, then photographs written by hand."""

from __future__ import annotations

import contextlib
import io
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from taskpaint.builders.index import open_index
from taskpaint.builders.masks import regions
from taskpaint.builders.sample import Feature, Sample
from taskpaint.builders.sources.ade20k_full import Ade20kFull
from taskpaint.manifests.errors import BadItem, SourceLayoutError
from taskpaint.manifests.images import read_header

_ALL = Feature.SEMANTIC | Feature.INSTANCES | Feature.PARTS | Feature.LABELS
_EXCERPT = "ade20k_full/ADE20K_2021_17_01/images/ADE/training/urban/street"
_STEM = "ADE_train_00000001"
_FOLDER = "images/ADE/training/urban/café"


def _object(number: int, name: str, level: int = 0) -> dict[str, Any]:
    return {"id": 0, "name": name, "name_ndx": number, "parts": {"part_level": level}}


_OBJECTS = [
    _object(2420, "sky"),
    _object(401, "car, auto"),
    _object(401, "car, auto"),
    _object(3035, "wheel", 1),
    _object(2122, "rim", 2),
]


def _document(objects: Any = None, scene: Any = ("outdoor", "urban", "café")) -> bytes:
    annotation = {"object": _OBJECTS if objects is None else objects, "scene": list(scene)}
    return json.dumps({"annotation": annotation}, ensure_ascii=False).encode()


def _png(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG")
    return out.getvalue()


def _coloured(*pixels: tuple[int, int]) -> bytes:
    """A map of one row: (class, blue) a pixel, in the official code."""
    rgb = [[(number // 256 * 10, number % 256, blue) for number, blue in pixels]]
    return _png(np.array(rgb, np.uint8))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A 5x1 photograph: sky, two cars, the first of them with a wheel, a pixel of nothing."""
    folder = tmp_path / _FOLDER
    folder.mkdir(parents=True)
    (folder / f"{_STEM}.jpg").write_bytes(_png(np.zeros((1, 5, 3), np.uint8)))
    (folder / f"{_STEM}.json").write_bytes(_document())
    (folder / f"{_STEM}_seg.png").write_bytes(_coloured((2420, 255), (401, 85), (401, 85), (401, 170), (0, 0)))
    (folder / f"{_STEM}_parts_1.png").write_bytes(_coloured((0, 0), (3035, 255), (0, 0), (0, 0), (0, 0)))
    return tmp_path


def _maps(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    assert sample.label_map is not None and sample.parts is not None
    return sample.label_map.load(), sample.parts.load()


def _look(sample: Sample) -> None:
    """Read what is read late."""
    len(sample.instances)
    if sample.parts is not None:
        len(sample.parts.segments)


def _official(file: Path) -> np.ndarray:
    return np.array(Image.open(file)).astype(int)


# The real excerpt


def test_counts_of_the_excerpt(shared_data: Path):
    index = open_index(Ade20kFull(shared_data / "ade20k_full"))
    assert list(index.ids()) == ["ADE_train_00016869", "ADE_train_00016900"] and index.rejects() == []
    assert next(iter(index.image_keys())) == "ade20k_full/ADE_train_00016869"
    assert set(index.features().tolist()) == {_ALL}
    samples = [index.sample(row) for row in range(2)]
    assert [len(sample.instances) for sample in samples] == [51, 34]  # objects of level 0 in the json
    assert [len(sample.parts.segments) for sample in samples if sample.parts] == [14, 3]  # of level 1
    assert [sample.labels[0].present for sample in samples] == [("street",), ("street",)]


@pytest.mark.parametrize("row", [0, 1])
def test_masks_of_the_excerpt_equal_those_in_its_folders(shared_data: Path, row: int):
    folder = shared_data / _EXCERPT
    sample = open_index(Ade20kFull(shared_data / "ade20k_full")).sample(row)
    header = read_header(sample.image.read())
    assert (header.width, header.height) == (sample.width, sample.height)
    objects = json.loads((folder / f"{sample.id}.json").read_text())["annotation"]["object"]
    found: dict[tuple[int, str], list[np.ndarray]] = {}
    for one in sample.instances:
        mask = regions.decode(regions.to_rle(one.segmentation, sample.height, sample.width)) > 0
        found.setdefault((one.category.id, one.category.name), []).append(mask)
    inexact = 0
    for one in objects:
        if one["parts"]["part_level"] == 0:
            seen = _official(folder / one["instance_mask"]) == 255  # 128 is what something hides
            best = max((mask & seen).sum() / (mask | seen).sum() for mask in found[one["name_ndx"], one["name"]])
            assert best > 0.96
            inexact += best < 1
    assert inexact == [2, 0][row]  # a car and a traffic light differ from their own masks by some 150 pixels


@pytest.mark.parametrize("row", [0, 1])
def test_maps_of_the_excerpt_equal_pillow(shared_data: Path, row: int):
    sample = open_index(Ade20kFull(shared_data / "ade20k_full")).sample(row)
    seg, parts = (_official(shared_data / _EXCERPT / f"{sample.id}_{kind}.png") for kind in ("seg", "parts_1"))
    classes, found = _maps(sample)
    np.testing.assert_array_equal(classes, seg[..., 0] // 10 * 256 + seg[..., 1])
    np.testing.assert_array_equal(found // 256, parts[..., 0] // 10 * 256 + parts[..., 1])
    np.testing.assert_array_equal(found % 256, parts[..., 2])
    assert sample.label_map is not None and sample.parts is not None
    assert set(np.unique(classes).tolist()) - {0} == set(sample.label_map.names)
    assert set(np.unique(found).tolist()) - {0} == {segment.id for segment in sample.parts.segments}
    assert {"car, auto, automobile, machine, motorcar", "sky"} <= set(sample.label_map.names.values())
    assert "headlight" in {segment.category.name for segment in sample.parts.segments}


# Written by hand


def test_a_small_world_by_hand(root: Path):
    index = open_index(Ade20kFull(root))
    sample = index.sample(0)
    assert index.features().tolist() == [_ALL] and (sample.width, sample.height) == (5, 1)
    classes, parts = _maps(sample)
    assert classes.tolist() == [[2420, 401, 401, 401, 0]] and parts.tolist() == [[0, 3035 * 256 + 255, 0, 0, 0]]
    assert [(one.category.name, one.box_xyxy, one.segmentation) for one in sample.instances] == [
        ("car, auto", (1, 0, 3, 1), {"size": [1, 5], "counts": b"122"}),
        ("car, auto", (3, 0, 4, 1), {"size": [1, 5], "counts": b"311"}),
        ("sky", (0, 0, 1, 1), {"size": [1, 5], "counts": b"014"}),
    ]
    assert sample.label_map is not None and sample.parts is not None
    assert sample.label_map.names == {2420: "sky", 401: "car, auto"} and sample.absent == ()
    assert [(one.id, one.category.name) for one in sample.parts.segments] == [(3035 * 256 + 255, "wheel")]
    assert [(one.facet, one.present, one.vocabulary) for one in sample.labels] == [("scene", ("café",), ("café",))]
    assert pickle.loads(pickle.dumps(sample)).parts.load().tolist() == parts.tolist()


def test_the_folder_or_its_parent(root: Path, tmp_path: Path):
    whole = tmp_path / "ADE20K_2021_17_01"
    whole.mkdir()
    (root / "images").rename(whole / "images")
    assert open_index(Ade20kFull(whole)).file == open_index(Ade20kFull(tmp_path)).file


def test_json_in_latin_1(root: Path):
    file = root / _FOLDER / f"{_STEM}.json"
    file.write_bytes(_document().decode().encode("latin-1"))
    assert open_index(Ade20kFull(root)).sample(0).labels[0].present == ("café",)


def test_a_photograph_without_parts_or_scene(root: Path):
    (root / _FOLDER / f"{_STEM}.json").write_bytes(_document(_OBJECTS[:3], ()))
    (root / _FOLDER / f"{_STEM}_parts_1.png").unlink()
    index = open_index(Ade20kFull(root))
    assert index.features().tolist() == [Feature.SEMANTIC | Feature.INSTANCES]
    assert index.sample(0).parts is None and index.sample(0).labels == ()


@pytest.mark.parametrize(
    "unnamed", [None, {}, _object(0, "-"), _object(401, ""), _object(9_000, "x"), {**_object(9, "x"), "parts": []}]
)
def test_objects_without_a_name_stay_unlabelled(root: Path, unnamed: Any):
    (root / _FOLDER / f"{_STEM}.json").write_bytes(_document([_OBJECTS[0], unnamed]))
    sample = open_index(Ade20kFull(root)).sample(0)
    assert [one.category.name for one in sample.instances] == ["sky"]
    assert sample.label_map is not None and sample.label_map.names == {2420: "sky"}


def test_mask_folders_are_not_searched(root: Path):
    (root / _FOLDER / _STEM).mkdir()
    (root / _FOLDER / _STEM / "instance_000_stray.json").write_bytes(b"{}")
    index = open_index(Ade20kFull(root))
    assert len(index) == 1 and index.rejects() == []


def test_photographs_and_annotations_are_matched_by_name(root: Path):
    (root / _FOLDER / "ADE_train_00000002.jpg").write_bytes(b"")
    (root / _FOLDER / "ADE_train_00000003.json").write_bytes(_document())
    index = open_index(Ade20kFull(root))
    assert list(index.ids()) == [_STEM]
    assert [(one.id, one.reason) for one in index.rejects()] == [
        ("urban/café/ADE_train_00000002", "annotation urban/café/ADE_train_00000002.json is missing"),
        ("urban/café/ADE_train_00000003", "photograph urban/café/ADE_train_00000003.jpg is missing"),
    ]


def test_a_changed_annotation_makes_a_new_index(root: Path):
    before = open_index(Ade20kFull(root)).digest
    (root / _FOLDER / f"{_STEM}.json").write_bytes(_document(_OBJECTS[:2]))
    assert open_index(Ade20kFull(root)).digest != before


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is no json"),
        (b"[" * 100_000, "it is no json"),
        (b'{"annotation": {"object": [{"id": ' + b"9" * 5_000 + b"}]}}", "it is no json"),
        (b"[]", "it holds no list annotation.object"),
        (b'{"annotation": []}', "it holds no list annotation.object"),
        (b'{"annotation": {"object": {}}}', "it holds no list annotation.object"),
        (_document([*_OBJECTS, _object(401, "bus")]), "class 401 is called both 'car, auto' and 'bus'"),
    ],
)
def test_broken_annotations(root: Path, data: bytes, says: str):
    (root / _FOLDER / f"{_STEM}.json").write_bytes(data)
    reasons: list[str] = []
    assert list(Ade20kFull(root).scan(lambda item, reason: reasons.append(reason))) == []
    assert says in reasons[0] and f"{_STEM}.json" in reasons[0]


@pytest.mark.parametrize("kind", ["seg", "parts_1"])
@pytest.mark.parametrize(
    ("data", "says"),
    [(None, "is missing"), (b"", "empty"), (_png(np.zeros((1, 5), np.uint8)), "is no RGB image of 8 bits")],
)
def test_broken_maps_are_bad_items(root: Path, kind: str, data: bytes | None, says: str):
    file = root / _FOLDER / f"{_STEM}_{kind}.png"
    file.unlink()
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(BadItem, match=says):
        _look(open_index(Ade20kFull(root)).sample(0))


def test_parts_are_not_read_for_objects(root: Path):
    (root / _FOLDER / f"{_STEM}_parts_1.png").unlink()
    sample = open_index(Ade20kFull(root)).sample(0)
    assert len(sample.instances) == 3 and sample.label_map is not None and sample.label_map.load().shape == (1, 5)
    assert sample.parts is not None
    with pytest.raises(BadItem, match=r"parts_1\.png is missing"):
        len(sample.parts.segments)


def test_what_is_missing_is_named_with_the_tree(root: Path):
    with pytest.raises(SourceLayoutError, match="folder images/ADE/validation is missing") as caught:
        open_index(Ade20kFull(root, "validation"))
    assert "ADE_train_00016869_seg.png" in str(caught.value)
    shutil.rmtree(root / "images/ADE/training/urban")
    with pytest.raises(SourceLayoutError, match="holds no images"):
        open_index(Ade20kFull(root))


@given(
    which=st.sampled_from([".json", "_seg.png", "_parts_1.png"]),
    where=st.floats(0, 1),
    cut=st.integers(0, 40),
    extra=st.binary(max_size=8) | st.sampled_from([b"-", b"null", b"[]", b"9" * 30, b'"', b"{}", b"1e999", b"NaN"]),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mangled_files_raise_nothing_else(root: Path, which: str, where: float, cut: int, extra: bytes):
    file = root / _FOLDER / f"{_STEM}{which}"
    original = file.read_bytes()
    at = int(where * len(original))
    file.write_bytes(original[:at] + extra + original[at + cut :])
    try:
        with contextlib.suppress(SourceLayoutError, BadItem):
            sample = open_index(Ade20kFull(root)).sample(0)
            _look(sample)
            assert all(one.category.name.strip() for one in sample.instances)
            for load in (sample.label_map, sample.parts):
                assert load is None or load.load().ndim == 2
    finally:
        file.write_bytes(original)
