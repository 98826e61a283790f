"""What is asked for late, and once."""

from __future__ import annotations

import pickle
from functools import partial

import pytest
from taskpaint.builders.kept import Kept, Late
from taskpaint.builders.sample import FileBytes, Instance, LabelMap, Sample
from taskpaint.manifests.errors import BadItem


def _counting(calls: list[int], answer: tuple[int, ...] = (3, 1, 2)) -> tuple[int, ...]:
    calls.append(1)
    return answer


def test_a_call_is_made_once_and_when_it_is_needed():
    calls: list[int] = []
    kept = Kept(partial(_counting, calls))
    assert calls == [] and kept() is kept() and calls == [1]


def test_what_was_raised_is_raised_again():
    def broken() -> int:
        calls.append(1)
        raise BadItem("no map")

    calls: list[int] = []
    kept = Kept(broken)
    for _ in range(2):
        with pytest.raises(BadItem, match="no map"):
            kept()
    assert calls == [1, 1]


def test_a_late_tuple_is_a_sequence():
    calls: list[int] = []
    late = Late(partial(_counting, calls))
    assert calls == []
    assert len(late) == 3 and list(late) == [3, 1, 2] and late[0] == 3 and late[1:] == (1, 2)
    assert 2 in late and late.index(2) == 2 and late.count(1) == 1
    assert late == (3, 1, 2) and late == Late(partial(_counting, [])) and late != (3, 1)
    assert hash(late) == hash((3, 1, 2)) and repr(late) == "(3, 1, 2)" and calls == [1]
    assert not Late(partial(_counting, [], ()))


def test_both_travel_to_other_processes():
    calls: list[int] = []
    late, kept = Late(partial(_counting, calls)), Kept(partial(_counting, calls))
    assert pickle.loads(pickle.dumps(late)) == (3, 1, 2)
    assert pickle.loads(pickle.dumps(kept))() == (3, 1, 2)


def test_a_label_map_is_read_once():
    calls: list[int] = []
    label_map = LabelMap({}, partial(_counting, calls))  # type: ignore[arg-type]  # any answer is kept
    assert label_map.load() is label_map.load() and calls == [1]


def test_masks_that_are_known_not_to_be_there_are_not_looked_for():
    def broken() -> tuple[Instance, ...]:
        raise BadItem("no map")

    photograph = FileBytes(None)  # type: ignore[arg-type]  # not read here
    assert not Sample("1", photograph, instances=Late(broken), unmasked=True).has_masks
    with pytest.raises(BadItem, match="no map"):
        assert Sample("1", photograph, instances=Late(broken)).has_masks
