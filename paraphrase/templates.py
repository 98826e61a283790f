"""Template banks: the sentences that ask for a task, with named slots.

A bank is one text file, templates/<task>.txt, UTF-8:

    # blank lines and lines that start with "#" are skipped
    [overlay: object, color]
    Paint {object} {color}.
    Could you color {object} in {color}, please?

`[section: slot, slot]` opens a section and declares its slots; `[section]` declares none. Every other line
is one template, which uses each declared slot exactly once and no other. Values that are noun phrases come
with their article and may be singular or plural, so no verb in a template may have to agree with them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib import resources
from string import Formatter

from ..manifests.errors import TemplateError
from .grammar import article

_HEADER = re.compile(r"\[\s*([a-z][a-z0-9-]*)\s*(?::\s*(.*?)\s*)?\]")
_SLOT = re.compile(r"[a-z][a-z_]*")
_ARTICLE_BEFORE_SLOT = re.compile(r"\b([Aa])n? $")
_SENTENCE_START = re.compile(r"(?:^|[.!?] )[\"']?$")


@dataclass(frozen=True, slots=True)
class Template:
    """One sentence with slots.

    Attributes:
        template_id: task, section and a hash of the text.
        task, section: what it asks for.
        text: the sentence.
        slots: in the order they stand in the text.
        language: BCP 47 tag.
        weight: how often it is drawn beside the others of its section, when weights count.
    """

    template_id: str
    task: str
    section: str
    text: str
    slots: tuple[str, ...]
    language: str = "en"
    weight: float = 1.0


def available_banks() -> tuple[str, ...]:
    """The tasks that ship with a bank, in alphabetical order."""
    names = (entry.name for entry in resources.files(__package__).joinpath("templates").iterdir())
    return tuple(sorted(name.removesuffix(".txt") for name in names if name.endswith(".txt")))


@cache
def load_bank(task: str, text: str = "") -> tuple[Template, ...]:
    """The bank that ships for a task, or the one in `text`, read once.

    Raises:
        TemplateError: no bank for this task, or a line of it does not hold.
    """
    if text:
        return parse_bank(task, text, f"templates of task {task}")
    if task not in available_banks():
        raise TemplateError(
            f"There is no template bank for the task {task!r}; the banks are {', '.join(available_banks())}."
        )
    file = resources.files(__package__).joinpath("templates", f"{task}.txt")
    return parse_bank(task, file.read_text(encoding="utf-8"), f"{task}.txt")


def parse_bank(task: str, text: str, origin: str) -> tuple[Template, ...]:
    """Read a bank.

    Args:
        task: the task the bank is for; becomes part of every template's id.
        text: the file's content.
        origin: the file's name, for messages.

    Raises:
        TemplateError: with file and line: a line that is no header and no template, a slot that is missing,
            used twice or not declared, a section or sentence that is there already, an empty section or bank.
    """
    bank: list[Template] = []
    sections: dict[str, tuple[str, ...]] = {}
    first_line_of: dict[str, int] = {}
    section_name = ""
    for number, raw_line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        line = " ".join(raw_line.split())
        where = f"{origin}, line {number}"
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            _check_not_empty(bank, section_name, where)
            section_name, slots = _parse_header(line, where)
            if section_name in sections:
                raise TemplateError(f"{where}: the section [{section_name}] is there already; merge the two.")
            sections[section_name] = slots
            continue
        if not section_name:
            raise TemplateError(f"{where}: a template stands outside any section; open a [section] above it.")
        if line in first_line_of:
            raise TemplateError(f"{where}: line {first_line_of[line]} holds the same template; remove one.")
        first_line_of[line] = number
        bank.append(make_template(task, section_name, line, sections[section_name], where))
    _check_not_empty(bank, section_name, f"{origin}, end of file")
    if not bank:
        raise TemplateError(f"{origin} holds no templates; add a [section: slots] line and sentences.")
    return tuple(bank)


def section(bank: Sequence[Template], name: str) -> tuple[Template, ...]:
    """The templates of one section, in the bank's order.

    Raises:
        TemplateError: the bank has no such section.
    """
    found = tuple(template for template in bank if template.section == name)
    if not found:
        names = ", ".join(dict.fromkeys(template.section for template in bank))
        raise TemplateError(f"The template bank has no section [{name}]; its sections are {names or 'none'}.")
    return found


def fill(template: Template, values: Mapping[str, str]) -> str:
    """The sentence with its slots filled.

    "a" or "an" right before a slot follows the value's sound, a value that opens a sentence gets a capital
    letter, and runs of white space become one space. Braces inside a value are left alone.

    Raises:
        ValueError: a slot without a value, an empty value, or a value without a slot; names the slot.
    """
    _check_values(template, values)
    sentence = ""
    for literal, slot, _, _ in Formatter().parse(template.text):
        sentence += literal
        if slot is None:
            continue
        value = " ".join(values[slot].split())
        if found := _ARTICLE_BEFORE_SLOT.search(sentence):
            sentence = f"{sentence[: found.end(1)]}{article(value)[1:]} "
        if _SENTENCE_START.search(sentence):
            value = value[0].upper() + value[1:]
        sentence += value
    return " ".join(sentence.split())


def draw_template(bank_section: Sequence[Template], draw: random.Random) -> Template:
    """One template, each with the same chance, the first and the last included.

    Raises:
        ValueError: nothing to draw from.
    """
    if not bank_section:
        raise ValueError("There are no templates to draw from; pass a section of a bank.")
    return bank_section[draw.randrange(len(bank_section))]


def make_template(
    task: str,
    section: str,
    text: str,
    declared: Sequence[str],
    where: str,
    language: str = "en",
    weight: float = 1.0,
) -> Template:
    """One template, its slots checked.

    Args:
        task, section, text, language, weight: of the template.
        declared: the slots that it must use, each once, and no other.
        where: file and line, for messages.

    Raises:
        TemplateError: a slot that is missing, used twice or not declared.
    """
    slots = slots_in(text, where)
    for slot in dict.fromkeys(slots):
        if slot not in declared:
            raise TemplateError(f"{where}: the slot {{{slot}}} is not declared by [{section}].")
        if slots.count(slot) > 1:
            raise TemplateError(f"{where}: the slot {{{slot}}} is used more than once; use it once.")
    for slot in declared:
        if slot not in slots:
            raise TemplateError(f"{where}: the slot {{{slot}}} that [{section}] declares is missing.")
    digest = blake2b(text.encode("utf-8"), digest_size=4).hexdigest()
    return Template(f"{task}.{section}.{digest}", task, section, text, slots, language, weight)


def slots_in(text: str, where: str) -> tuple[str, ...]:
    """The slots of a sentence in their order; `where` names file and line in messages.

    Raises:
        TemplateError: braces that do not match, or a slot that is no plain name.
    """
    try:
        pieces = list(Formatter().parse(text))
    except ValueError as error:
        raise TemplateError(f"{where}: {error}; write slots as {{name}}.") from error
    slots = []
    for _, slot, format_spec, conversion in pieces:
        if slot is None:
            continue
        if format_spec or conversion or not _SLOT.fullmatch(slot):
            raise TemplateError(f"{where}: a slot must be a plain name like {{object}}, found {{{slot}}}.")
        slots.append(slot)
    return tuple(slots)


def _check_values(template: Template, values: Mapping[str, str]) -> None:
    for slot in template.slots:
        if not values.get(slot, "").strip():
            raise ValueError(f"Template {template.template_id} needs a value for its slot {{{slot}}}.")
    for name in values:
        if name not in template.slots:
            raise ValueError(f"Template {template.template_id} has no slot {{{name}}}; leave that value out.")


def _check_not_empty(bank: Sequence[Template], section_name: str, where: str) -> None:
    if section_name and (not bank or bank[-1].section != section_name):
        raise TemplateError(f"{where}: the section [{section_name}] has no templates; add some or remove it.")


def _parse_header(line: str, where: str) -> tuple[str, tuple[str, ...]]:
    match = _HEADER.fullmatch(line)
    if match is None:
        raise TemplateError(f"{where}: {line!r} is no section header; write [name] or [name: slot, slot].")
    slots = tuple(slot.strip() for slot in match[2].split(",")) if match[2] is not None else ()
    for slot in slots:
        if not _SLOT.fullmatch(slot):
            raise TemplateError(f"{where}: {slot!r} cannot name a slot; use lower-case letters and _.")
    if len(set(slots)) < len(slots):
        raise TemplateError(f"{where}: the header names a slot twice; name each slot once.")
    return match[1], slots
