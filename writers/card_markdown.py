"""Text of unknown origin as Markdown that shows it literally."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import quote, urlsplit

_SPECIAL: Final = re.compile(r"[\\`*_{}\[\]#!|~$@]|:(?=//)|(?<=www)\.|^[-+=]|(?<=\d)[.)](?=\s|$)", re.IGNORECASE)
"""What may open markup: emphasis, code, links, tables, mathematics, addresses, headings, and lists at the beginning."""
_BORDER: Final = re.compile(r"(?<!\\)\|")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def escape(text: str) -> str:
    """One line that Markdown shows as it is: no markup, no HTML, no table border, no link."""
    line = _UNPRINTABLE.sub("", " ".join(text.split()))
    for plain, entity in _ENTITIES.items():
        line = line.replace(plain, entity)
    return _SPECIAL.sub(r"\\\g<0>", line)


def paragraphs(text: str) -> list[str]:
    """Text with its paragraphs kept, each escaped; an empty line after each."""
    found = [escape(part) for part in re.split(r"\n\s*\n", text) if part.strip()]
    return [line for part in found for line in (part, "")]


def code(text: str) -> str:
    """An inline code span."""
    plain = _UNPRINTABLE.sub("", " ".join(text.split()))
    fence = "`" * (max(map(len, re.findall("`+", plain)), default=0) + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{pad}{plain}{pad}{fence}"


def link(title: str, address: str) -> str:
    """A link to a web page; the title alone when the address is none."""
    parts = urlsplit(address.strip())
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return escape(title)
    return f"[{escape(title)}]({quote(address.strip(), safe=':/?#@!$&*+,;=%~-._')})"


def fenced(text: str, language: str = "") -> list[str]:
    """A code block that its content cannot close."""
    fence = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    return [f"{fence}{language}", text.rstrip("\n"), fence, ""]


def table(head: Sequence[str], rows: Iterable[Sequence[str | int]], *, right: int = 0) -> list[str]:
    """A table; cells are Markdown already, whole numbers get thousands separators.

    Args:
        head: names of the columns.
        rows: their cells.
        right: so many of the last columns are set to the right.
    """
    marks = ["---"] * (len(head) - right) + ["---:"] * right
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join(marks)}|"]
    for row in rows:
        cells = [f"{cell:,}" if isinstance(cell, int) else _BORDER.sub(r"\|", cell) for cell in row]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]
