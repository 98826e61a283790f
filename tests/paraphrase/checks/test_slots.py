"""Slots of candidates."""

import pytest
from taskpaint.paraphrase.checks.slots import slots_fault

DECLARED = ("object", "color")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "{object}"),
        ("Paint {object} red.", "{color}"),
        ("Paint {object} {colour}.", "{colour}"),
        ("Paint {object} and {object} {color}.", "more than once"),
        ("Paint {object} {color", "expected '}'"),
        ("Paint object} {color}", "'}'"),
        ("Paint {object!r} {color}.", "plain name"),
        ("Paint {object:>9} {color}.", "plain name"),
        ("Paint {} {object} {color}.", "plain name"),
        ("Paint {{object}} {object} {color}.", "braces"),
        ("Paint{object} {color}.", "t{"),
        ("Paint {object} {color}ish.", "}i"),
        ("Paint {object}{color}.", "}{"),
    ],
)
def test_slots_faults(text, word):
    fault = slots_fault(text, DECLARED)
    assert fault is not None and word in fault and fault.endswith(".")


@pytest.mark.parametrize(
    "text", ["Paint {object} {color}.", "({color}) {object}!", "把{object}涂成{color}。", "{object}을 {color}"]
)
def test_slots_that_hold(text):
    assert slots_fault(text, DECLARED) is None


def test_a_section_without_slots():
    assert slots_fault("Denoise this.", ()) is None
    assert "none" in (slots_fault("Denoise {object}.", ()) or "")
