"""The JSONL bank: reading with line numbers, appending by several writers, torn ends, merging behind what ships."""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.manifests.errors import TemplateError
from taskpaint.paraphrase.bank import BankWriter, Entry, append_entries, merge, read_bank
from taskpaint.paraphrase.templates import load_bank, parse_bank

ENTRY = Entry(
    "Dunk {object} in {color}, später.",
    "segmentation",
    "overlay",
    ("object", "color"),
    mood="chatty",
    parent="segmentation.overlay.0123abcd",
    model="some-model",
    date="2026-10-01",
    weight=2.5,
    checks=("slots", "length"),
)
LINE = '{"text": "Tint {object} {color}", "task": "segmentation", "section": "overlay"}'


def numbered(number):
    return replace(ENTRY, text=f"Paint {{object}} {{color}} {number}")


def test_what_is_appended_is_read_back(tmp_path):
    file = tmp_path / "new" / "bank.jsonl"
    assert append_entries(file, [ENTRY]) == [ENTRY]
    assert append_entries(file, [numbered(1), ENTRY]) == [numbered(1)]
    assert read_bank(file) == [ENTRY, numbered(1)]
    lines = file.read_text("utf-8").splitlines()
    assert [json.loads(line)["weight"] for line in lines] == [2.5, 2.5]
    assert "später" in lines[0]


def test_an_entry_twice_in_one_call_is_written_once(tmp_path):
    assert append_entries(tmp_path / "b.jsonl", [ENTRY, numbered(1), ENTRY]) == [ENTRY, numbered(1)]
    assert read_bank(tmp_path / "b.jsonl") == [ENTRY, numbered(1)]


def test_a_hand_written_line_needs_three_keys(tmp_path):
    file = tmp_path / "b.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + LINE.encode() + b"\r\n\r\n")
    assert read_bank(file) == [Entry("Tint {object} {color}", "segmentation", "overlay", ("object", "color"))]


def test_an_empty_bank_has_no_entries(tmp_path):
    (tmp_path / "b.jsonl").write_text("\n")
    assert read_bank(tmp_path / "b.jsonl") == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[]", "line 2: a JSON object with text, task, section is needed"),
        ('{"text": "x" "task": "t"}', "line 2, column 14: not JSON"),
        ('{"text": "x", "task": "t"}', "line 2: 'section' is missing"),
        ('{"text": "x", "task": "t", "section": "s", "lang": "de"}', "unknown key 'lang'; did you mean 'language'"),
        ('{"text": " ", "task": "t", "section": "s"}', "the text is empty"),
        ('{"text": 3, "task": "t", "section": "s"}', "text must be a string, not 3"),
        ('{"text": "x", "task": "t t", "section": "s"}', "'t t' cannot be a task"),
        ('{"text": "x", "task": "t", "section": "S"}', "'S' cannot be a section"),
        ('{"text": "x", "task": "t", "section": "s", "language": "DE"}', "'DE' cannot be a language"),
        ('{"text": "x", "task": "t", "section": "s", "weight": 0}', "weight must be a number above 0, not 0"),
        ('{"text": "x", "task": "t", "section": "s", "weight": true}', "weight must be a number above 0, not true"),
        ('{"text": "x", "task": "t", "section": "s", "weight": NaN}', "weight must be a number above 0, not NaN"),
        ('{"text": "x", "task": "t", "section": "s", "slots": "object"}', "slots must be a list of strings"),
        ('{"text": "x {a}", "task": "t", "section": "s", "slots": []}', "the slot {a} is not declared by [s]"),
        ('{"text": "x", "task": "t", "section": "s", "slots": ["a"]}', "the slot {a} that [s] declares is missing"),
        ('{"text": "{a} {a}", "task": "t", "section": "s"}', "the slot {a} is used more than once"),
        ('{"text": "x {", "task": "t", "section": "s"}', "write slots as {name}"),
        (LINE, "line 2: line 1 holds the same sentence; remove one"),
    ],
)
def test_a_line_that_does_not_hold_is_named(tmp_path, line, message):
    file = tmp_path / "mine.jsonl"
    file.write_text(f"{LINE}\n{line}\n")
    with pytest.raises(TemplateError) as caught:
        read_bank(file)
    assert str(caught.value).startswith(f"{file}, line 2")
    assert message in str(caught.value)


def test_bytes_that_are_no_text_and_files_that_are_not_there(tmp_path):
    (tmp_path / "b.jsonl").write_bytes(LINE.encode() + b"\n\xff\n")
    with pytest.raises(TemplateError, match=r"b\.jsonl, line 2: not UTF-8"):
        read_bank(tmp_path / "b.jsonl")
    with pytest.raises(TemplateError, match=r"no\.jsonl cannot be read: No such file"):
        read_bank(tmp_path / "no.jsonl")


@given(st.data())
def test_a_torn_end_is_passed_over_and_cut_off(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("bank") / "b.jsonl"
    whole, torn = numbered(1).to_line().encode() + b"\n", ENTRY.to_line().encode()
    file.write_bytes(whole + torn[: data.draw(st.integers(0, len(torn) - 1))])
    assert read_bank(file) == [numbered(1)]
    append_entries(file, [numbered(2)])
    assert file.read_bytes() == whole + numbered(2).to_line().encode() + b"\n"


def test_a_whole_last_line_without_line_feed_is_kept(tmp_path):
    file = tmp_path / "b.jsonl"
    file.write_text(LINE)
    append_entries(file, [ENTRY])
    assert [entry.text for entry in read_bank(file)] == ["Tint {object} {color}", ENTRY.text]


def test_a_mistake_in_the_last_line_is_no_torn_end(tmp_path):
    file = tmp_path / "b.jsonl"
    file.write_text(LINE + '\n{"text": "x" "task": "t"}')
    with pytest.raises(TemplateError, match="line 2, column 14"):
        read_bank(file)


def test_a_writer_sees_what_others_do_to_the_file(tmp_path):
    file = tmp_path / "b.jsonl"
    one, two = BankWriter(file), BankWriter(file)
    assert one.append([numbered(1)]) and two.append([numbered(2)])
    assert one.append([numbered(2)]) == []
    edited = tmp_path / "edited"
    edited.write_text(ENTRY.to_line() + "\n")
    edited.replace(file)  # as an editor saves
    assert one.append([ENTRY, numbered(1)]) == [numbered(1)]
    assert read_bank(file) == [ENTRY, numbered(1)]


def test_what_cannot_be_appended_leaves_the_bank_as_it_was(tmp_path):
    file = tmp_path / "b.jsonl"
    append_entries(file, [ENTRY])
    before = file.read_bytes()
    with pytest.raises(TemplateError, match=r"the slot \{face\} is not declared"):
        append_entries(file, [numbered(1), replace(ENTRY, text="Paint {face}")])
    assert file.read_bytes() == before


def test_a_folder_that_is_in_the_way(tmp_path):
    with pytest.raises(TemplateError, match="cannot be written: Is a directory"):
        append_entries(tmp_path, [ENTRY])


def _write_many(file, first, count):
    writer = BankWriter(file)
    for number in range(first, first + count):
        writer.append([numbered(number)])


def test_writers_at_once_lose_nothing_and_write_nothing_twice(tmp_path):
    file = tmp_path / "b.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_many, args=(file, first, 60)) for first in (0, 30, 60)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    entries = read_bank(file)
    assert sorted(entry.text for entry in entries) == sorted(numbered(n).text for n in range(120))


def test_entries_stand_behind_what_ships():
    shipped = load_bank("segmentation")
    merged = merge(shipped, [ENTRY, replace(ENTRY, task="depth", text="{range}")], "b.jsonl")
    assert merged[:-1] == shipped
    assert merged[-1].text == ENTRY.text
    assert (merged[-1].section, merged[-1].language, merged[-1].weight) == ("overlay", "en", 2.5)
    assert merged[-1].template_id.startswith("segmentation.overlay.")


def test_an_entry_that_ships_already_only_sets_its_weight():
    bank = parse_bank("toy", "[plain]\nDo it.\nDo that.", "toy")
    merged = merge(bank, [Entry("Do it.", "toy", "plain", (), weight=7)], "b.jsonl")
    assert [(one.text, one.weight) for one in merged] == [("Do it.", 7), ("Do that.", 1)]
    assert merged[0].template_id == "toy.plain.c745c0e0"  # blake2b-32 of the text, as for shipped templates


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (Entry("x", "toy", "other", ()), r"task toy has no section \[other\]; its sections are plain"),
        (Entry("x {a}", "toy", "plain", ("a",)), r"the slot {a} is not declared by \[plain\]"),
    ],
)
def test_an_entry_that_does_not_fit_its_section(entry, message):
    with pytest.raises(TemplateError, match=message):
        merge(parse_bank("toy", "[plain]\nDo it.", "toy"), [entry], "b.jsonl")
