"""The report on a bank: moods by hand, sizes by hand, a page that holds what it should."""

from __future__ import annotations

import random
from html.parser import HTMLParser

import pytest
from taskpaint.paraphrase.bank_report import bank_report
from taskpaint.paraphrase.mood import MOODS, mood_of
from taskpaint.paraphrase.report_page import report_page
from taskpaint.paraphrase.templates import available_banks, load_bank, parse_bank
from taskpaint.paraphrase.typical import typical_value

BANK = """
[one: object, color]
Paint {object} {color}.
{color} over {object}
Could you paint {object} {color}?
[two]
Please do it.
"""


@pytest.mark.parametrize(
    ("text", "mood"),
    [
        ("Paint {object} {color}.", "imperative"),
        ("Now paint {object} {color}.", "imperative"),
        ("In this photo, paint {object} {color}.", "imperative"),
        ("Could you paint {object} {color}?", "question"),
        ("Where is {object}? Paint it {color}.", "question"),
        ("Could you paint {object} {color}, please?", "polite"),
        ("Would you mind painting {object} {color}?", "polite"),
        ("Hey, can you dye {object} {color} for me?", "chatty"),
        ("Let's get {object} colored {color}.", "chatty"),
        ("I want {object} in {color}.", "wish"),
        ("{color} overlay on {object}", "terse"),
        ("{object} should appear in {color}.", "statement"),
    ],
)
def test_moods(text, mood):
    assert mood_of(text) == mood


def test_other_languages_are_not_told_apart():
    assert mood_of("Male {object} {color} an!", "de") == "other language"
    assert mood_of("Colour {object} {color}", "en-GB") == "imperative"


def test_a_report_by_hand():
    found = bank_report(parse_bank("toy", BANK, "toy"), {"one": ("object", "color"), "two": ()}, len, drawn=40)
    assert (found.templates, found.sections, found.smallest_section) == (4, 2, 1)
    assert found.full_slots == 1
    assert (found.slot_orders, found.orders_possible) == (2, 2)
    assert found.words == (3, 3.5, 5)  # a slot is one word
    assert found.word_bins == [0, 0, 3, 0, 1]
    assert found.moods == {m: 0.25 if m in ("imperative", "terse", "question", "polite") else 0 for m in MOODS}
    # the first and the third of [one] share paint, object, color and two pairs: 5 of 9.
    pair = ("Paint {object} {color}.", "Could you paint {object} {color}?")
    assert found.alike[0] == (pytest.approx(5 / 9), "one", *pair)
    assert found.odd[0][2] == "{color} over {object}"
    assert found.filled == found.baseline  # no section has more than ten templates
    assert found.drawn == 40


def test_a_slot_that_is_missing_lowers_the_share():
    found = bank_report(parse_bank("toy", BANK, "toy"), {"one": ("object", "color"), "two": ("face",)}, drawn=4)
    assert found.full_slots == 0.75
    assert found.most_clip_tokens is None


def test_more_sentences_are_more_varied_than_the_first_ten():
    lines = [f"{letter} paints {letter * 2} {{object}} {letter * 3} like {letter * 4}" for letter in "abcdefghijklmnop"]
    bank = parse_bank("toy", "[one: object]\n" + "\n".join(lines), "toy")
    found = bank_report(bank, {"one": ("object",)}, drawn=200)
    assert found.filled.distinct_2 > found.baseline.distinct_2
    assert found.filled.self_bleu < found.baseline.self_bleu
    same = bank_report(bank[:10], {"one": ("object",)}, drawn=200)
    assert same.baseline == found.baseline


def test_every_slot_that_ships_has_a_typical_value():
    slots = {slot for task in available_banks() for template in load_bank(task) for slot in template.slots}
    draw = random.Random(0)
    assert all(typical_value(slot, draw).strip() for slot in sorted(slots))
    assert len({typical_value("object", draw) for _ in range(200)}) > 40


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.links, self.texts = [], [], []

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br", "line", "circle", "rect", "i"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in ("line", "circle", "rect", "i"):
            return
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_stands_alone_and_shows_text_as_text():
    bank = parse_bank("toy", "[one]\n<script>alert(1)</script> & do it.\n<b>Do that.\nDo this or that.", "toy")
    page = report_page([bank_report(bank, {"one": ()}, drawn=10)], "Banks <mine>")
    parser = _Page()
    parser.feed(page)
    assert not parser.open and not parser.links
    assert "<script" not in page and "Banks &lt;mine&gt;" in page
    assert any("<script>alert(1)</script> & do it." in text for text in parser.texts)
    assert page.count("<svg") == 5  # two comparisons, moods, and two histograms of the task
