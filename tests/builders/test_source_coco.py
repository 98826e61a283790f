"""COCO: the real excerpt against pycocotools, then every kind of broken annotation file."""

from __future__ import annotations

import contextlib
import copy
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from taskpaint.builders.index import SourceIndex, open_index
from taskpaint.builders.masks import regions
from taskpaint.builders.sample import Feature, Sample
from taskpaint.builders.source import Entry
from taskpaint.builders.sources.coco import Coco
from taskpaint.manifests.errors import BadItem, SourceLayoutError

_FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

_OBJECT = {
    "id": 5,
    "image_id": 1,
    "category_id": 18,
    "bbox": [1, 1, 3, 2],
    "segmentation": [[1, 1, 4, 1, 4, 3, 1, 3]],
    "iscrowd": 0,
    "area": 6,
}
_SMALL: dict[str, Any] = {
    "images": [
        {"id": 1, "file_name": "000000000001.jpg", "width": 6, "height": 4},
        {"id": 2, "file_name": "000000000002.jpg", "width": 6, "height": 4},
    ],
    "annotations": [_OBJECT],
    "categories": [{"id": 18, "name": "dog"}, {"id": 90, "name": "toothbrush"}],
}
_PERSON = {"id": 1, "name": "person", "keypoints": ["nose", "left_eye"], "skeleton": [[1, 2]]}


def _write(root: Path, kind: str, document: Any, split: str = "train2017") -> Path:
    (root / "annotations").mkdir(exist_ok=True)
    (root / split).mkdir(exist_ok=True)
    text = document if isinstance(document, str) else json.dumps(document)
    (root / "annotations" / f"{kind}_{split}.json").write_text(text)
    return root


def _small(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(_SMALL), **changes}


def _with_object(**changes: Any) -> dict[str, Any]:
    return _small(annotations=[{**_OBJECT, **changes}])


def _samples(index: SourceIndex) -> dict[str, Sample]:
    samples = [index.sample(row) for row in range(len(index))]
    return {sample.id: sample for sample in samples}


def _pycocotools(file: Path) -> COCO:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(file))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "coco"
    folder.mkdir()
    return folder


# The real excerpt


@pytest.mark.parametrize(
    ("split", "images", "objects", "crowds", "posed", "captions"),
    [("train2017", 20, 218, 5, 32, 100), ("val2017", 22, 153, 3, 24, 110)],
)
def test_counts_of_the_excerpt(
    shared_data: Path, split: str, images: int, objects: int, crowds: int, posed: int, captions: int
):
    # Counted with a line of Python over the official files.
    samples = _samples(open_index(Coco(shared_data / "coco", split))).values()
    instances = [instance for sample in samples for instance in sample.instances]
    assert len(samples) == images and len(instances) == objects
    assert sum(instance.crowd for instance in instances) == crowds
    assert sum(bool(instance.joints) for instance in instances) == posed
    assert sum(len(sample.captions) for sample in samples) == captions


@pytest.mark.parametrize("split", ["train2017", "val2017"])
def test_masks_boxes_and_classes_equal_pycocotools(shared_data: Path, split: str):
    folder = shared_data / "coco"
    reference = _pycocotools(folder / f"annotations/instances_{split}.json")
    index = open_index(Coco(folder, split))
    samples = _samples(index)
    assert index.rejects() == []
    assert {int(key) for key in samples} >= set(reference.imgs)
    for image_id, image in reference.imgs.items():
        sample = samples[f"{image_id:012d}"]
        assert (sample.width, sample.height) == (image["width"], image["height"])
        assert sample.image.path.name == image["file_name"]
        annotations = reference.loadAnns(reference.getAnnIds(imgIds=[image_id]))
        assert len(annotations) == len(sample.instances)
        for annotation, instance in zip(annotations, sample.instances, strict=True):
            rle = regions.to_rle(instance.segmentation, sample.height, sample.width)
            np.testing.assert_array_equal(regions.decode(rle), reference.annToMask(annotation))
            assert instance.crowd == bool(annotation["iscrowd"])
            assert instance.category.id == annotation["category_id"]
            assert instance.category.name == reference.cats[annotation["category_id"]]["name"]
            x, y, width, height = annotation["bbox"]
            expected = [x, y, min(x + width, sample.width), min(y + height, sample.height)]
            np.testing.assert_allclose(instance.box_xyxy, expected, atol=1e-6)


@pytest.mark.parametrize("split", ["train2017", "val2017"])
def test_keypoints_equal_the_official_file(shared_data: Path, split: str):
    folder = shared_data / "coco"
    reference = _pycocotools(folder / f"annotations/person_keypoints_{split}.json")
    samples = _samples(open_index(Coco(folder, split)))
    found = {
        (sample_id, tuple(value for joint in instance.joints for value in (joint.x, joint.y, joint.visibility)))
        for sample_id, sample in samples.items()
        for instance in sample.instances
        if instance.joints
    }
    expected = {
        (f"{annotation['image_id']:012d}", tuple(annotation["keypoints"]))
        for annotation in reference.anns.values()
        if annotation["num_keypoints"]
    }
    assert found == expected and expected
    skeletons = {instance.skeleton for sample in samples.values() for instance in sample.instances} - {None}
    (skeleton,) = skeletons
    assert skeleton is not None and len(skeleton.joints) == 17 and len(skeleton.bones) == 19
    assert skeleton.joints[5] == "left shoulder" and (15, 13) in skeleton.bones


def test_captions_equal_the_official_file(shared_data: Path):
    file = shared_data / "coco/annotations/captions_val2017.json"
    annotations = json.loads(file.read_text())["annotations"]
    for key, sample in _samples(open_index(Coco(shared_data / "coco", "val2017"))).items():
        expected = [item["caption"].strip() for item in annotations if item["image_id"] == int(key)]
        assert list(sample.captions) == expected


def test_an_image_without_objects_has_no_class_and_one_with_captions_only_says_nothing(shared_data: Path):
    index = open_index(Coco(shared_data / "coco", "val2017"))
    features = dict(zip(index.ids(), index.features().tolist(), strict=True))
    samples = _samples(index)
    assert features["000000226111"] == Feature.LABELS | Feature.CAPTIONS
    (labels,) = samples["000000226111"].labels
    assert labels.facet == "object" and labels.present == () and len(labels.vocabulary) == 80
    assert features["000000431848"] == Feature.CAPTIONS and samples["000000431848"].labels == ()


def test_every_photograph_of_the_excerpt_is_where_the_sample_says(shared_data: Path):
    samples = _samples(open_index(Coco(shared_data / "coco", "val2017")))
    assert all(sample.image.read().startswith(b"\xff\xd8") for sample in samples.values())


# The layout


def test_a_small_world_by_hand(root: Path):
    index = open_index(Coco(_write(root, "instances", _SMALL)))
    assert list(index.image_keys()) == ["coco/000000000001", "coco/000000000002"]
    first, second = _samples(index).values()
    (dog,) = first.instances
    assert (dog.category.id, dog.category.name, dog.box_xyxy) == (18, "dog", (1, 1, 4, 3))
    rle = regions.to_rle(dog.segmentation, 4, 6)
    expected = np.zeros((4, 6), np.uint8)
    expected[1:3, 1:4] = 1
    np.testing.assert_array_equal(regions.decode(rle), expected)
    assert first.labels[0].present == ("dog",) and second.labels[0].present == ()
    assert first.labels[0].vocabulary == ("dog", "toothbrush")
    assert first.image.path == root / "train2017/000000000001.jpg"


def test_photographs_may_stand_below_images(root: Path):
    _write(root, "instances", _SMALL)
    (root / "images").mkdir()
    (root / "train2017").rename(root / "images/train2017")
    assert open_index(Coco(root)).sample(0).image.path == root / "images/train2017/000000000001.jpg"


@pytest.mark.parametrize("kind", ["instances", "person_keypoints"])
def test_joints_from_either_file(root: Path, kind: str):
    person = {**_OBJECT, "category_id": 1, "keypoints": [2.5, 1, 2, 0, 0, 0], "num_keypoints": 1}
    poses = _small(categories=[_PERSON], annotations=[person])
    _write(root, "person_keypoints", poses)
    if kind == "instances":
        bare = {key: value for key, value in person.items() if "keypoints" not in key}
        _write(root, "instances", _small(categories=[{"id": 1, "name": "person"}], annotations=[bare]))
    index = open_index(Coco(root))
    (found,) = index.sample(0).instances
    assert [(joint.x, joint.y, joint.visibility) for joint in found.joints] == [(2.5, 1, 2), (0, 0, 0)]
    assert found.skeleton is not None and found.skeleton.joints == ("nose", "left eye")
    assert found.skeleton.bones == ((0, 1),) and found.category.name == "person"
    every = Feature.INSTANCES | Feature.BOXES | Feature.KEYPOINTS | Feature.LABELS
    assert index.features().tolist() == [every, Feature.LABELS] and index.rejects() == []


def test_unlabelled_joints_and_crowds_have_none(root: Path):
    persons = [
        {**_OBJECT, "category_id": 1, "keypoints": [0] * 6},
        {**_OBJECT, "id": 6, "category_id": 1, "keypoints": [1, 1, 2, 0, 0, 0], "iscrowd": 1},
    ]
    index = open_index(Coco(_write(root, "person_keypoints", _small(categories=[_PERSON], annotations=persons))))
    assert [instance.joints for instance in index.sample(0).instances] == [(), ()]
    assert not index.features()[0] & Feature.KEYPOINTS


def test_captions_alone_will_do(root: Path):
    sentences = [{"id": 1, "image_id": 2, "caption": " A dog. \n"}, {"id": 2, "image_id": 2, "caption": None}]
    index = open_index(Coco(_write(root, "captions", _small(annotations=sentences))))
    assert index.sample(1).captions == ("A dog.",)
    assert index.features().tolist() == [0, Feature.CAPTIONS]


@pytest.mark.parametrize(
    ("made", "missing"),
    [([], "train2017"), (["annotations"], "train2017"), (["train2017"], "instances_train2017.json")],
)
def test_what_is_missing_is_named_with_the_tree(root: Path, made: list[str], missing: str):
    for name in made:
        (root / name).mkdir()
    with pytest.raises(SourceLayoutError) as caught:
        open_index(Coco(root))
    assert missing in str(caught.value) and str(root) in str(caught.value)
    assert "annotations/person_keypoints_train2017.json" in str(caught.value)


def test_a_wrong_folder(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match="source coco: folder train2017"):
        open_index(Coco(tmp_path / "nowhere"))


def test_an_empty_dataset(root: Path):
    with pytest.raises(SourceLayoutError, match=r"split train2017 in .* holds no images; expected is"):
        open_index(Coco(_write(root, "instances", {"images": [], "annotations": [], "categories": []})))


# Broken annotations


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file(root: Path, kept: float):
    text = json.dumps(_SMALL)
    _write(root, "instances", text[: int(len(text) * kept)])
    with pytest.raises(SourceLayoutError, match=r"instances_train2017\.json is no complete JSON file"):
        open_index(Coco(root))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bbox": [float("nan"), 1, 3, 2]}, "is not four finite numbers"),
        ({"bbox": [1, 1, float("inf"), 2]}, "is not four finite numbers"),
        ({"bbox": [1, 1, 3]}, "is not four finite numbers"),
        ({"bbox": None}, "is not four finite numbers"),
        ({"bbox": ["1", 1, 3, 2]}, "is not four finite numbers"),
        ({"bbox": [1, 1, True, 2]}, "is not four finite numbers"),
        ({"bbox": [1, 1, -3, 2]}, "bbox [1, 1, -3, 2] has no area"),
        ({"bbox": [1, 1, 3, 0]}, "has no area"),
        ({"bbox": [6, 0, 3, 2]}, "bbox [6, 0, 3, 2] lies outside the image of 6x4"),
        ({"bbox": [-5, 1, 5, 2]}, "lies outside the image"),
        ({"segmentation": [[1, 1, 2, 2]]}, "polygon of 4 numbers; at least three points"),
        ({"segmentation": [[1, 1, 2, 2, 3, 3, 4]]}, "polygon of 7 numbers"),
        ({"segmentation": [[1, 1, 4, 1, 4, 3], []]}, "polygon of 0 numbers"),
        ({"segmentation": [[1, 1, 4, 1, 4, float("nan")]]}, "no finite number"),
        ({"segmentation": [[1, 1, 4, 1, 4, 1e9]]}, "polygon lies far outside the image of 6x4"),
        ({"segmentation": [1, 1, 4, 1, 4, 3]}, "polygon of 1 numbers"),
        ({"segmentation": "polygon"}, "segmentation is a str"),
        ({"segmentation": {"size": [4, 6], "counts": [1, 2]}}, "run lengths cover 3 pixels, the image has 24"),
        ({"segmentation": {"size": [4, 6], "counts": [30, -6]}}, "run lengths are not whole numbers"),
        ({"segmentation": {"size": [4, 6], "counts": [1.5, 22.5]}}, "run lengths are not whole numbers"),
        ({"segmentation": {"size": [4, 6]}}, "run lengths are not whole numbers"),
        ({"segmentation": {"size": [6, 4], "counts": [24]}}, "for a size of [6, 4], the image is [4, 6]"),
        ({"segmentation": {"size": [4, 6], "counts": "é"}}, "not ASCII"),
        ({"category_id": 19}, "category id 19 is not in the file's categories"),
        ({"category_id": "18"}, "category id '18' is not in the file's categories"),
        ({"category_id": [18]}, "category id [18]"),
    ],
)  # fmt: skip
def test_a_broken_object_is_rejected_and_the_image_stays(root: Path, changes: dict[str, Any], reason: str):
    index = open_index(Coco(_write(root, "instances", _with_object(**changes))))
    (reject,) = index.rejects()
    assert reject.id == "000000000001.jpg" and reject.reason.startswith("annotation 5: ") and reason in reject.reason
    assert len(index) == 2 and index.sample(0).instances == ()


def test_the_class_of_a_rejected_object_is_not_called_absent(root: Path):
    index = open_index(Coco(_write(root, "instances", _with_object(bbox=None))))
    assert index.sample(0).labels[0].present == ("dog",) and index.sample(1).labels[0].present == ()


def test_a_box_is_clipped_to_the_image(root: Path):
    index = open_index(Coco(_write(root, "instances", _with_object(bbox=[-1, -1, 3, 9]))))
    assert index.sample(0).instances[0].box_xyxy == (0, 0, 2, 4) and index.rejects() == []


@pytest.mark.parametrize(
    ("keypoints", "reason"),
    [
        ([1, 1, 2], "not 2 times three finite numbers"),
        ([1, 1, 2, 1, 1, 3], "visibility other than"),
        ([1, 1, 2, 1, None, 2], "three finite"),
        ("abcdef", "three finite"),
    ],
)
def test_broken_keypoints(root: Path, keypoints: Any, reason: str):
    person = {**_OBJECT, "category_id": 1, "keypoints": keypoints}
    index = open_index(Coco(_write(root, "person_keypoints", _small(categories=[_PERSON], annotations=[person]))))
    assert reason in index.rejects()[0].reason and index.sample(0).instances == ()


def test_keypoints_of_no_object(root: Path):
    pose = {**_OBJECT, "id": 77, "keypoints": [1, 1, 2, 0, 0, 0]}
    _write(root, "person_keypoints", _small(categories=[_PERSON], annotations=[pose, {"id": 3}, 4]))
    index = open_index(Coco(_write(root, "instances", _SMALL)))
    reasons = [f"{reject.id}: {reject.reason}" for reject in index.rejects()]
    assert reasons == [
        "annotation 3: keypoints annotation lacks an id or its keypoints",
        "annotation None: keypoints annotation lacks an id or its keypoints",
        "annotation 77: keypoints annotation has no object of the same id",
    ]


@pytest.mark.parametrize("kind", ["instances", "captions"])
def test_an_annotation_of_no_listed_image(root: Path, kind: str):
    stray = {**_OBJECT, "image_id": 99, "caption": "A dog."}
    index = open_index(Coco(_write(root, kind, _small(annotations=[stray]))))
    (reject,) = index.rejects()
    assert reject.reason == "annotation points to image id 99, which the file does not list"
    assert reject.id == "annotation 5"


@pytest.mark.parametrize("image_id", [None, "1", 1.0, True, 1 << 70, [1]])
def test_an_annotation_without_an_image_id(root: Path, image_id: Any):
    index = open_index(Coco(_write(root, "instances", _with_object(image_id=image_id))))
    assert [reject.reason for reject in index.rejects()] == ["annotation names no image id"]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ({"file_name": "../../etc/passwd"}, "leads out of the dataset's folder"),
        ({"file_name": "/etc/passwd"}, "leads out of the dataset's folder"),
        ({"file_name": "a\0b.jpg"}, "leads out of the dataset's folder"),
        ({"file_name": ""}, "image record lacks"),
        ({"file_name": 3}, "image record lacks"),
        ({"file_name": "\ud800.jpg"}, "image record lacks"),
        ({"width": 0}, "image record lacks"),
        ({"height": -4}, "image record lacks"),
        ({"width": float("nan")}, "image record lacks"),
        ({"width": 1e300}, "image record lacks"),
        ({"width": 6.5}, "image record lacks"),
        ({"id": "3"}, "image record lacks"),
        ({"id": 1 << 64}, "image record lacks"),
        ({"id": 1}, "image id 1 is listed twice; the first, 000000000001.jpg, is used"),
    ],
)
def test_a_broken_image_record(root: Path, image: dict[str, Any], reason: str):
    broken = {"id": 3, "file_name": "000000000003.jpg", "width": 6, "height": 4, **image}
    index = open_index(Coco(_write(root, "instances", _small(images=[*_SMALL["images"], broken, "no record"]))))
    reasons = [reject.reason for reject in index.rejects()]
    assert len(reasons) == 2 and reason in reasons[0] and "image record lacks" in reasons[1]
    assert list(index.ids()) == ["000000000001", "000000000002"]


@pytest.mark.parametrize(
    ("categories", "says"),
    [
        ([{"id": 18}], "has no id and name"),
        ([{"id": "18", "name": "dog"}], "has no id and name"),
        ([{"id": 18, "name": " "}], "has no id and name"),
        (["dog"], "has no id and name"),
        ([{"id": 18, "name": "dog"}, {"id": 18, "name": "cat"}], "two categories have the id 18"),
        ([{**_PERSON, "skeleton": [[1, 3]]}], "skeleton of pairs"),
        ([{**_PERSON, "skeleton": [1]}], "skeleton of pairs"),
        ([{**_PERSON, "keypoints": [None]}], "needs joint names"),
    ],
)
def test_broken_categories_stop_the_run(root: Path, categories: Any, says: str):
    with pytest.raises(SourceLayoutError, match=says) as caught:
        open_index(Coco(_write(root, "instances", _small(categories=categories))))
    assert "instances_train2017.json" in str(caught.value)


# Fuzz


@given(
    counts=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
)
@settings(max_examples=500, deadline=None)
def test_compressed_garbage_is_refused_or_a_mask(counts: str, height: int, width: int):
    try:
        rle = regions.to_rle({"size": [height, width], "counts": counts}, height, width)
    except BadItem:
        return
    mask = regions.decode(rle)
    assert mask.shape == (height, width) and set(np.unique(mask)) <= {0, 1}
    assert mask.sum() == regions.area(rle)


@given(mask=st.lists(st.lists(st.integers(0, 1), min_size=7, max_size=7), min_size=1, max_size=9))
@settings(max_examples=150, deadline=None)
def test_sound_run_lengths_survive(mask: list[list[int]]):
    pixels = np.array(mask, np.uint8)
    height, width = pixels.shape
    stored = regions.to_json(regions.encode(pixels))
    np.testing.assert_array_equal(regions.decode(regions.to_rle(stored, height, width)), pixels)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], pixels.T.ravel()])))
    runs = np.diff(np.concatenate([[0], edges, [pixels.size]])).tolist()
    np.testing.assert_array_equal(regions.decode(regions.to_rle({"counts": runs}, height, width)), pixels)


@pytest.mark.parametrize(
    "segmentation",
    [None, [], "abc", {}, [[]], [[1, 2]], [[1, 2, 3, 4]], [1, 2, 3, 4, 5, 6], [[1, 1, 2, 2, 3, 3], [1]],
     [[float("nan")] * 6], [[1e12] * 6], [["a"] * 6], {"counts": [5]}, {"counts": [12, -1]}, {"counts": [1 << 70]},
     {"counts": "5"}, {"counts": ""}, {"counts": 9}, {"counts": "PPPPP"}],
)  # fmt: skip
def test_regions_refuse_what_pycocotools_would_choke_on(segmentation: Any):
    with pytest.raises(BadItem, match="segmentation cannot be rasterised"):
        regions.to_rle(segmentation, 3, 3)


_MUTATIONS = st.lists(
    st.tuples(st.sampled_from(["flip", "cut", "insert", "swap"]), st.floats(0, 1), st.binary(min_size=1, max_size=6)),
    min_size=1,
    max_size=4,
)
_TOKENS = [b"NaN", b"1e999", b"-1", b"null", b"[]", b"{}", b'"\\ud800"', b"1" * 40, b"true", b'""', b"0.5"]


def _mutate(data: bytes, mutations: list[tuple[str, float, bytes]]) -> bytes:
    for how, where, extra in mutations:
        at = int(where * (len(data) - 1)) if data else 0
        if how == "flip":
            data = data[:at] + bytes([data[at] ^ extra[0]]) + data[at + 1 :] if data else data
        elif how == "cut":
            data = data[:at] + data[at + extra[0] :] if extra[0] < 200 else data[:at]
        elif how == "insert":
            data = data[:at] + extra + data[at:]
        else:  # another value in place of a whole one, so that the file stays JSON
            start = data.rfind(b":", 0, at) + 1
            end = min((stop for stop in (data.find(b",", at), data.find(b"}", at)) if stop > 0), default=len(data))
            data = data[:start] + _TOKENS[extra[0] % len(_TOKENS)] + data[end:]
    return data


@given(mutations=_MUTATIONS, kind=st.sampled_from(["instances", "person_keypoints", "captions"]))
@_FUZZ
def test_mangled_files_give_entries_rejects_or_a_layout_error(
    tmp_path_factory: pytest.TempPathFactory, mutations: list[tuple[str, float, bytes]], kind: str
):
    root = tmp_path_factory.mktemp("coco")
    person = {**_OBJECT, "category_id": 1, "keypoints": [2.5, 1, 2, 0, 0, 0]}
    crowd = {**_OBJECT, "id": 6, "iscrowd": 1, "segmentation": {"size": [4, 6], "counts": [4, 20]}}
    documents = {
        "instances": _small(annotations=[_OBJECT, crowd], categories=[*_SMALL["categories"], _PERSON]),
        "person_keypoints": _small(annotations=[person], categories=[_PERSON]),
        "captions": _small(annotations=[{"id": 1, "image_id": 2, "caption": "A dog."}]),
    }
    for name, document in documents.items():
        _write(root, name, document)
    file = root / f"annotations/{kind}_train2017.json"
    file.write_bytes(_mutate(file.read_bytes(), mutations))
    rejects: list[tuple[str, str]] = []
    try:
        index = open_index(Coco(root))
    except SourceLayoutError:
        return
    rejects += [(reject.id, reject.reason) for reject in index.rejects()]
    assert all(isinstance(text, str) for pair in rejects for text in pair)
    for row in range(len(index)):
        sample = index.sample(row)
        assert isinstance(sample, Sample)
        for instance in sample.instances:
            with contextlib.suppress(BadItem):
                regions.to_rle(instance.segmentation, sample.height, sample.width)


def test_the_excerpt_mangled(shared_data: Path, root: Path):
    """The real file with bytes changed here and there, the same places every time."""
    original = (shared_data / "coco/annotations/person_keypoints_val2017.json").read_bytes()
    draw = np.random.default_rng(11)
    outcomes: set[str] = set()
    _write(root, "person_keypoints", "{}", "val2017")
    for _ in range(25):
        data = bytearray(original)
        for at in draw.integers(0, len(data), draw.integers(1, 4)):
            data[at] = draw.integers(32, 127)
        (root / "annotations/person_keypoints_val2017.json").write_bytes(bytes(data))
        rejects: list[str] = []
        try:
            entries = list(Coco(root, "val2017").scan(lambda item, reason, into=rejects: into.append(reason)))
            assert all(isinstance(entry, Entry) for entry in entries)
            outcomes.add("rejects" if rejects else "entries")
        except SourceLayoutError:
            outcomes.add("layout error")
    assert "layout error" in outcomes and outcomes & {"rejects", "entries"}
