"""Grammar of filled candidates."""

import pytest
from taskpaint.paraphrase.checks.sentence import sentence_fault

SLOTS = ("object", "color")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Paint the {object} {color}.", "the {object}"),
        ("Paint all of {object} {color}.", "all of {object}"),
        ("Paint every visible {object} {color}.", "every visible {object}"),
        ("Paint {object}'s body {color}.", "{object}'s"),
        ("Where is {object}? Use {color}.", "is {object}"),
        ("Use {color} where {object} is.", "{object} is"),
        ("{object} gets {color}.", "{object} gets"),
        ("Let {object} becomes {color}.", "{object} becomes"),
        ("Find {object} and paint it {color}.", "paint it"),
        ("Find {object}, then paint them {color}.", "paint them"),
        ("Color the {color} {object} region.", "{object} region"),
        ("Paint {object} the the {color}.", "the the"),
        ("Paint {object}  {color}.", "wo spaces"),
        ("Paint {object} {color} .", "space"),
        ("Paint {object} in ({color}.", "("),
        ('Paint "{object} {color}.', "quotation"),
        ("Paint {object} {color} and", "and"),
        ("Paint {object},, {color}.", ",,"),
        ("pAint {object} {color}.", "pAint"),
    ],
)
def test_grammar_faults(text, word):
    fault = sentence_fault(text, "segmentation", "overlay", SLOTS, "en")
    assert fault is not None and word in fault and fault.endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        "paint {object} {color} plz",
        "Let {object} become {color}.",
        "{object} should turn {color}.",
        "Every pixel of {object} becomes {color}.",
        "Is it possible to have {object} in {color}?",
        "Paint {object} {color} and leave everything else as it is.",
        "A {color} coat on {object}, OpenPose or not (please).",
    ],
)
def test_grammar_that_holds(text):
    assert sentence_fault(text, "segmentation", "overlay", SLOTS, "en") is None


def test_other_languages_get_the_part_without_words():
    assert sentence_fault("Male the the {object} {color}.", "segmentation", "overlay", SLOTS, "de") is None
    assert sentence_fault("Male {object} ({color}.", "segmentation", "overlay", SLOTS, "de") is not None


def test_a_range_follows_from():
    assert "between" in (sentence_fault("Depth between {range} in gray.", "depth", "gray", ("range",), "en") or "")
