"""Which classes are drawn together: by hand, and against trying one after the other."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from taskpaint.builders.subjects.together import larger_first, pick_together


class _Class(NamedTuple):
    name: str


def _picked(drawables, wanted, clashes):
    """Names of the picks, the reason, and what was tried; two of the classes in `clashes` cannot both be read."""
    tried = []

    def are_read(picks, added):
        names = [one.name for one in picks]
        tried.append((names, added))
        return not any(set(pair) <= set(names) for pair in clashes)

    picks, reason = pick_together((one if " " in one else _Class(one) for one in drawables), wanted, are_read)
    return [one.name for one in picks], reason, tried


def test_the_first_are_tried_all_at_once():
    assert _picked(["cat", "is small", "dog", "cow"], 2, []) == (["cat", "dog"], "is small", [(["cat", "dog"], None)])


def test_one_after_the_other_where_that_fails():
    picks, reason, tried = _picked(["cat", "dog", "is small", "cow", "hen"], 2, [("cat", "dog")])
    assert picks == ["cat", "cow"] and reason == "is small"
    assert tried == [(["cat", "dog"], None), (["cat"], 0), (["cat", "cow"], 1)]  # no set twice
    assert _picked(["cat", "dog"], 2, [("cat", "dog")])[1].startswith("the boxes of class dog cannot be told apart")


def test_a_single_one_is_tried_once():
    assert _picked(["cat", "dog"], 1, [("cat",)]) == (
        ["dog"],
        "the boxes of class cat cannot be told apart once they are drawn",
        [(["cat"], None), (["dog"], 0)],
    )


def test_fewer_than_wanted():
    assert _picked([], 2, []) == ([], "", [])
    assert _picked(["is small"], 2, []) == ([], "is small", [])
    assert _picked(["cat"], 3, []) == (["cat"], "", [(["cat"], None)])


@given(
    st.permutations(["cat", "dog", "cow", "hen", "is small"]),
    st.integers(1, 4),
    st.lists(st.sampled_from([("cat", "dog"), ("dog", "cow"), ("hen",), ("cat", "hen"), ("cow", "hen")]), max_size=4),
)
def test_the_same_as_one_after_the_other(drawables, wanted, clashes):
    """Where what cannot be read together cannot be read with others either."""
    expected = []
    for name in drawables:
        together = {*expected, name}
        if " " not in name and len(expected) < wanted and not any(set(pair) <= together for pair in clashes):
            expected.append(name)
    assert _picked(drawables, wanted, clashes)[0] == expected


def test_larger_boxes_are_drawn_first():
    """Of equal ones those of the earlier class."""
    assert larger_first([[3, 9], [], [5, 3]], float) == ([9, 5, 3, 3], [0, 2, 0, 2])
    assert larger_first([], float) == ([], [])
