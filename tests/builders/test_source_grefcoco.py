"""gRefCOCO, all written in the documented layout: sentences that mean one object, several or none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from taskpaint.builders.index import open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.grefcoco import Grefcoco
from taskpaint.manifests.errors import BadItem, SourceLayoutError

_FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_OBJECTS = {
    "images": [
        {"id": number, "file_name": f"COCO_train2014_{number:012d}.jpg", "width": 6, "height": 4}
        for number in (7, 8, 9)
    ],
    "annotations": [
        {"id": number, "image_id": image, "category_id": 1, "bbox": [1, 1, 3, 2], "segmentation": [[1, 1, 4, 1, 4, 3]]}
        for number, image in ((1, 7), (2, 7), (3, 7), (4, 8))
    ],
    "categories": [{"id": 1, "name": "person"}],
}


def _ref(number: int, means: Any, *sentences: str, **more: Any) -> dict[str, Any]:
    plain = {"ref_id": number, "ann_id": means, "image_id": 7, "split": "train", "no_target": means == [-1]}
    return {**plain, "category_id": [1], "sentences": [{"sent": text, "raw": text} for text in sentences], **more}


def _write(root: Path, refs: Any, name: str = "grefcoco/grefs(unc).json") -> Path:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(refs))
    file.with_name("instances.json").write_text(json.dumps(_OBJECTS))
    (root / "images/train2014").mkdir(parents=True, exist_ok=True)
    return root


def test_several_targets_one_and_none(tmp_path: Path):
    refs = [
        _ref(1, [3, 1], "both men", "the pair"),
        _ref(2, [2], "woman"),
        _ref(3, [-1], "the elephant"),
        _ref(4, [-1], "a ghost", image_id=9),
        _ref(5, [4], "he", split="testB"),
        _ref(6, [2, 2], "woman twice"),
    ]
    index = open_index(Grefcoco(_write(tmp_path, refs)))
    assert index.rejects() == [] and list(index.ids()) == ["000000000007", "000000000009"]
    first, second = index.sample(0), index.sample(1)
    assert [(one.sentences, one.members) for one in first.expressions] == [
        (("both men", "the pair"), (2, 0)),
        (("woman",), (1,)),
        (("the elephant",), ()),
        (("woman twice",), (1,)),
    ]
    assert [(one.sentences, one.members) for one in second.expressions] == [(("a ghost",), ())]
    assert second.instances == () and index.features()[1] == Feature.EXPRESSIONS
    assert index.features()[0] == Feature.INSTANCES | Feature.BOXES | Feature.EXPRESSIONS
    assert list(open_index(Grefcoco(tmp_path, "testB")).ids()) == ["000000000008"]


def test_no_target_counts_whatever_the_list_says(tmp_path: Path):
    index = open_index(Grefcoco(_write(tmp_path, [_ref(1, [], "a ghost", no_target=True)])))
    assert index.sample(0).expressions[0].members == ()


@pytest.mark.parametrize("name", ["grefs(unc).json", "grefcoco/annotations/grefs(unc).json"])
def test_where_the_files_may_stand(tmp_path: Path, name: str):
    assert len(open_index(Grefcoco(_write(tmp_path, [_ref(1, [1], "man")], name)))) == 1


@pytest.mark.parametrize(
    ("ref", "reason"),
    [
        (_ref(9, [-1, 1], "man"), "ref names no annotation id"),
        (_ref(9, [-1], "ghost", image_id=None), "ref means no object and names no image id"),
        (_ref(9, [-1], "ghost", image_id=99), "image id 99 is not in instances.json"),
        (_ref(9, [1, 99], "man"), "annotation 99 is not in instances.json"),
        (_ref(9, [1, 4], "man"), "ref means objects of more than one image"),
        (_ref(9, [1.5], "man"), "ref names no annotation id"),
    ],
)
def test_broken_refs(tmp_path: Path, ref: dict[str, Any], reason: str):
    index = open_index(Grefcoco(_write(tmp_path, [ref, _ref(1, [1], "man")])))
    assert [f"{reject.id}: {reject.reason}" for reject in index.rejects()] == [f"ref 9: {reason}"]
    assert len(index) == 1


def test_missing_and_truncated_files(tmp_path: Path):
    with pytest.raises(SourceLayoutError, match=r"file grefcoco/grefs\(unc\)\.json"):
        open_index(Grefcoco(tmp_path))
    file = _write(tmp_path, [_ref(1, [1], "man")]) / "grefcoco/grefs(unc).json"
    file.write_text(file.read_text()[:-9])
    with pytest.raises(SourceLayoutError, match=r"grefs\(unc\)\.json is no complete JSON file"):
        open_index(Grefcoco(tmp_path))


@given(st.data())
@_FUZZ
def test_changed_files_give_samples_rejects_or_one_error(tmp_path: Path, data: st.DataObject):
    file = _write(tmp_path, [_ref(1, [1, 2], "two"), _ref(2, [-1], "none")]) / "grefcoco/grefs(unc).json"
    whole = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    file.write_bytes(bytes(whole))
    try:
        index = open_index(Grefcoco(tmp_path))
        for row in range(len(index)):
            assert index.sample(row).expressions
    except (SourceLayoutError, BadItem):
        pass
