"""The whole suite: what ships passes, and the labelled list is told apart."""

import json
from collections import Counter
from pathlib import Path

import pytest
from taskpaint.paraphrase.checks.checker import CHECKS, Checker
from taskpaint.paraphrase.checks.refusal import Refusal
from taskpaint.paraphrase.templates import available_banks, load_bank, section

LABELLED = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "labelled_paraphrases.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("task", available_banks())
def test_every_template_that_ships_passes(task):
    checkers: dict[str, Checker] = {}
    for template in load_bank(task):
        checker = checkers.setdefault(template.section, Checker(task, template.section, template.slots))
        assert checker.refusal(template.text) is None, template.text
        checker.accept(template.text)


def _refusal(case):
    slots = section(load_bank(case["task"]), case["section"])[0].slots
    checker = Checker(case["task"], case["section"], slots, accepted=case.get("accepted", ()))
    return checker.refusal(case["text"])


def test_the_labelled_list_is_large_and_covers_all_tasks():
    assert len(LABELLED) >= 240
    assert {case["task"] for case in LABELLED} == set(available_banks())
    assert min(Counter((case["half"], case["good"]) for case in LABELLED).values()) >= 60
    assert len({(case["task"], case["section"], case["text"]) for case in LABELLED}) == len(LABELLED)


def test_the_labelled_list_is_told_apart():
    bad = [case for case in LABELLED if not case["good"]]
    good = [case for case in LABELLED if case["good"]]
    missed = [case["text"] for case in bad if _refusal(case) is None]
    refused = [(case["text"], reason) for case in good if (reason := _refusal(case)) is not None]
    assert len(missed) <= 0.05 * len(bad), missed
    assert len(refused) <= 0.03 * len(good), refused


def test_the_first_failing_check_is_named():
    checker = Checker("segmentation", "overlay", ("object", "color"), accepted=["Paint {object} {color}."])
    refusal = checker.refusal("paint {object} {color}")
    assert isinstance(refusal, Refusal) and refusal.check == "duplicate" and "Paint {object} {color}." in refusal.reason
    for text, check in [
        ("", "shape"),
        ("Paint {object}.", "slots"),
        ("Paint the {object} {color}.", "grammar"),
        ("Erase {object} with {color}.", "meaning"),
        ("Paint {object} {color}, " + "a, b, c, d, e, f, g, h, i, j, " * 4 + "now.", "tokens"),
    ]:
        refusal = checker.refusal(text)
        assert refusal is not None and refusal.check == check, (text, refusal)


def test_accepted_texts_are_remembered():
    checker = Checker("segmentation", "overlay", ("object", "color"))
    assert checker.refusal("Paint {object} {color}.") is None
    checker.accept("Paint {object} {color}.")
    assert checker.refusal("Paint {object} {color}!") is not None


def test_other_languages_and_sections_say_that_meaning_was_not_checked():
    assert Checker("segmentation", "overlay", ("object", "color")).passed_checks() == CHECKS
    german = Checker("segmentation", "overlay", ("object", "color"), "de")
    assert "meaning" not in german.passed_checks()
    assert german.refusal("Male {object} bitte in {color} an.") is None
    assert "meaning" not in Checker("my_task", "mine", ("thing",)).passed_checks()
