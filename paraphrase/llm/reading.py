"""From a server's reply to sentences: tolerant of how models answer, and every oddity gets its reason."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_LONGEST_ANSWER = 200_000
_LONGEST_SENTENCE = 1000
_FENCE = re.compile(r"^\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*$", re.DOTALL)
_LIST_MARK = re.compile(r"^\s*(?:[-*•]|\(?\d{1,3}[.):])\s+")
_QUOTES = {'"': '"', "“": "”", "«": "»", "„": "“", "「": "」"}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an answer, or a piece of it, holds nothing usable. text: the piece, shortened."""

    reason: str
    text: str = ""


@dataclass
class Reading:
    """What was read of one answer.

    Attributes:
        candidates: sentences, white space tidied, with their positions in the answer.
        problems: what could not be used, with its position; -1 for the answer as a whole.
    """

    candidates: list[tuple[int, str]] = field(default_factory=list)
    problems: list[tuple[int, Problem]] = field(default_factory=list)


def read_paraphrases(reply: str, wanted: int) -> Reading:
    """The sentences of a reply to `prompt.writing_call`.

    Args:
        reply: a chat completion's JSON.
        wanted: how many were asked for; twice as many are read at most.
    """
    found = Reading()
    content = _content(reply, found)
    if content is None:
        return found
    value = _json_in(content)
    if value is None:
        pieces: list[Any] = list(_whole_strings(content) or _lines(content))
    else:
        pieces = _array_in(value, "paraphrases")
    if not pieces:
        found.problems.append((-1, Problem("the answer holds no list of paraphrases", content[:200])))
    for position, piece in enumerate(pieces):
        if position >= 2 * wanted:
            found.problems.append(
                (-1, Problem(f"{len(pieces)} paraphrases came, {wanted} were asked for; rest left out"))
            )
            break
        sentence = _sentence(piece)
        if isinstance(sentence, Problem):
            found.problems.append((position, sentence))
        else:
            found.candidates.append((position, sentence))
    return found


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judge's word. same: whether the meaning is kept; reason: why not."""

    same: bool
    reason: str


def read_verdicts(reply: str, count: int) -> list[Verdict]:
    """The verdicts of a reply to `prompt.judging_call`, one a candidate; a missing one counts against the candidate."""
    found = Reading()
    content = _content(reply, found)
    value = _json_in(content) if content is not None else None
    by_number: dict[int, Verdict] = {}
    for one in _array_in(value, "verdicts"):
        if isinstance(one, dict) and isinstance(one.get("same"), bool) and isinstance(one.get("number"), int):
            reason = " ".join(str(one.get("reason") or "no reason given").split())[:300]
            by_number.setdefault(one["number"], Verdict(one["same"], reason))
    why = found.problems[0][1].reason if found.problems else "the judge gave no verdict"
    return [by_number.get(number, Verdict(False, why)) for number in range(1, count + 1)]


def _content(reply: str, found: Reading) -> str | None:
    """The message's text; None, with a problem noted, when there is none."""
    try:
        choice = json.loads(reply)["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason")
        content, refusal = message.get("content"), message.get("refusal")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        found.problems.append((-1, Problem("the reply holds no message", reply[:200])))
        return None
    if isinstance(refusal, str) and refusal:
        found.problems.append((-1, Problem("the model refused to answer", refusal[:200])))
        return None
    if finish == "content_filter":
        found.problems.append((-1, Problem("the server's content filter cut the answer off", str(content or "")[:200])))
    if finish == "length":
        found.problems.append((-1, Problem("the answer was cut off at the limit of tokens")))
    if not isinstance(content, str) or not content.strip():
        found.problems.append((-1, Problem("the model answered with nothing")))
        return None
    return content[:_LONGEST_ANSWER]


def _json_in(content: str) -> Any:
    """The JSON value that a text is or has in it, in a fence or after some words; None without."""
    fenced = _FENCE.match(content)
    text = fenced[1] if fenced else content
    for start in (0, text.find("{"), text.find("[")):
        if start >= 0:
            try:
                value, _ = json.JSONDecoder().raw_decode(text[start:].lstrip())
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict | list):
                return value
    return None


def _array_in(value: Any, name: str) -> list[Any]:
    """The list: under its name, under the only name there is, or bare."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return []
    if isinstance(value.get(name), list):
        return list(value[name])
    lists = [one for one in value.values() if isinstance(one, list)]
    return list(lists[0]) if len(lists) == 1 else []


def _whole_strings(content: str) -> list[str]:
    """The complete strings of a JSON list that breaks off."""
    start = content.find("[", max(0, content.find('"paraphrases"')))
    if start < 0 or "{" not in content[:start]:
        return []
    found, place = [], start + 1
    decoder = json.JSONDecoder()
    while match := re.compile(r'[\s,]*(?=")').match(content, place):
        try:
            value, place = decoder.raw_decode(content, match.end())
        except ValueError:
            break
        found.append(value)
    return found


def _lines(content: str) -> Iterator[str]:
    """Numbered or bulleted lines, or all of them where none is."""
    if content.lstrip().startswith(("{", "[", "```")):
        return  # broken JSON; its lines are no sentences
    lines = [line for line in content.splitlines() if line.strip()]
    marked = [line for line in lines if _LIST_MARK.match(line)]
    for line in marked or lines:
        yield _LIST_MARK.sub("", line)


def _sentence(piece: Any) -> str | Problem:
    if not isinstance(piece, str):
        return Problem("a paraphrase must be a text", json.dumps(piece, ensure_ascii=False)[:200])
    text = " ".join(piece.split())
    if len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
        text = text[1:-1].strip()
    if not text:
        return Problem("the paraphrase is empty")
    if len(text) > _LONGEST_SENTENCE:
        return Problem(f"the paraphrase has {len(text):,} characters", text[:200])
    if not text.isprintable():
        return Problem("the paraphrase holds control characters", ascii(text)[:200])
    return text
