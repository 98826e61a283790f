"""Changes of meaning: each reason names the words."""

import pytest
from taskpaint.paraphrase.checks.meaning import meaning_fault
from taskpaint.paraphrase.checks.polarity import polarity_fault
from taskpaint.paraphrase.checks.vocabulary import load_vocabulary
from taskpaint.paraphrase.templates import available_banks, load_bank


def test_the_vocabulary_knows_every_section_that_ships():
    assert {f"{one.task}.{one.section}" for task in available_banks() for one in load_bank(task)} == set(
        load_vocabulary().sections
    )


def test_sections_allow_only_families_there_are():
    for name, section in load_vocabulary().sections.items():
        assert section.allows <= set(load_vocabulary().families), name
        assert section.negation in ("strict", "loose", "free"), name


@pytest.mark.parametrize(
    ("section", "text", "word"),
    [
        ("segmentation.overlay", "Do not paint {object} {color}.", "do not paint"),
        ("segmentation.overlay", "Paint everything but {object} {color}.", "but {object}"),
        ("segmentation.overlay", "Paint {object} {color}, not red.", "red"),
        ("segmentation.overlay", "Put a {color} square on {object}.", "square"),
        ("segmentation.overlay", "Paint {object} {color} and blur the rest.", "blur"),
        ("segmentation.overlay", "Paint the largest of {object} {color}.", "largest"),
        ("segmentation.overlay", "Fill {color} with {object}.", "wrong way round"),
        ("segmentation.mask", "Show {object} in {color}.", "black"),
        ("segmentation.mask", "Show {object} in black on {color}.", "black"),
        ("detection.outline", "Draw filled {color} boxes on {object}.", "filled"),
        ("detection.filled", "Outline {object} with {color} boxes.", "outline"),
        ("keypoints.disc", "Draw a {color} ring around {joint}.", "ring"),
        ("keypoints.ring", "Put a solid {color} circle on {joint}.", "solid"),
        ("depth_order.nearer", "Ring the farther of {first} and {second} in {color}.", "farther"),
        ("restoration.noise", "Add noise to this photo.", "add noise"),
        ("restoration.noise", "Never denoise this.", "never"),
        ("inverse.mask", "Turn this photo into a label map: {legend}.", "photo"),
    ],
)
def test_meanings_refused(section, text, word):
    task, _, name = section.partition(".")
    fault = meaning_fault(text, task, name)
    assert fault is not None and word in fault and fault.endswith(".")


@pytest.mark.parametrize(
    ("section", "text"),
    [
        ("segmentation.overlay", "Paint {object} {color}, and don't change anything else."),
        ("segmentation.overlay", "Leave the rest untouched and paint {object} {color}, right up to the edges."),
        ("segmentation.mask", "Black out everything except {object}, and fill that with {color}."),
        ("detection.outline", "Box {object} in {color}, not filled."),
        ("keypoints.ring", "Circle {joint} in {color}, no fill please."),
        ("keypoints.disc-many", "Put filld cirlces on these: {legend}."),
        ("depth.metric", "Metric, not relative depth, near to far: {ramp}."),
    ],
)
def test_meanings_that_hold(section, text):
    task, _, name = section.partition(".")
    assert meaning_fault(text, task, name) is None


def test_a_section_nobody_described_is_left_alone():
    assert meaning_fault("Do not paint anything.", "my_task", "my-section") is None


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("_yes_ if it shows _category_, else _no_", True),
        ("_no_ if it shows _category_, else _yes_", False),
        ("if _category_ can be seen, use _no_; otherwise use _yes_", False),
        ("turn it _no_, unless it shows _category_; in that case _yes_", True),
        ("turn it _yes_ unless _category_ can be seen, in which case _no_", False),
        ("with _category_ in it, output _yes_; without, output _no_", True),
        ("with _category_ in it, output _no_; without, output _yes_", False),
    ],
)
def test_yes_goes_with_presence(text, holds):
    assert (polarity_fault(text) is None) == holds
