"""One sentence of an instruction bank: a line of JSON, and what must hold of it."""

from __future__ import annotations

import difflib
import json
import math
import re
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..manifests.errors import TemplateError
from .templates import make_template, slots_in

LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
"""BCP 47, as far as banks need it: en, de, zh-Hant, pt-BR."""
_PATTERNS = {
    "task": re.compile(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*"),
    "section": re.compile(r"[a-z][a-z0-9-]*"),
    "language": LANGUAGE,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One sentence of a bank and where it comes from.

    Attributes:
        text: the sentence, slots in braces.
        task, section: what it asks for.
        slots: names of its slots, in any order.
        language: BCP 47 tag.
        mood: how it speaks ("question", "terse"), as far as known.
        parent: id of the template that it paraphrases; empty when written from nothing.
        model: who wrote it: a model's name, or empty for a person.
        date: ISO 8601, when it was written.
        weight: how often it is drawn beside the others of its section, when weights count; above 0.
        checks: names of the checks that it passed.
    """

    text: str
    task: str
    section: str
    slots: tuple[str, ...]
    language: str = "en"
    mood: str = ""
    parent: str = ""
    model: str = ""
    date: str = ""
    weight: float = 1.0
    checks: tuple[str, ...] = ()

    def to_line(self) -> str:
        """The entry as JSON on one line, without line feed."""
        return json.dumps(asdict(self), ensure_ascii=False)


_FIELDS = tuple(field.name for field in fields(Entry))
_NEEDED = ("text", "task", "section")
_LISTS = ("slots", "checks")


def parse_entry(line: bytes, where: str) -> Entry:
    """Read a line of a bank; slots that it does not name are taken from its text.

    Args:
        line: UTF-8 JSON object.
        where: file and line, for messages.

    Raises:
        TemplateError: it does not hold.
    """
    return _checked(_json_object(line, where), where)


def check_entry(entry: Entry, where: str) -> Entry:
    """The entry with its white space tidied.

    Raises:
        TemplateError: it does not hold; the message begins with `where`.
    """
    return _checked(asdict(entry), where)


def _json_object(line: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as fault:
        raise TemplateError(f"{where}: not UTF-8; save the file as UTF-8.") from fault
    except json.JSONDecodeError as fault:
        raise TemplateError(f"{where}, column {fault.colno}: not JSON: {fault.msg}.") from fault
    except RecursionError as fault:
        raise TemplateError(f"{where}: nested too deeply to be an entry.") from fault
    if not isinstance(value, dict):
        raise TemplateError(f"{where}: a JSON object with {', '.join(_NEEDED)} is needed.")
    return value


def _checked(value: dict[str, Any], where: str) -> Entry:
    """An entry from what a line says, its slots taken from the text when the line names none."""
    for key in value:
        if key not in _FIELDS:
            close = difflib.get_close_matches(key, _FIELDS, n=1)
            remedy = f"did you mean {close[0]!r}" if close else f"keys are {', '.join(_FIELDS)}"
            raise TemplateError(f"{where}: unknown key {key!r}; {remedy}.")
    for key in _NEEDED:
        if key not in value:
            raise TemplateError(f"{where}: {key!r} is missing.")
    found = {key: _typed(key, item, where) for key, item in value.items()}
    found["text"] = " ".join(found["text"].split())
    if not found["text"]:
        raise TemplateError(f"{where}: the text is empty; write a sentence or remove the line.")
    for key, pattern in _PATTERNS.items():
        if not pattern.fullmatch(found.get(key, "en")):
            raise TemplateError(f"{where}: {found[key]!r} cannot be a {key}.")
    used = slots_in(found["text"], where)
    entry = Entry(**{"slots": used, **found})
    make_template(entry.task, entry.section, entry.text, entry.slots, where)
    return entry


def _typed(key: str, value: Any, where: str) -> Any:
    if key == "weight":
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise TemplateError(f"{where}: weight must be a number above 0, not {json.dumps(value)}.")
        return float(value)
    if key in _LISTS:
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            raise TemplateError(f"{where}: {key} must be a list of strings, not {json.dumps(value)}.")
        return tuple(value)
    if not isinstance(value, str):
        raise TemplateError(f"{where}: {key} must be a string, not {json.dumps(value)}.")
    return value
