"""Replies as models give them, well or badly formed."""

from __future__ import annotations

import json

import pytest
from chat_server import completion, paraphrases
from hypothesis import given
from hypothesis import strategies as st
from taskpaint.paraphrase.llm.reading import read_paraphrases, read_verdicts


def reply(content, finish="stop", refusal=None):
    return json.dumps(completion(content, finish, refusal).body)


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ('{"paraphrases": ["a", "b"]}', ["a", "b"]),
        ('```json\n{"paraphrases": ["a"]}\n```', ["a"]),
        ('Here you are:\n{"paraphrases": ["a"]}\nAnything else?', ["a"]),
        ('["a", "b"]', ["a", "b"]),
        ('{"sentences": ["a"]}', ["a"]),
        ('{"paraphrases": ["a \\"b\\"", "c', ['a "b"']),
        ('{"paraphrases": ["a", "b",', ["a", "b"]),
        ("1. a\n2) b\n(3) c", ["a", "b", "c"]),
        ("Sure!\n- a\n* b", ["a", "b"]),
        ("a\n\nb", ["a", "b"]),
        ('{"paraphrases": [" a\\n b ", "\\"c\\"", "“d”"]}', ["a b", "c", "d"]),
    ],
)
def test_sentences_are_found(content, texts):
    found = read_paraphrases(reply(content), 10)
    assert [text for _, text in found.candidates] == texts
    assert found.problems == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no message"),
        ("[]", "holds no message"),
        ('{"choices": []}', "holds no message"),
        ("[" * 100_000, "holds no message"),
        (reply(None), "answered with nothing"),
        (reply("  "), "answered with nothing"),
        (reply(None, refusal="I will not."), "refused to answer"),
        (reply("{}"), "no list of paraphrases"),
        (reply('{"paraphrases": {"a": 1}}'), "no list of paraphrases"),
        (reply('{"paraphrases'), "no list of paraphrases"),
        (reply('{"a": ' * 50_000), "no list of paraphrases"),
        (reply('{"paraphrases": [null]}'), "must be a text"),
        (reply('{"paraphrases": [""]}'), "is empty"),
        (reply(json.dumps({"paraphrases": ["x" * 1001]})), "1,001 characters"),
        (reply(json.dumps({"paraphrases": ["a\x00b"]})), "control characters"),
    ],
)
def test_what_cannot_be_used_is_explained(text, reason):
    found = read_paraphrases(text, 10)
    assert found.candidates == []
    assert len(found.problems) == 1
    assert reason in found.problems[0][1].reason


def test_a_flood_is_cut():
    found = read_paraphrases(json.dumps(paraphrases(*"abcdefg").body), 2)
    assert [text for _, text in found.candidates] == ["a", "b", "c", "d"]
    assert "7 paraphrases came, 2 were asked for" in found.problems[0][1].reason


def test_what_was_cut_off_keeps_its_whole_sentences():
    found = read_paraphrases(reply('{"paraphrases": ["a", "b', finish="length"), 2)
    assert [text for _, text in found.candidates] == ["a"]
    assert "limit of tokens" in found.problems[0][1].reason


@given(st.text(), st.sampled_from(["stop", "length", "content_filter", None]))
def test_no_content_breaks_the_reader(content, finish):
    found = read_paraphrases(reply(content, finish), 5)
    assert all(text == " ".join(text.split()) and text.isprintable() for _, text in found.candidates)
    assert found.candidates or found.problems
    read_verdicts(reply(content, finish), 3)


@given(st.text())
def test_no_reply_breaks_the_reader(text):
    assert read_paraphrases(text, 5).candidates == []


def test_verdicts_are_matched_by_number():
    listed = [
        {"number": 3, "same": True, "reason": ""},
        {"number": 1, "same": False, "reason": " a  square "},
        {"number": 1, "same": True, "reason": "said twice"},
        {"number": "2", "same": True, "reason": ""},
    ]
    first, second, third = read_verdicts(reply(json.dumps({"verdicts": listed})), 3)
    assert (first.same, first.reason) == (False, "a square")
    assert (second.same, second.reason) == (False, "the judge gave no verdict")
    assert third.same
