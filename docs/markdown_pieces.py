"""Small pieces of Markdown for the generated pages."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel

WIDTH = 110
"""Columns of generated text; fixed, so that no terminal changes a page."""


def heading(level: int, text: str) -> str:
    """A heading with a blank line after it."""
    return f"{'#' * level} {text}\n\n"


def paragraph(text: str) -> str:
    """Text of any layout as wrapped paragraphs, each with a blank line after it."""
    blocks = ("\n".join(textwrap.wrap(" ".join(block.split()), WIDTH)) for block in text.split("\n\n"))
    return "".join(f"{block}\n\n" for block in blocks if block)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a blank line after it; no rows, no table."""
    lines = [_row(cells) for cells in rows]
    return "\n".join([_row(head), "|" + "---|" * len(head), *lines]) + "\n\n" if lines else ""


def fenced(text: str, language: str = "") -> str:
    """A block of code with a blank line after it."""
    return f"```{language}\n{text.strip(chr(10))}\n```\n\n"


def code(text: str) -> str:
    """Text in backticks; nothing stays nothing."""
    return f"`{text}`" if text else ""


def key_table(model: type[BaseModel]) -> str:
    """Every key of a recipe block or of a task's or source's options: type, default, meaning."""
    schema = model.model_json_schema()
    required = schema.get("required", [])
    rows = [
        [
            code(name),
            _kind(field),
            "needed" if name in required else _default(field),
            field.get("description", ""),
        ]
        for name, field in schema.get("properties", {}).items()
    ]
    return table(["key", "type", "default", ""], rows)


def nested_blocks(model: type[BaseModel]) -> list[type[BaseModel]]:
    """The blocks that keys of a block hold, in order."""
    inner = (kind for field in model.model_fields.values() for kind in (field.annotation, *get_args(field.annotation)))
    return [kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _default(field: dict[str, Any]) -> str:
    """The default as a recipe would say it."""
    if "$ref" in field:
        return "its own"
    if field.get("type") == "object":
        return code("{}")
    value = field.get("default")
    return "empty" if value is None else code(json.dumps(value))


def _kind(field: dict[str, Any]) -> str:
    """A JSON schema's type in words; a block is linked to its own table."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in field:
        return " or ".join(code(str(value)) for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(_kind(one) for one in field["anyOf"] if one.get("type") != "null")
    if "prefixItems" in field:
        return f"list of {len(field['prefixItems'])}: {_kind(field['prefixItems'][0])}"
    if field.get("type") == "array":
        return f"list: {_kind(field['items'])}"
    words = {"integer": "whole number", "boolean": "true or false", "string": "text", "object": "mapping"}
    kind = words.get(field.get("type", "object"), str(field.get("type")))
    return f"{kind}{_bounds(field)}"


def _bounds(field: dict[str, Any]) -> str:
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    told = [
        f"{word} {field[key]:g}" if abs(field[key]) < 2**53 else f"{word} {field[key]}"
        for key, word in words.items()
        if key in field
    ]
    return f", {' and '.join(told)}" if told else ""
