"""Oxford-IIIT Pet: the real excerpt against Pillow and the files as text, then what is missing or broken."""

from __future__ import annotations

import io
import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError
from taskpaint.builders.geometry import Geometry
from taskpaint.builders.index import SourceIndex, open_index
from taskpaint.builders.sample import Feature, Sample
from taskpaint.builders.sources.oxford_pets import OxfordPets, OxfordPetsOptions
from taskpaint.builders.view import View
from taskpaint.manifests.errors import BadItem, SourceLayoutError
from taskpaint.manifests.images import decode_rgb, read_header

_XML = """<annotation><size><width>{width}</width><height>4</height><depth>3</depth></size><object>
<name>{name}</name><bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox>
</object></annotation>"""
_SOUND = {"width": 6, "name": "cat", "xmin": 1, "ymin": 2, "xmax": 6, "ymax": 4}
_TRIMAP = np.array([[1, 1, 3, 3, 2, 2]] * 4, np.uint8)


def _png(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(values).save(out, "PNG")
    return out.getvalue()


def _add(root: Path, stem: str, xml: str | bytes | None = None) -> None:
    (root / f"images/{stem}.jpg").write_bytes(_png(np.zeros((4, 6, 3), np.uint8)))
    (root / f"annotations/trimaps/{stem}.png").write_bytes(_png(_TRIMAP))
    if xml is not None:
        (root / f"annotations/xmls/{stem}.xml").write_bytes(xml.encode() if isinstance(xml, str) else xml)


def _sample(index: SourceIndex, stem: str) -> Sample:
    return index.sample(list(index.ids()).index(stem))


def _map(sample: Sample) -> np.ndarray:
    assert sample.label_map is not None
    return sample.label_map.load()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A Maine Coon with a head box and a pug without, 6x4 pixels each; list.txt knows a third breed."""
    folder = tmp_path / "oxford_pets"
    for name in ("images", "annotations/trimaps", "annotations/xmls"):
        (folder / name).mkdir(parents=True)
    lines = "Maine_Coon_1 1 1 1\npug_12 2 2 1\n"
    (folder / "annotations/trainval.txt").write_text(lines)
    header = "#Image CLASS-ID SPECIES BREED ID\n#ID: 1:37 Class ids\n#SPECIES: 1:Cat 2:Dog\n"
    (folder / "annotations/list.txt").write_text(f"{header}{lines}boxer_3 3 2 2\n")
    _add(folder, "Maine_Coon_1", _XML.format(**_SOUND))
    _add(folder, "pug_12")
    return folder


# The real excerpt


def test_counts_of_the_excerpt(shared_data: Path):
    trainval, test = (open_index(OxfordPets(shared_data / "oxford_pets", split)) for split in ("trainval", "test"))
    assert (len(trainval), len(test)) == (12, 9) and trainval.rejects() == test.rejects() == []
    boxed = Feature.SEMANTIC | Feature.LABELS | Feature.BOXES
    assert set(trainval.features().tolist()) == {boxed}
    assert set(test.features().tolist()) == {Feature.SEMANTIC | Feature.LABELS}
    assert (trainval.source.held_out_as(), test.source.held_out_as()) == ("train", "test")
    assert "oxford_pets/Abyssinian_100" in set(trainval.image_keys())


@pytest.mark.parametrize("split", ["trainval", "test"])
def test_trimaps_equal_the_files(shared_data: Path, split: str):
    folder = shared_data / "oxford_pets"
    index = open_index(OxfordPets(folder, split))
    for row, stem in enumerate(index.ids()):
        sample = index.sample(row)
        with Image.open(folder / f"annotations/trimaps/{stem}.png") as image:
            stored = np.array(image)
        np.testing.assert_array_equal(_map(sample) == 1, (stored == 1) | (stored == 3))
        assert decode_rgb(sample.image.read()).shape[:2] == stored.shape
        if sample.width:
            assert (sample.height, sample.width) == stored.shape


def test_head_boxes_equal_the_files(shared_data: Path):
    folder = shared_data / "oxford_pets"
    index = open_index(OxfordPets(folder))
    boxes = 0
    for row, stem in enumerate(index.ids()):
        text = (folder / f"annotations/xmls/{stem}.xml").read_text()
        expected = [
            tuple(int(number) for number in found)
            for found in re.findall(
                r"<xmin>(\d+)</xmin><ymin>(\d+)</ymin><xmax>(\d+)</xmax><ymax>(\d+)</ymax>", text.replace("\n", "")
            )
        ]
        instances = index.sample(row).instances
        found = [instance.box_xyxy for instance in instances]
        assert found == [(left - 1, top - 1, right, bottom) for left, top, right, bottom in expected]
        species = "dog" if stem.startswith("american_bulldog") else "cat"
        assert {instance.category.name for instance in instances} == {f"{species} head"}
        boxes += len(found)
    assert boxes == 13  # twelve files, Bengal_105 shows two cats


def test_breeds_and_species_of_the_excerpt(shared_data: Path):
    index = open_index(OxfordPets(shared_data / "oxford_pets"))
    species, breed = _sample(index, "Bengal_102").labels
    assert (species.facet, species.present, species.vocabulary) == ("species", ("cat",), ("cat", "dog"))
    assert (breed.facet, breed.present) == ("breed", ("Bengal cat",))
    assert breed.vocabulary == ("Abyssinian cat", "american bulldog", "Bengal cat")
    assert _sample(index, "american_bulldog_102").labels[1].present == ("american bulldog",)


def test_a_gif_called_jpg_is_an_image(shared_data: Path, root: Path):
    # Abyssinian_34.jpg stands in no list of the excerpt
    shutil.copy(shared_data / "oxford_pets/images/Abyssinian_34.jpg", root / "images")
    shutil.copy(shared_data / "oxford_pets/annotations/trimaps/Abyssinian_34.png", root / "annotations/trimaps")
    (root / "annotations/trainval.txt").write_text("Abyssinian_34 1 1 1")
    sample = open_index(OxfordPets(root)).sample(0)
    data = sample.image.read()
    assert data.startswith(b"GIF89a") and decode_rgb(data).shape == (202, 250, 3)
    assert _map(sample).shape == (202, 250)


# By hand


def test_a_small_world_by_hand(root: Path):
    index = open_index(OxfordPets(root))
    cat, dog = index.sample(0), index.sample(1)
    assert (cat.id, dog.id) == ("Maine_Coon_1", "pug_12")
    (head,) = cat.instances
    assert head.box_xyxy == (0, 1, 6, 4) and head.category.name == "cat head" and head.segmentation is None
    assert dog.instances == () and (cat.width, cat.height, dog.width) == (6, 4, 0)
    assert cat.absent == ("dog",) and dog.absent == ("cat",)
    assert cat.label_map is not None and dog.label_map is not None
    assert (cat.label_map.names, dog.label_map.names) == ({1: "cat"}, {1: "dog"})
    assert [label.present for label in cat.labels] == [("cat",), ("Maine Coon cat",)]
    assert [label.present for label in dog.labels] == [("dog",), ("pug",)]
    assert dog.labels[1].vocabulary == ("boxer", "Maine Coon cat", "pug")
    assert pickle.loads(pickle.dumps(cat)).label_map.load().tolist() == _map(cat).tolist()


@pytest.mark.parametrize(
    ("border", "row"), [("pet", [1, 1, 1, 1, 2, 2]), ("background", [1, 1, 2, 2, 2, 2]), ("ignore", [1, 1, 3, 3, 2, 2])]
)
def test_what_the_border_counts_as(root: Path, border: str, row: list[int]):
    options = OxfordPetsOptions.model_validate({"border": border})
    assert _map(open_index(OxfordPets(root, "trainval", options)).sample(0))[0].tolist() == row
    with pytest.raises(ValidationError):
        OxfordPetsOptions.model_validate({"border": "both"})


def test_lists_and_boxes_are_optional(root: Path):
    (root / "annotations/list.txt").unlink()
    shutil.rmtree(root / "annotations/xmls")
    index = open_index(OxfordPets(root))
    assert index.sample(0).labels[1].vocabulary == ("Maine Coon cat", "pug") and index.sample(0).instances == ()
    assert set(index.features().tolist()) == {Feature.SEMANTIC | Feature.LABELS}


def test_a_changed_box_makes_a_new_index(root: Path):
    before = open_index(OxfordPets(root)).digest
    (root / "annotations/xmls/Maine_Coon_1.xml").write_text(_XML.format(**{**_SOUND, "xmin": 2}))
    assert open_index(OxfordPets(root)).digest != before


def test_stray_files_are_passed_over(root: Path):
    (root / "images/pug_12.mat").write_bytes(b"MATLAB")
    (root / "images/boxer_3.jpg").write_bytes(b"")
    (root / "annotations/trimaps/._pug_12.png").write_bytes(b"")
    index = open_index(OxfordPets(root))
    assert len(index) == 2 and index.rejects() == []


# Missing and broken


@pytest.mark.parametrize("missing", ["annotations/trainval.txt", "images", "annotations/trimaps"])
def test_what_is_missing_is_named_with_the_tree(root: Path, missing: str):
    path = root / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(SourceLayoutError) as caught:
        open_index(OxfordPets(root))
    assert f"{missing} is missing in {root}" in str(caught.value)
    assert "annotations/trimaps/Abyssinian_1.png" in str(caught.value)


def test_an_empty_list_and_one_that_is_no_text(root: Path):
    (root / "annotations/trainval.txt").write_text("# nothing\n\n")
    with pytest.raises(SourceLayoutError, match="holds no images"):
        open_index(OxfordPets(root))
    (root / "annotations/trainval.txt").write_bytes(b"\x89PNG\xff")
    with pytest.raises(SourceLayoutError, match=r"trainval\.txt is no text file"):
        open_index(OxfordPets(root))


@pytest.mark.parametrize(
    "line",
    ["pug_13", "pug_13 2", "pug_13 2 3 1", "pug_13 2 dog 1", "pug 2 2 1", "_1 1 1 1", "../pug_13 2 2 1", "pug_x 2 2 1"],
)
def test_broken_lines(root: Path, line: str):
    with (root / "annotations/trainval.txt").open("a") as file:
        file.write(line)
    index = open_index(OxfordPets(root))
    (reject,) = index.rejects()
    assert len(index) == 2 and reject.id == line.split()[0]
    assert f"trainval.txt: {line!r} is no image name" in reject.reason


def test_missing_photographs_trimaps_and_doubles(root: Path):
    with (root / "annotations/trainval.txt").open("a") as file:
        file.write("pug_99 2 2 1\npug_12 2 2 1\n")
    (root / "annotations/trimaps/Maine_Coon_1.png").unlink()
    index = open_index(OxfordPets(root))
    assert [(reject.id, reject.reason) for reject in index.rejects()] == [
        ("Maine_Coon_1", "trimap annotations/trimaps/Maine_Coon_1.png is missing"),
        ("pug_99", "photograph images/pug_99.jpg is missing"),
        ("pug_12", "trainval.txt lists it twice"),
    ]
    assert index.features().tolist() == [Feature.LABELS | Feature.BOXES, Feature.LABELS | Feature.SEMANTIC]
    assert index.sample(0).label_map is None and index.sample(0).labels[0].present == ("cat",)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"text", "not an image"),
        (_png(np.ones((90, 90), np.uint8))[:70], "truncated"),
        (_png(np.zeros((4, 6), np.uint8)), "holds other values than 1, 2 and 3"),
        (_png(np.full((4, 6), 255, np.uint8)), "holds other values than 1, 2 and 3"),
        (_png(np.ones((4, 6, 3), np.uint8)), "holds other values than 1, 2 and 3"),
    ],
)
def test_broken_trimaps_are_bad_items(root: Path, data: bytes, says: str):
    (root / "annotations/trimaps/pug_12.png").write_bytes(data)
    with pytest.raises(BadItem, match=says):
        _map(open_index(OxfordPets(root)).sample(1))


def test_a_trimap_of_another_size(root: Path):
    (root / "annotations/trimaps/pug_12.png").write_bytes(_png(_TRIMAP[:3]))
    sample = open_index(OxfordPets(root)).sample(1)
    data = sample.image.read()
    with pytest.raises(BadItem, match="label map is 6x3, the image is 6x4"):
        View(sample, data, read_header(data), Geometry.native((6, 4))).label_map()


_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    ("xml", "says"),
    [
        (_XML.format(**{**_SOUND, "xmin": 0}), "box [0, 2, 6, 4] does not lie in the image of 6x4"),
        (_XML.format(**{**_SOUND, "xmin": -3}), "does not lie in the image"),
        (_XML.format(**{**_SOUND, "xmax": 7}), "does not lie in the image"),
        (_XML.format(**{**_SOUND, "ymax": 5}), "does not lie in the image"),
        (_XML.format(**{**_SOUND, "xmin": 5, "xmax": 4}), "does not lie in the image"),
        (_XML.format(**{**_SOUND, "xmax": "nan"}), "bndbox/xmax is 'nan', no whole number of pixels"),
        (_XML.format(**{**_SOUND, "xmax": "1e400"}), "no whole number of pixels"),
        (_XML.format(**{**_SOUND, "xmax": 3.5}), "no whole number of pixels"),
        (_XML.format(**{**_SOUND, "xmax": ""}), "bndbox/xmax is ''"),
        (_XML.format(**{**_SOUND, "width": 0}), "size [0, 4] is no image size"),
        (_XML.format(**{**_SOUND, "name": "dog"}), "head of a 'dog', the list says 'cat'"),
        ("<annotation/>", "size/width is ''"),
        ("", "it is no XML"),
        ("<annotation><size>", "it is no XML"),
        ("<annotation>&laugh;</annotation>", "it is no XML"),
        (b"\xff\xfe<", "it is no XML"),
        (f'<!DOCTYPE l [<!ENTITY l0 "lol">{_LAUGHS}]><annotation>&l9;</annotation>', "document type or entities"),
        (f'<!DOCTYPE l [<!ENTITY l0 "l">{_LAUGHS}]><annotation>&l9;</annotation>'.encode("utf-16"), "it is no XML"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>', "document type or entities"),
        ("<a>" * (1 << 19), "too many for an annotation"),
    ],
)
def test_broken_head_boxes_are_rejected_and_the_image_stays(root: Path, xml: str | bytes, says: str):
    _add(root, "Maine_Coon_1", xml)
    index = open_index(OxfordPets(root))
    (reject,) = index.rejects()
    assert reject.id == "Maine_Coon_1" and says in reject.reason
    assert "annotations/xmls/Maine_Coon_1.xml" in reject.reason
    assert index.sample(0).instances == () and len(index) == 2
    assert not index.features()[0] & Feature.BOXES


@given(
    which=st.sampled_from(["annotations/trainval.txt", "annotations/list.txt", "annotations/xmls/Maine_Coon_1.xml"]),
    where=st.floats(0, 1),
    cut=st.integers(0, 40),
    extra=st.binary(max_size=8) | st.sampled_from([b"<", b"&amp;", b"-", b"</size>", b"nan", b"9" * 400, b"\n#"]),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_mangled_files_give_entries_rejects_or_a_layout_error(
    root: Path, which: str, where: float, cut: int, extra: bytes
):
    original = (root / which).read_bytes()
    at = int(where * len(original))
    (root / which).write_bytes(original[:at] + extra + original[at + cut :])
    try:
        index = open_index(OxfordPets(root))
        for row in range(len(index)):
            for instance in index.sample(row).instances:
                assert instance.box_xyxy is not None and min(instance.box_xyxy) >= 0
    except SourceLayoutError:
        pass
    finally:
        (root / which).write_bytes(original)
