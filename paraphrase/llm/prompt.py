"""The words a model is asked with: paraphrases of a template, and a judgement of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .call import Call
from .plan import Request
from .styles import LENGTHS, MOODS, VIEWPOINTS, VOCABULARIES, language_name

_WRITER = """\
You write instructions that people give to a program which turns one picture into another. You get one instruction as \
a template, a description of what exactly the program renders, and the manner to write in. Write paraphrases: other \
sentences with which somebody would ask for exactly that picture.

Rules:
- Every paraphrase holds each slot of the template exactly once, spelled as given, braces included, and no other slot.
- Keep the meaning: the same marks, the same colors, the same things that stay and that change. Add no request, drop \
none, negate nothing.
- Slots are filled in later with singular, plural and mass nouns: no verb or pronoun may have to agree with a slot.
- Each paraphrase is one line of at most 35 words, without quotes around it, numbering or comment, and differs clearly \
from the others in words and in structure.
- Answer with a JSON object {"paraphrases": ["...", "..."]} and nothing else."""

_JUDGE = """\
You compare instructions for a program which turns one picture into another. You get a reference instruction, a \
description of what it renders, and numbered candidates. For each candidate decide whether somebody who follows it to \
the letter would make exactly the described picture: the same marks, colors, things that change and things that stay. \
Wording, tone and spelling mistakes do not matter. Words in braces are slots that are filled in later.

Answer with a JSON object {"verdicts": [{"number": 1, "same": true, "reason": "..."}]} that has one entry for each \
candidate, and nothing else. Give a short reason when `same` is false, else an empty one."""

_PARAPHRASES: Mapping[str, Any] = {
    "type": "object",
    "properties": {"paraphrases": {"type": "array", "items": {"type": "string"}}},
    "required": ["paraphrases"],
    "additionalProperties": False,
}
_VERDICT: Mapping[str, Any] = {
    "type": "object",
    "properties": {"number": {"type": "integer"}, "same": {"type": "boolean"}, "reason": {"type": "string"}},
    "required": ["number", "same", "reason"],
    "additionalProperties": False,
}
_VERDICTS: Mapping[str, Any] = {
    "type": "object",
    "properties": {"verdicts": {"type": "array", "items": _VERDICT}},
    "required": ["verdicts"],
    "additionalProperties": False,
}


def writing_call(request: Request, model: str, sampling: Mapping[str, float | int]) -> Call:
    """Ask for paraphrases."""
    style = request.style
    lines = [
        *_meaning(request),
        "",
        "Existing paraphrases, not to be repeated:",
        *(f"- {one.text}" for one in request.shown),
        "",
        f"Write {request.count} paraphrases in {language_name(request.language)}.",
        f"Manner: {MOODS[style.mood]}.",
        f"Length: {LENGTHS[style.length]}, a slot counting as one.",
        f"Vocabulary: {VOCABULARIES[style.vocabulary]}.",
        f"Viewpoint: a sentence that {VIEWPOINTS[style.viewpoint]}, as far as the manner allows.",
        f"The speaker is {style.persona}; let that color the wording, never the meaning.",
        f"This is request {request.number + 1} about this template; look for wordings that the earlier ones missed.",
    ]
    return Call(model, _messages(_WRITER, lines), "paraphrases", _PARAPHRASES, sampling)


def judging_call(request: Request, candidates: Sequence[str], model: str) -> Call:
    """Ask whether paraphrases mean the same."""
    lines = [*_meaning(request), "", "Candidates:"]
    lines += [f"{number}. {text}" for number, text in enumerate(candidates, start=1)]
    return Call(model, _messages(_JUDGE, lines), "verdicts", _VERDICTS)


def _meaning(request: Request) -> list[str]:
    brief = request.brief
    slots = [f"- {{{slot}}}: {brief.slot_notes.get(slot, 'a word or phrase')}" for slot in brief.slots]
    return [
        f"Template: {request.parent.text}",
        f"What is rendered: {brief.description}",
        *(["Slots:", *slots] if slots else ["The template has no slots."]),
    ]


def _messages(system: str, lines: Sequence[str]) -> tuple[Mapping[str, str], ...]:
    return ({"role": "system", "content": system}, {"role": "user", "content": "\n".join(lines)})


def writing_overhead(count: int) -> int:
    """Characters of JSON around `count` paraphrases."""
    return len(json.dumps({"paraphrases": [""] * count}))
