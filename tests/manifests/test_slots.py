"""Slot values survive JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.manifests.slots import Legend, Noun, slots_from_json, slots_to_json

_nouns = st.builds(
    Noun,
    st.text(),
    form=st.sampled_from(["definite", "indefinite"]),
    count=st.none() | st.integers(0, 1000),
)
_phrases = st.text() | _nouns
_legends = st.builds(Legend, st.lists(st.tuples(_phrases, st.text())).map(tuple))


def test_by_hand():
    slots = {"color": "red", "object": Noun("dog", count=2), "legend": Legend((("sky", "blue"), (Noun("cat"), "red")))}
    assert slots_to_json(slots) == {
        "color": "red",
        "object": {"name": "dog", "form": "definite", "count": 2},
        "legend": {"legend": [["sky", "blue"], [{"name": "cat", "form": "definite", "count": None}, "red"]]},
    }


@given(st.dictionaries(st.text(), _phrases | _legends))
def test_there_and_back_through_json(slots):
    assert slots_from_json(json.loads(json.dumps(slots_to_json(slots)))) == slots


@pytest.mark.parametrize("value", [5, None, [], {}, {"count": 1}, {"legend": [[3, "red"]]}])
def test_anything_else_is_refused(value):
    with pytest.raises(ValueError, match="is no slot value"):
        slots_from_json({"object": value})


@pytest.mark.parametrize("value", [{"legend": 5}, {"legend": [["dog"]]}, {"name": "dog", "size": 3}])
def test_a_broken_slot_is_refused(value):
    with pytest.raises(ValueError, match="is no slot value"):
        slots_from_json({"object": value})
