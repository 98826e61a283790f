"""RefCOCO: the real excerpt of RefCOCOg against the standard library, then files in the documented layout."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from taskpaint.builders.index import open_index
from taskpaint.builders.masks import regions
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.refcoco import Refcoco, RefcocoOptions
from taskpaint.manifests.errors import BadItem, SourceLayoutError

_FUZZ = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def annotation(number: int, image: int, **more: Any) -> dict[str, Any]:
    corners = [[1, 1, 4, 1, 4, 3, 1, 3]]
    plain = {"id": number, "image_id": image, "category_id": 18, "bbox": [1, 1, 3, 2], "segmentation": corners}
    return {**plain, "iscrowd": 0, **more}


def instances(*annotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    images = [
        {"id": number, "file_name": f"COCO_train2014_{number:012d}.jpg", "width": 6, "height": 4} for number in (7, 8)
    ]
    names = [{"id": 18, "name": "dog"}, {"id": 90, "name": "toothbrush"}]
    return {"images": images, "annotations": list(annotations), "categories": names, **more}


def ref(number: int, means: Any, *sentences: str, **more: Any) -> dict[str, Any]:
    said = [{"sent": text, "raw": text.upper(), "tokens": text.split(), "sent_id": 0} for text in sentences]
    return {"ref_id": number, "ann_id": means, "image_id": 7, "split": "train", "sentences": said, **more}


def _write(root: Path, refs: Any, objects: Any, name: str = "refcoco/refs(unc).p") -> Path:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(refs if isinstance(refs, bytes) else pickle.dumps(refs, 2))
    file.with_name("instances.json").write_text(json.dumps(objects))
    (root / "images/train2014").mkdir(parents=True, exist_ok=True)
    return root


_OBJECTS = instances(annotation(1, 7), annotation(2, 7, category_id=90, iscrowd=1), annotation(3, 8))


def test_the_excerpt_equals_an_independent_reading(shared_data: Path, capsys: pytest.CaptureFixture[str]):
    folder = shared_data / "refcocog"
    reference = COCO(str(folder / "instances.json"))
    with (folder / "refs(google).p").open("rb") as file:
        refs = pickle.load(file)  # ours, and looked through: plain values only
    index = open_index(Refcoco(folder, "val"))
    assert index.rejects() == [] and len(index) == 3
    for row in range(len(index)):
        sample = index.sample(row)
        image = reference.imgs[int(sample.id)]
        assert index.key_and_id(row)[0] == f"coco/{image['id']:012d}"
        assert (sample.width, sample.height) == (image["width"], image["height"])
        assert sample.image.read().startswith(b"\xff\xd8")
        annotations = reference.loadAnns(reference.getAnnIds(imgIds=[image["id"]]))
        assert [one.category.id for one in sample.instances] == [item["category_id"] for item in annotations]
        for item, one in zip(annotations, sample.instances, strict=True):
            mask = regions.decode(regions.to_rle(one.segmentation, sample.height, sample.width))
            np.testing.assert_array_equal(mask, reference.annToMask(item))
        meant = [item for item in refs if item["image_id"] == image["id"]]
        assert [said.sentences for said in sample.expressions] == [(item["sentences"][0]["sent"],) for item in meant]
        numbers = [[annotations[place]["id"] for place in said.members] for said in sample.expressions]
        assert numbers == [[item["ann_id"]] for item in meant]
    bear = index.sample(list(index.ids()).index("000000353072"))
    assert bear.expressions[0].sentences == ("a baby polar bear standing next to it ' s mother",)
    assert bear.instances[bear.expressions[0].members[0]].category.name == "bear"


def test_a_small_world_by_hand(tmp_path: Path):
    """Written in the documented layout: three refs on two photographs, all objects of which are given."""
    refs = [
        ref(10, 1, "small dog", "left dog", "small dog", "  "),
        ref(11, 3, "dog", file_name="COCO_train2014_000000000007_3.jpg"),  # the ref's own image is not to be trusted
        ref(12, 2, "many brushes"),
        ref(13, 1, "held out", split="testA"),
    ]
    index = open_index(Refcoco(_write(tmp_path, refs, _OBJECTS)))
    assert index.rejects() == [] and list(index.ids()) == ["000000000007", "000000000008"]
    assert list(index.image_keys()) == ["coco/000000000007", "coco/000000000008"]
    first, second = index.sample(0), index.sample(1)
    assert [(one.category.name, one.crowd) for one in first.instances] == [("dog", False), ("toothbrush", True)]
    assert first.instances[0].box_xyxy == (1, 1, 4, 3)
    said = [(one.sentences, one.members) for one in first.expressions]
    assert said == [(("small dog", "left dog"), (0,)), (("many brushes",), (1,))]
    assert [(one.sentences, one.members) for one in second.expressions] == [(("dog",), (0,))]
    assert second.image.path == tmp_path / "images/train2014/COCO_train2014_000000000008.jpg"
    every = Feature.INSTANCES | Feature.BOXES | Feature.EXPRESSIONS
    assert index.features().tolist() == [every, every]
    held_out = open_index(Refcoco(tmp_path, "testA"))
    assert list(held_out.ids()) == ["000000000007"] and held_out.source.held_out_as() == "test"


def test_a_raw_sentence_will_do(tmp_path: Path):
    refs = [ref(1, 1, sentences=[{"raw": "LEFT Dog "}, {"sent": None}, "dog", {"sent": " ", "raw": "Rex"}])]
    sample = open_index(Refcoco(_write(tmp_path, refs, _OBJECTS))).sample(0)
    assert sample.expressions[0].sentences == ("LEFT Dog", "Rex")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("refcoco/refs(google).p", {"split_by": "google"}),
        ("refcoco/refs(google).p", {}),
        ("refcoco+/refs(unc).p", {"dataset": "refcoco+"}),
        ("refcocog/refs(umd).p", {"dataset": "refcocog"}),
        ("refcocog/annotations/refs(umd).p", {"dataset": "refcocog"}),
        ("refs(unc).p", {}),
        ("annotations/refs(unc).p", {}),
    ],
)
def test_where_the_files_may_stand(tmp_path: Path, name: str, options: dict[str, Any]):
    _write(tmp_path, [ref(1, 1, "dog")], _OBJECTS, name)
    assert len(open_index(Refcoco(tmp_path, options=RefcocoOptions(**options)))) == 1


def test_the_dataset_is_what_the_folder_is_called(tmp_path: Path):
    root = tmp_path / "refcocog"
    _write(root, [ref(1, 1, "google")], _OBJECTS, "refs(google).p")
    _write(root, [ref(1, 1, "maryland")], _OBJECTS, "refs(umd).p")
    assert open_index(Refcoco(root)).sample(0).expressions[0].sentences == ("maryland",)
    google = open_index(Refcoco(root, options=RefcocoOptions(split_by="google")))
    assert google.sample(0).expressions[0].sentences == ("google",)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("images/mscoco/images/train2014", "COCO_train2014_000000000007.jpg"),
        ("mscoco/train2014", "COCO_train2014_000000000007.jpg"),
        ("train2017", "000000000007.jpg"),
    ],
)
def test_where_the_photographs_may_stand(tmp_path: Path, folder: str, name: str):
    _write(tmp_path, [ref(1, 1, "dog")], _OBJECTS)
    (tmp_path / "images/train2014").rmdir()
    (tmp_path / "images").rmdir()
    (tmp_path / folder).mkdir(parents=True)
    assert open_index(Refcoco(tmp_path)).sample(0).image.path == tmp_path / folder / name


def test_photographs_elsewhere(tmp_path: Path):
    root, elsewhere = _write(tmp_path / "refer", [ref(1, 1, "dog")], _OBJECTS), tmp_path / "coco/train2017"
    with pytest.raises(SourceLayoutError, match=r"coco/train2017 is missing; correct the option `images`"):
        open_index(Refcoco(root, options=RefcocoOptions(images=str(elsewhere))))
    elsewhere.mkdir(parents=True)
    sample = open_index(Refcoco(root, options=RefcocoOptions(images=str(elsewhere)))).sample(0)
    assert sample.image.path == elsewhere / "000000000007.jpg"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ann_id": 99}, "annotation 99 is not in instances.json"),
        ({"ann_id": None}, "ref names no annotation id"),
        ({"ann_id": "1"}, "ref names no annotation id"),
        ({"ann_id": []}, "ref names no annotation id"),
        ({"ann_id": 4}, "an object that it means cannot be used"),
        ({"ann_id": [1, 3]}, "ref means objects of more than one image"),
        ({"sentences": []}, "ref has no sentence"),
        ({"sentences": None}, "ref has no sentence"),
        ({"sentences": [{"sent": "\ud800"}]}, "ref has no sentence"),
        ({"split": None}, "ref names no split"),
    ],
)
def test_a_broken_ref_is_rejected_and_the_others_stay(tmp_path: Path, changes: dict[str, Any], reason: str):
    objects = instances(*_OBJECTS["annotations"], annotation(4, 7, bbox=[1, 1, 0, 2]))
    broken = {**ref(55, 1, "dog"), **changes}
    index = open_index(Refcoco(_write(tmp_path, [broken, ref(1, 1, "dog")], objects)))
    assert f"ref 55: {reason}" in [f"{reject.id}: {reject.reason}" for reject in index.rejects()]
    assert len(index) == 1 and len(index.sample(0).expressions) == 1


def test_what_is_no_ref(tmp_path: Path):
    index = open_index(Refcoco(_write(tmp_path, [None, "ref", 3, [], ref(1, 1, "dog")], _OBJECTS)))
    assert [reject.id for reject in index.rejects()] == [f"ref at position {number}" for number in range(4)]


def test_a_split_that_is_not_there(tmp_path: Path):
    root = _write(tmp_path, [ref(1, 1, "dog"), ref(2, 1, "dog", split="val")], _OBJECTS)
    with pytest.raises(SourceLayoutError, match=r"refs\(unc\)\.p has no split testB; choose one of train, val"):
        open_index(Refcoco(root, "testB"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"categories": [{"id": 18}]}, "has no id and name"),
        ({"categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}, "two categories have the id 1"),
    ],
)
def test_broken_categories(tmp_path: Path, change: dict[str, Any], says: str):
    with pytest.raises(SourceLayoutError, match=says):
        open_index(Refcoco(_write(tmp_path, [ref(1, 1, "dog")], {**_OBJECTS, **change})))


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "", None])
def test_photographs_stay_inside(tmp_path: Path, name: Any):
    images = [{"id": 7, "file_name": name, "width": 6, "height": 4}, _OBJECTS["images"][1]]
    refs = [ref(1, 1, "dog"), ref(2, 3, "dog")]
    index = open_index(Refcoco(_write(tmp_path, refs, {**_OBJECTS, "images": images})))
    assert list(index.ids()) == ["000000000008"] and len(index.rejects()) == 2
    with pytest.raises(BadItem, match="leads out"):
        index.source.sample("1", {"file": "../secret.jpg", "size": [6, 4], "objects": [], "said": []})


def test_what_is_missing_is_named_with_the_tree(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match=r"file refcoco/refs\(unc\)\.p .*is missing"):
        open_index(Refcoco(tmp_path))
    _write(tmp_path, [ref(1, 1, "dog")], _OBJECTS)
    (tmp_path / "images/train2014").rename(tmp_path / "elsewhere")
    (tmp_path / "images").rmdir()
    with pytest.raises(SourceLayoutError, match=r"folder images/train2014 (.|\n)*the option `images`"):
        open_index(Refcoco(tmp_path))
    (tmp_path / "refcoco/instances.json").unlink()
    (tmp_path / "train2014").mkdir()
    with pytest.raises(SourceLayoutError, match=r"file refcoco/instances\.json is missing"):
        open_index(Refcoco(tmp_path))


def test_a_pickle_that_calls_code_is_refused(tmp_path: Path):
    class Harm:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    with pytest.raises(SourceLayoutError, match=r"refs\(unc\)\.p is refused: it asks for \w+\.system"):
        open_index(Refcoco(_write(tmp_path, [Harm()], _OBJECTS)))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("value", [{}, "refs", None])
def test_a_pickle_of_something_else(tmp_path: Path, value: Any):
    with pytest.raises(SourceLayoutError, match="not a list of refs"):
        open_index(Refcoco(_write(tmp_path, value, _OBJECTS)))


def test_refs_that_contain_themselves(tmp_path: Path):
    circle = ref(1, 1, "dog")
    circle["ann_id"] = circle["image_id"] = circle["split"] = loop = []
    loop.append(loop)
    other = ref(2, [loop], "dog", ref_id=loop)
    index = open_index(Refcoco(_write(tmp_path, [circle, other, ref(3, 1, "dog")], _OBJECTS)))
    assert len(index) == 1 and len(index.rejects()) == 2


@given(st.data())
@_FUZZ
def test_changed_files_give_samples_rejects_or_one_error(tmp_path: Path, data: st.DataObject):
    _write(tmp_path, [ref(1, 1, "small dog", "left dog"), ref(2, 3, "dog")], _OBJECTS)
    file = tmp_path / "refcoco" / data.draw(st.sampled_from(["refs(unc).p", "instances.json"]))
    whole = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    file.write_bytes(bytes(whole))
    try:
        index = open_index(Refcoco(tmp_path))
        for row in range(len(index)):
            sample = index.sample(row)
            places = [place for said in sample.expressions for place in said.members]
            assert all(0 <= place < len(sample.instances) for place in places) and sample.expressions
    except (SourceLayoutError, BadItem):
        pass
