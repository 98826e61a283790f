"""Template banks: the file format, filling, drawing, and the sentences that ship."""

import random
import re
from collections import Counter
from itertools import combinations, product

import pytest
from taskpaint.manifests.errors import TaskpaintError, TemplateError
from taskpaint.paraphrase.templates import (
    Template,
    available_banks,
    draw_template,
    fill,
    load_bank,
    parse_bank,
    section,
)

SECTIONS = {
    "segmentation": {
        "overlay": {"object", "color"},
        "overlay-many": {"legend"},
        "mask": {"object", "color"},
        "mask-many": {"legend"},
    },
    "keypoints": {
        "disc": {"joint", "color"},
        "disc-many": {"legend"},
        "ring": {"joint", "color"},
        "ring-many": {"legend"},
    },
    "detection": {
        "outline": {"object", "color"},
        "outline-many": {"legend"},
        "filled": {"object", "color"},
        "filled-many": {"legend"},
    },
    "oriented_boxes": {
        "outline": {"object", "color"},
        "outline-many": {"legend"},
        "filled": {"object", "color"},
        "filled-many": {"legend"},
    },
    "lanes": {
        **{"photo-each": {"colors"}, "photo-one": {"color"}},
        **{"black-each": {"colors"}, "black-one": {"color"}},
    },
    "depth": {"gray": {"range"}, "colormap": {"colormap", "range"}, "metric": {"ramp"}},
    "classification": {"fill": {"category", "yes", "no"}, "border": {"category", "yes", "no"}},
    "referring": {
        "overlay": {"expression", "color"},
        "overlay-many": {"legend"},
        "mask": {"expression", "color"},
        "mask-many": {"legend"},
    },
    "parts": {
        "overlay": {"part", "color"},
        "overlay-many": {"legend"},
        "mask": {"part", "color"},
        "mask-many": {"legend"},
    },
    "semantic": {"map": {"legend", "background"}},
    "panoptic": {"legend": {"legend", "background"}, "free": {"background"}},
    "entities": {"map": {"background"}},
    "instances": {"map": {"object", "background"}},
    "foreground": {"mask": set(), "cutout": {"background"}},
    "edges": {
        "regions": {"width", "lines", "background"},
        "objects": {"object", "width", "lines", "background"},
    },
    "restoration": {
        **{kind: set() for kind in ("blur", "noise", "rain", "snow", "haze", "watermark", "compression")},
        **{kind: set() for kind in ("low-resolution", "low-light", "gray", "moire", "defect")},
        "upscale": {"factor"},
    },
    "inpainting": {"hole": {"color"}, "frame": {"color"}},
    "inverse": {
        **{"mask": {"legend"}, "depth": {"range"}, "boxes": {"legend"}, "edges": set()},
        **{"mask-caption": {"legend", "caption"}, "depth-caption": {"range", "caption"}},
        **{"boxes-caption": {"legend", "caption"}, "edges-caption": {"caption"}},
    },
    "adaptation": {
        "patches": {"caption"},
        "circle": {"caption", "object", "color"},
        "tint": {"caption", "object", "color"},
    },
    "normals": {"map": {"axes"}},
    "depth_order": {"nearer": {"first", "second", "color"}, "farther": {"first", "second", "color"}},
    "skeleton": {"black": {"object"}, "photo": {"object"}},
    "counting": {"dots": {"object", "color"}},
    "face_alignment": {"photo": {"face", "legend"}, "black": {"face", "legend"}},
}
LEGEND = "the dog in red, all three cats in sky blue, the grass in orange and all the scissors in white"
VALUES = {
    "object": (
        "the dog",
        "all three chests of drawers",
        "the grass",
        "the scissors",
        "every American bulldog",
    ),
    "category": ("a dog", "an hourglass", "grass", "scissors", "an orange"),
    "joint": ("the left shoulder", "the person's nose", "every visible left wrist"),
    "color": ("red", "orange", "sky blue", "indigo"),
    "yes": ("green", "orange"),
    "no": ("indigo", "white"),
    "legend": (LEGEND, "the left shoulder in red and the nose in blue"),
    "range": ("0 m in black to 10 m in white", "nearest to farthest"),
    "colormap": ("turbo", "inferno"),
    "colors": ("red, green, blue, yellow, magenta",),
    "ramp": ("black, red, yellow, green, cyan, blue, magenta, white",),
    "expression": ("left guy", "orange", "the bigger of the two elephants", "man's hat", "seat without person on it"),
    "part": ("every wheel of a car", "all left arms", "the roof"),
    "background": ("black", "orange", "white"),
    "lines": ("white", "black"),
    "width": ("1 pixel", "3 pixels"),
    "caption": ("A dog runs across a lawn", "the interior of an old kitchen"),
    "first": ("red", "orange"),
    "second": ("indigo", "white"),
    "axes": ("red = left, green = up, blue = toward the camera, with gray for unknown",),
    "face": ("the face", "the leftmost face"),
    "factor": ("2x", "8x"),
}
ALL_TEMPLATES = [template for task in SECTIONS for template in load_bank(task)]
STOP_WORDS = {
    "a", "an", "and", "as", "at", "be", "by", "can", "could", "for", "from", "if", "in", "is", "it", "its",
    "me", "of", "on", "or", "so", "that", "the", "this", "to",
}  # fmt: skip
WRONG_ARTICLE = re.compile(r"\b[Aa] (?!uniform|unique|unified)[aeiouAEIOU]|\b[Aa]n [^aeiouhAEIOUH8]")

BANK = """
# a comment
[overlay: object, color]
Paint {object} {color}.
Give {object} a {color} coat.

[plain]
Do it.
"""


def bank_of(text):
    return parse_bank("toy", text, "toy.txt")


def one(text, slots):
    return bank_of(f"[only: {', '.join(slots)}]\n{text}")[0]


def all_fillings(template):
    for values in product(*(VALUES[slot] for slot in template.slots)):
        yield fill(template, dict(zip(template.slots, values, strict=True)))


def test_parse_bank():
    bank = bank_of(BANK)
    assert [(template.section, template.slots) for template in bank] == [
        ("overlay", ("object", "color")),
        ("overlay", ("object", "color")),
        ("plain", ()),
    ]
    assert [template.text for template in section(bank, "plain")] == ["Do it."]


def test_template_ids_depend_on_the_text_alone():
    # printf 'Do it.' | b2sum --length 32
    assert bank_of(BANK)[2].template_id == "toy.plain.c745c0e0"
    assert bank_of("[plain]\nAnother.\nDo it.")[1].template_id == "toy.plain.c745c0e0"


def test_byte_order_mark_and_windows_line_ends_are_read():
    assert bank_of("\ufeff" + BANK.replace("\n", "\r\n")) == bank_of(BANK)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("Paint it.", 1, "outside any section"),
        ("[a b]\nx", 1, "no section header"),
        ("[Overlay: color]\nx", 1, "no section header"),
        ("[overlay: color", 1, "no section header"),
        ("[overlay: color,]\n{color}", 1, "cannot name a slot"),
        ("[overlay:]\nx", 1, "cannot name a slot"),
        ("[overlay: color, color]\n{color}", 1, "names a slot twice"),
        ("[a]\nx\n[a]\ny", 3, "there already"),
        ("[a]\nx\n\nx", 4, "line 2 holds the same template"),
        ("[a]\nx y\n[b]\nx  y", 4, "line 2 holds the same template"),
        ("[a]\n[b]\nx", 2, r"\[a\] has no templates"),
        ("[a: color]\nPaint {color", 2, "write slots as"),
        ("[a: color]\nPaint color}", 2, "write slots as"),
        ("[a: color]\nPaint {}", 2, "plain name"),
        ("[a: color]\nPaint {0}", 2, "plain name"),
        ("[a: color]\nPaint {color!r}", 2, "plain name"),
        ("[a: color]\nPaint {color:>9}", 2, "plain name"),
        ("[a: color]\nPaint {color.name}", 2, "plain name"),
        ("[a: color]\nPaint {colour}", 2, r"\{colour\} is not declared"),
        ("[a: color]\nPaint {color} {color}", 2, "more than once"),
        ("[a: color, object]\nPaint {color}", 2, r"\{object\} that \[a\] declares is missing"),
    ],
)
def test_a_bad_bank_is_refused_with_its_line(text, line, message):
    with pytest.raises(TemplateError, match=f"^toy.txt, line {line}: .*{message}"):
        bank_of(text)


@pytest.mark.parametrize("text", ["", "# only a comment\n"])
def test_an_empty_bank_is_refused(text):
    with pytest.raises(TaskpaintError, match=r"^toy\.txt holds no templates"):
        bank_of(text)


def test_a_section_without_templates_at_the_end_is_refused():
    with pytest.raises(TemplateError, match=r"end of file: the section \[b\] has no templates"):
        bank_of("[a]\nx\n[b]\n")


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(TemplateError, match=r"no section \[blur\]; its sections are overlay, plain"):
        section(bank_of(BANK), "blur")
    with pytest.raises(TemplateError, match=r"'\.\./secrets'; the banks are .*depth"):
        load_bank("../secrets")


@pytest.mark.parametrize(
    ("text", "value", "sentence"),
    [
        ("Use a {slot} dot.", "orange", "Use an orange dot."),
        ("Use an {slot} dot.", "red", "Use a red dot."),
        ("A {slot} dot.", "indigo", "An indigo dot."),
        ("An {slot} dot.", "red", "A red dot."),
        ("{slot} first.", "the dog", "The dog first."),
        ("First. {slot} next.", "the dog", "First. The dog next."),
        ("First: {slot}", "the dog", "First: the dog"),
        ("Vitamin {slot} has a dot.", "orange", "Vitamin orange has a dot."),
        ("Extra {slot}.", "orange", "Extra orange."),
        ("Paint {slot}.", "  the   old\ndog ", "Paint the old dog."),
        ("Paint {slot}.", "the {odd} \\1 dog", "Paint the {odd} \\1 dog."),
    ],
)
def test_fill(text, value, sentence):
    assert fill(one(text, ["slot"]), {"slot": value}) == sentence


def test_fill_names_the_wrong_slot():
    template = bank_of(BANK)[0]
    with pytest.raises(ValueError, match=r"needs a value for its slot \{color\}"):
        fill(template, {"object": "the dog"})
    with pytest.raises(ValueError, match=r"needs a value for its slot \{object\}"):
        fill(template, {"object": " ", "color": "red"})
    with pytest.raises(ValueError, match=r"has no slot \{size\}"):
        fill(template, {"object": "the dog", "color": "red", "size": "big"})


def test_draws_are_uniform_and_reach_the_first_and_the_last():
    bank = section(load_bank("depth"), "gray")
    draw = random.Random(3)
    rounds = 500
    counts = Counter(draw_template(bank, draw).template_id for _ in range(rounds * len(bank)))
    # Binomial with mean 500, standard deviation 22: six deviations.
    assert all(abs(counts[template.template_id] - rounds) < 6 * 22 for template in bank)


def test_nothing_to_draw_from():
    with pytest.raises(ValueError, match="no templates"):
        draw_template((), random.Random(0))


def main_sections(task):
    """What most users get: the sections of a task's default options."""
    if task == "restoration":
        return {"blur", "noise", "rain", "watermark", "low-resolution"}
    return {next(iter(SECTIONS[task]))}


def test_the_shipped_banks_have_the_sections_that_the_tasks_ask_for():
    assert set(SECTIONS) <= set(available_banks())
    for task, sections in SECTIONS.items():
        bank = load_bank(task)
        assert {template.section for template in bank} == set(sections)
        for name, slots in sections.items():
            found = section(bank, name)
            assert len(found) >= (60 if name in main_sections(task) else 40), (task, name)
            assert all(set(template.slots) == slots for template in found)


def test_no_two_shipped_templates_share_id_or_text():
    assert len({template.template_id for template in ALL_TEMPLATES}) == len(ALL_TEMPLATES)
    # The same sentence with another slot would ask for two different pictures.
    texts = Counter(re.sub(r"\{\w+\}", "{}", template.text).lower() for template in ALL_TEMPLATES)
    assert [text for text, count in texts.items() if count > 1] == []


def content_words(template: Template) -> set[str]:
    words = re.findall(r"[a-z']+", re.sub(r"\{\w+\}", "", template.text.lower()))
    return set(words) - STOP_WORDS


@pytest.mark.parametrize(("task", "name"), [(task, name) for task in SECTIONS for name in SECTIONS[task]])
def test_a_section_has_no_near_duplicates(task, name):
    for left, right in combinations(section(load_bank(task), name), 2):
        shared, union = content_words(left) & content_words(right), content_words(left) | content_words(right)
        assert len(shared) < 0.8 * len(union), (left.text, right.text)


@pytest.mark.parametrize("task", SECTIONS)
def test_filled_sentences_are_well_formed(task):
    for template in load_bank(task):
        for sentence in all_fillings(template):
            assert "  " not in sentence
            assert sentence == sentence.strip()
            assert sentence[0].isalnum()
            assert sentence[-1] in ".?" or sentence[-1].isalpha()
            assert not re.search(r"[{}]| [.,;:?!]|[.,;:?!]{2}", sentence), sentence
            assert not WRONG_ARTICLE.search(sentence), sentence
            assert not re.search(r"\b(a|an|the) (a|an|the|all|every|each)\b", sentence), sentence
            assert sentence.count("(") == sentence.count(")")


def test_lengths_leave_room_for_the_values():
    # CLIP reads 77 tokens: 28 words of our own and the longest legend (20 words) stay below 60.
    for template in ALL_TEMPLATES:
        own_words = len(re.sub(r"\{\w+\}", "", template.text).split())
        assert own_words <= (22 if template.slots in (("legend",), ("ramp",)) else 28), template.text
        assert max(len(sentence.split()) for sentence in all_fillings(template)) <= 44


def test_lengths_and_openings_vary():
    for task, sections in SECTIONS.items():
        for name in sections:
            found = section(load_bank(task), name)
            lengths = [len(template.text.split()) for template in found]
            assert min(lengths) <= 6, name
            assert max(lengths) >= 14, name
            assert any("?" in template.text for template in found)
            assert any(not template.text.endswith((".", "?")) for template in found)
            # A few are written as people type, without capitals.
            assert sum(template.text[0].islower() for template in found) <= 0.1 * len(found), name
            openings = Counter(template.text.split()[0].lower() for template in found)
            assert openings.most_common(1)[0][1] <= 4


def test_american_spelling_and_no_agreement_traps():
    # A value may be singular or plural, so no form of "be" or "have" may follow a noun-phrase slot.
    trap = re.compile(r"\{(object|joint|category|legend|part)\}('s| is| are| has| have| was| were| appears?)\b")
    for template in ALL_TEMPLATES:
        assert not re.search(r"colour|grey|centre|metre\b|metres", template.text, re.IGNORECASE)
        assert not trap.search(template.text), template.text
        assert not re.search(r"\b(there is|there are|is there|are there)\b", template.text, re.IGNORECASE)
