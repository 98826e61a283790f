"""A phrase that names one of several objects is true of it and of no other."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taskpaint.builders.geometry import Geometry
from taskpaint.builders.sample import Category, FileBytes, Instance, Sample
from taskpaint.builders.subjects.naming import name_one_of
from taskpaint.builders.view import View
from taskpaint.manifests.errors import NotApplicable
from taskpaint.manifests.images import ImageHeader
from taskpaint.manifests.slots import Noun

DOG = Category(1, "dog")
SIZE = (200, 100)


def _view(geometry=None):
    sample = Sample("1", FileBytes(None, b"x"), *SIZE)
    return View(sample, b"", ImageHeader("PNG", "RGB", *SIZE), geometry or Geometry.native(SIZE))


def _dogs(*boxes, crowd=False):
    return [Instance(DOG, tuple(map(float, box)), crowd=crowd) for box in boxes]


def _phrases(dogs, position=0, geometry=None):
    """Everything that an object may be called, over many draws."""
    names = set()
    for seed in range(30):
        noun = name_one_of(dogs[position], dogs, _view(geometry), random.Random(seed))
        assert (noun.form, noun.count) == ("definite", 1)
        names.add(noun.name)
    return names


def test_an_only_one_needs_no_more_words():
    dogs = _dogs((0, 0, 10, 10))
    assert name_one_of(dogs[0], dogs, _view(), random.Random(0)) == Noun("dog", count=1)


ROW = [(0, 0, 10, 10), (40, 0, 50, 10), (80, 0, 90, 10), (120, 0, 130, 10), (160, 0, 170, 10), (190, 0, 200, 10)]


@pytest.mark.parametrize(
    ("count", "position", "name"),
    [
        (2, 0, "leftmost dog"),
        (2, 1, "rightmost dog"),
        (3, 1, "second dog from the left"),
        (6, 2, "third dog from the left"),
        (6, 3, "fourth dog from the left"),
        (6, 5, "rightmost dog"),
    ],
)
def test_by_place(count, position, name):
    assert _phrases(_dogs(*ROW[:count]), position) == {name}


def test_the_fifth_has_no_name():
    with pytest.raises(NotApplicable, match="no phrase tells one dog from the others"):
        _phrases(_dogs(*ROW), 4)


def test_by_size():
    # 20x20 is four times 10x10; their centres are 1 pixel apart, too near for left and right
    dogs = _dogs((90, 0, 110, 20), (96, 40, 106, 50))
    assert _phrases(dogs, 0) == {"largest dog"}
    with pytest.raises(NotApplicable):
        _phrases(dogs, 1)


def test_by_place_or_by_size():
    assert _phrases(_dogs((0, 0, 40, 40), (100, 0, 110, 10))) == {"leftmost dog", "largest dog"}


def test_hardly_larger_is_not_largest():
    # 1.7 times as large
    with pytest.raises(NotApplicable):
        _phrases(_dogs((90, 0, 107, 10), (93, 40, 103, 50)))


def test_an_order_that_people_may_see_otherwise_is_not_used():
    # centres 7 pixels apart, less than 4 % of 200: which is second, which is third?
    dogs = _dogs((0, 0, 10, 10), (50, 0, 60, 10), (57, 20, 67, 30), (150, 0, 160, 10))
    for position in (1, 2):
        with pytest.raises(NotApplicable):
            _phrases(dogs, position)
    assert _phrases(dogs, 0) == {"leftmost dog"}


def test_twins_before_it_leave_an_object_uncounted():
    # two dogs that lie over each other at the left: is the last one second or third?
    dogs = _dogs((0, 0, 10, 10), (1, 20, 11, 30), (50, 0, 60, 10), (150, 0, 160, 10))
    with pytest.raises(NotApplicable):
        _phrases(dogs, 2)


@pytest.mark.parametrize("crowd_position", [0, 1])
def test_beside_a_crowd_nothing_is_certain(crowd_position):
    dogs = _dogs((0, 0, 10, 10), (100, 0, 110, 10))
    dogs[crowd_position] = _dogs((0, 0, 10, 10), crowd=True)[0]
    with pytest.raises(NotApplicable, match="beside a crowd region"):
        _phrases(dogs)


def test_only_what_is_shown_counts():
    dogs = _dogs((0, 0, 10, 10), (60, 0, 70, 10), (160, 0, 170, 10))
    right_half = Geometry(SIZE, (50, 0, 200, 100), (150, 100), (0, 0), (150, 100))
    assert _phrases(dogs[1:], 0, right_half) == {"leftmost dog"}
    assert _phrases(dogs, 1, right_half) == {"leftmost dog"}


def test_an_object_without_a_box_may_be_anywhere():
    dogs = [*_dogs((0, 0, 10, 10), (100, 0, 110, 10)), Instance(DOG)]
    with pytest.raises(NotApplicable):
        _phrases(dogs)


boxes = st.tuples(st.integers(0, 150), st.integers(0, 60), st.integers(2, 50), st.integers(2, 40)).map(
    lambda drawn: (drawn[0], drawn[1], drawn[0] + drawn[2], drawn[1] + drawn[3])
)


@settings(max_examples=300)
@given(st.lists(boxes, min_size=2, max_size=6), st.integers(0, 100))
def test_a_phrase_is_true_of_one_alone(places, seed):
    dogs = _dogs(*places)
    try:
        name = name_one_of(dogs[0], dogs, _view(), random.Random(seed)).name
    except NotApplicable:
        return
    centres = [(box[0] + box[2]) / 2 for box in places]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in places]
    ordered = sorted(centres)
    meant = {
        "leftmost dog": lambda n: centres[n] == ordered[0],
        "rightmost dog": lambda n: centres[n] == ordered[-1],
        "second dog from the left": lambda n: centres[n] == ordered[1],
        "third dog from the left": lambda n: centres[n] == ordered[2],
        "fourth dog from the left": lambda n: centres[n] == ordered[3],
        "largest dog": lambda n: areas[n] == max(areas),
    }[name]
    assert [n for n in range(len(dogs)) if meant(n)] == [0]
