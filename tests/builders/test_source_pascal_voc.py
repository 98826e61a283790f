"""PASCAL VOC: the real excerpt against the XML as text and Pillow, then devkits written in the documented layout."""

from __future__ import annotations

import contextlib
import io
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from taskpaint.builders.index import SourceIndex, open_index
from taskpaint.builders.masks import regions
from taskpaint.builders.sample import Feature, Sample
from taskpaint.builders.sources.pascal_voc import PascalVoc, PascalVocOptions
from taskpaint.manifests.errors import BadItem, SourceLayoutError
from taskpaint.manifests.images import read_header

_BOXES = Feature.BOXES | Feature.LABELS
_STEM = "2007_000032"
_OBJECT = """<object><name>{name}</name><difficult>{difficult}</difficult>
<bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox>{part}</object>"""
_PART = """<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>"""
_XML = "<annotation><size><width>{width}</width><height>4</height></size>{objects}</annotation>"
_LEFT = {"name": "person", "difficult": 0, "xmin": 1, "ymin": 1, "xmax": 3, "ymax": 4, "part": _PART}
_RIGHT = {**_LEFT, "xmin": 4, "xmax": 6, "difficult": 1, "part": ""}
_TABLE = {**_LEFT, "name": "diningtable", "xmin": 7, "xmax": 9, "part": ""}


def _xml(*objects: dict[str, Any], width: Any = 10) -> str:
    return _XML.format(width=width, objects="".join(_OBJECT.format(**one) for one in objects))


def _palette(values: np.ndarray) -> bytes:
    image = Image.fromarray(values.astype(np.uint8), "P")
    image.putpalette([(37 * value + 11) % 256 for value in range(768)])
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _row(*values: int) -> np.ndarray:
    return np.repeat(np.array([values], np.uint8), 4, axis=0)


def _options(**values: Any) -> PascalVocOptions:
    return PascalVocOptions.model_validate(values)


def _sample(root: Path, **values: Any) -> Sample:
    return open_index(PascalVoc(root, "train", _options(**values))).sample(0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """VOC2012 with a 10x4 photograph: two persons, the right one difficult, and a table; no maps."""
    voc = tmp_path / "VOCdevkit/VOC2012"
    for folder in ("ImageSets/Main", "ImageSets/Segmentation", "JPEGImages", "Annotations"):
        (voc / folder).mkdir(parents=True)
    (voc / "ImageSets/Main/train.txt").write_text(f"{_STEM}\n")
    out = io.BytesIO()
    Image.new("RGB", (10, 4)).save(out, "JPEG")
    (voc / f"JPEGImages/{_STEM}.jpg").write_bytes(out.getvalue())
    (voc / f"Annotations/{_STEM}.xml").write_text(_xml(_LEFT, _RIGHT, _TABLE))
    return tmp_path


def _add_maps(root: Path, classes: np.ndarray, objects: np.ndarray | None) -> Path:
    voc = root / "VOCdevkit/VOC2012"
    for kind, values in (("Class", classes), ("Object", objects)):
        (voc / f"Segmentation{kind}").mkdir(exist_ok=True)
        if values is not None:
            (voc / f"Segmentation{kind}/{_STEM}.png").write_bytes(_palette(values))
    return root


# The real excerpt


def test_counts_of_the_excerpt(shared_data: Path):
    index = open_index(PascalVoc(shared_data / "pascal_voc"))
    assert len(index) == 16 and index.rejects() == []
    samples = [index.sample(row) for row in range(16)]
    assert sum(len(sample.instances) for sample in samples) == 46
    semantic = [sample.id for sample in samples if sample.label_map is not None]
    assert semantic == ["2007_000129"] and "voc/2007_000129" in set(index.image_keys())
    segmented = open_index(PascalVoc(shared_data / "pascal_voc", "val", _options(image_set="Segmentation")))
    assert list(segmented.ids()) == ["2007_000129"] and segmented.source.held_out_as() == "validation"


def test_boxes_of_the_excerpt_equal_the_files(shared_data: Path):
    folder = shared_data / "pascal_voc/VOCdevkit/VOC2012"
    index = open_index(PascalVoc(folder))
    for row, stem in enumerate(index.ids()):
        text = re.sub(r"\s", "", (folder / f"Annotations/{stem}.xml").read_text())
        names = re.findall(r"<object><name>(\w+)</name>", text)
        numbers = [[int(x) for x in re.findall(rf"<{key}>(\d+)<", text)] for key in ("xmin", "ymin", "xmax", "ymax")]
        sample = index.sample(row)
        assert [one.category.name for one in sample.instances] == names
        expected = [(left - 1, top - 1, right, bottom) for left, top, right, bottom in zip(*numbers, strict=True)]
        assert [one.box_xyxy for one in sample.instances] == expected
        header = read_header(sample.image.read())
        assert (header.width, header.height) == (sample.width, sample.height)
        (labels,) = sample.labels
        assert set(labels.present) == set(names) and len(labels.vocabulary) == 20


def test_the_class_map_of_the_excerpt(shared_data: Path):
    folder = shared_data / "pascal_voc/VOCdevkit/VOC2012"
    sample = open_index(PascalVoc(folder, "val", _options(image_set="Segmentation"))).sample(0)
    assert sample.label_map is not None
    with Image.open(folder / "SegmentationClass/2007_000129.png") as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(sample.label_map.load(), np.array(image))
    names = sample.label_map.names
    assert (names[1], names[2], names[15], names[20]) == ("aeroplane", "bicycle", "person", "tvmonitor")
    assert len(names) == 20 and not {0, 255} & set(names)


# Devkits written in the documented layout


def test_boxes_parts_and_difficult_objects(root: Path):
    index = open_index(PascalVoc(root, "train"))
    sample = index.sample(0)
    assert index.features().tolist() == [_BOXES] and (sample.width, sample.height) == (10, 4)
    assert [(one.category.name, one.box_xyxy, one.crowd) for one in sample.instances] == [
        ("person", (0, 0, 3, 4), False),
        ("person", (3, 0, 6, 4), False),
        ("diningtable", (6, 0, 9, 4), False),
    ]
    assert [one.crowd for one in _sample(root, difficult="crowd").instances] == [False, True, False]
    (labels,) = sample.labels
    assert labels.present == ("person", "diningtable") and labels.facet == "object"


def test_masks_go_to_the_objects_whose_place_they_have(root: Path):
    # the numbers 3, 1, 2 do not follow the annotation's order; 255 is the border
    _add_maps(root, _row(15, 15, 15, 255, 15, 15, 11, 11, 255, 0), _row(2, 2, 2, 255, 3, 3, 1, 1, 255, 0))
    index = open_index(PascalVoc(root, "train"))
    assert index.features().tolist() == [_BOXES | Feature.SEMANTIC | Feature.INSTANCES]
    sample = index.sample(0)
    columns = []
    for one in sample.instances:
        mask = regions.decode(regions.to_rle(one.segmentation, 4, 10))
        assert (mask == mask[0]).all()
        columns.append(np.flatnonzero(mask[0]).tolist())
    assert columns == [[0, 1, 2], [4, 5], [6, 7]]
    assert [one.box_xyxy for one in sample.instances] == [(0, 0, 3, 4), (3, 0, 6, 4), (6, 0, 9, 4)]
    assert pickle.loads(pickle.dumps(sample)).label_map.load()[0].tolist() == [15, 15, 15, 255, 15, 15, 11, 11, 255, 0]


def test_a_mask_that_no_box_fits_stands_by_itself(root: Path):
    # the pixels at the right are of a cat, which the annotation does not list
    _add_maps(root, _row(15, 15, 15, 255, 15, 15, 0, 0, 8, 8), _row(1, 1, 1, 255, 2, 2, 0, 0, 4, 4))
    instances = _sample(root).instances
    assert [one.category.name for one in instances] == ["person", "person", "diningtable", "cat"]
    assert instances[2].segmentation is None and instances[3].box_xyxy == (8, 0, 10, 4)


def test_masks_without_an_annotation(root: Path):
    _add_maps(root, _row(15, 15, 15, 255, 15, 15, 0, 0, 0, 0), _row(1, 1, 1, 255, 2, 2, 0, 0, 0, 0))
    (root / f"VOCdevkit/VOC2012/Annotations/{_STEM}.xml").unlink()
    index = open_index(PascalVoc(root, "train"))
    sample = index.sample(0)
    assert index.features().tolist() == [Feature.SEMANTIC | Feature.INSTANCES | Feature.BOXES] and sample.labels == ()
    assert [one.box_xyxy for one in sample.instances] == [(0, 0, 3, 4), (4, 0, 6, 4)]
    assert (sample.width, sample.height) == (10, 4)


def test_a_class_map_alone(root: Path):
    _add_maps(root, _row(*[0] * 10), None)
    index = open_index(PascalVoc(root, "train"))
    assert index.features().tolist() == [_BOXES | Feature.SEMANTIC]
    assert {one.segmentation for one in index.sample(0).instances} == {None}


def test_an_image_without_objects_shows_no_class(root: Path):
    (root / f"VOCdevkit/VOC2012/Annotations/{_STEM}.xml").write_text(_xml())
    index = open_index(PascalVoc(root, "train"))
    assert index.features().tolist() == [Feature.LABELS] and index.sample(0).labels[0].present == ()


@pytest.mark.parametrize("start", [".", "VOCdevkit", "VOCdevkit/VOC2012"])
def test_the_devkit_its_parent_or_one_year(root: Path, start: str):
    assert len(open_index(PascalVoc(root / start, "train"))) == 1


def test_another_year(root: Path):
    (root / "VOCdevkit/VOC2012").rename(root / "VOCdevkit/VOC2007")
    assert len(open_index(PascalVoc(root, "train", _options(year=2007)))) == 1
    with pytest.raises(SourceLayoutError, match=r"ImageSets/Main/train\.txt is missing"):
        open_index(PascalVoc(root, "train"))
    with pytest.raises(ValidationError):
        _options(year=2013)


def _rejects(index: SourceIndex) -> list[tuple[str, str]]:
    return [(one.id, one.reason) for one in index.rejects()]


def test_lines_of_the_list(root: Path):
    listing = root / "VOCdevkit/VOC2012/ImageSets/Main/train.txt"
    listing.write_text(f"{_STEM} -1\n\n{_STEM} 1\n../secret\n2007_000033\n")
    index = open_index(PascalVoc(root, "train"))
    assert len(index) == 1 and _rejects(index) == [
        (_STEM, "train.txt lists it twice"),
        ("../secret", "train.txt holds '../secret', which is no image name"),
        ("2007_000033", "photograph JPEGImages/2007_000033.jpg is missing"),
    ]
    listing.write_bytes(b"\x89PNG\xff")
    with pytest.raises(SourceLayoutError, match=r"train\.txt is no text file"):
        open_index(PascalVoc(root, "train"))


def test_a_photograph_without_any_annotation(root: Path):
    (root / f"VOCdevkit/VOC2012/Annotations/{_STEM}.xml").unlink()
    with pytest.raises(SourceLayoutError, match=r"neither Annotations/2007_000032\.xml nor SegmentationClass"):
        open_index(PascalVoc(root, "train"))


@pytest.mark.parametrize("missing", ["ImageSets/Main/train.txt", "JPEGImages"])
def test_what_is_missing_is_named_with_the_tree(root: Path, missing: str):
    (root / "VOCdevkit/VOC2012" / missing).rename(root / "elsewhere")
    with pytest.raises(SourceLayoutError, match=f"{missing} is missing") as caught:
        open_index(PascalVoc(root, "train"))
    assert "SegmentationObject/2007_000032.png" in str(caught.value)


@pytest.mark.parametrize(
    ("xml", "says"),
    [
        ("", "it is no XML"),
        ("<annotation/>", "size/width is ''"),
        (_xml(_LEFT, width=0), "size 0x4 is no image size"),
        (_xml(_LEFT, width=9.5), "size 9.5x4 is no image size"),
        (_xml(_LEFT, {**_LEFT, "name": "unicorn"}), "object 'unicorn' is none of the 20 classes"),
        (_xml({**_LEFT, "difficult": "maybe"}), "difficult is 'maybe'"),
        (_xml({**_LEFT, "xmin": "nan"}), "bndbox/xmin is 'nan'"),
        (_xml({**_LEFT, "xmin": 11, "xmax": 12}), "does not lie in the image of 10x4"),
        ('<!DOCTYPE l [<!ENTITY l "lol">]><annotation>&l;</annotation>', "document type or entities"),
    ],
)
def test_a_broken_annotation_leaves_the_masks(root: Path, xml: str, says: str):
    _add_maps(root, _row(*[15] * 10), _row(*[1] * 10))
    (root / f"VOCdevkit/VOC2012/Annotations/{_STEM}.xml").write_text(xml)
    index = open_index(PascalVoc(root, "train"))
    ((stem, reason),) = _rejects(index)
    assert stem == _STEM and says in reason and f"Annotations/{_STEM}.xml" in reason
    assert index.features().tolist() == [Feature.SEMANTIC | Feature.INSTANCES | Feature.BOXES]
    assert [one.category.name for one in index.sample(0).instances] == ["person"]


@pytest.mark.parametrize(
    ("classes", "objects", "says"),
    [
        (_row(*[21] * 10), _row(*[1] * 10), "holds 21; classes go from 0 to 20"),
        (_row(*[15] * 9), _row(*[1] * 10), "are not of one size"),
        (_row(*[15] * 9), _row(*[1] * 9), "the masks are 9x4, the boxes are for 10x4"),
        (_row(*[0] * 10), _row(*[1] * 10), "object 1 of 2007_000032.png has no class"),
    ],
)
def test_maps_that_do_not_hold(root: Path, classes: np.ndarray, objects: np.ndarray, says: str):
    _add_maps(root, classes, objects)
    with pytest.raises(BadItem, match=says):
        _sample(root)


@given(
    which=st.sampled_from(
        [
            "ImageSets/Main/train.txt",
            f"Annotations/{_STEM}.xml",
            f"SegmentationClass/{_STEM}.png",
            f"SegmentationObject/{_STEM}.png",
        ]
    ),
    where=st.floats(0, 1),
    cut=st.integers(0, 40),
    extra=st.binary(max_size=8) | st.sampled_from([b"<", b"&amp;", b"-", b"</object>", b"nan", b"9" * 400]),
)
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mangled_files_raise_nothing_else(root: Path, which: str, where: float, cut: int, extra: bytes):
    _add_maps(root, _row(*[15] * 6, *[11] * 4), _row(*[1] * 6, *[2] * 4))
    file = root / "VOCdevkit/VOC2012" / which
    original = file.read_bytes()
    at = int(where * len(original))
    file.write_bytes(original[:at] + extra + original[at + cut :])
    try:
        with contextlib.suppress(SourceLayoutError, BadItem):
            for one in _sample(root).instances:
                assert one.box_xyxy is not None and min(one.box_xyxy) >= 0
    finally:
        file.write_bytes(original)
