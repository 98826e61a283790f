"""The JSON columns of a row -> what the page shows of them: short text, named colours, words to search."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_MAX_SOURCE_CHARS = 2_000_000
_MAX_TEXT_CHARS = 4000
_MAX_ITEMS = 12
_MAX_STRING_CHARS = 120
_MAX_DEPTH = 8
_MAX_SWATCHES = 24
_MAX_WORDS = 80
_MAX_WORD_CHARS = 48
_LINE_CHARS = 72
_COLOUR_WORDS = ("color", "colour", "rgb", "palette", "legend", "background")
_NAME_KEYS = ("label", "name", "category", "class", "part", "joint", "color", "colour", "color_name")

Swatch = tuple[str, tuple[int, int, int]]


def parse_json(text: str | None) -> Any:
    """Parse a JSON column; None when it is empty, too long to be worth it, or no JSON."""
    if not text or len(text) > _MAX_SOURCE_CHARS:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def pretty(text: str | None, value: Any) -> str:
    """Indented JSON for reading: long lists and strings cut, at most 4000 characters.

    Args:
        text: the column as stored, shown as it is (cut) when it did not parse.
        value: what `parse_json` made of it.
    """
    if value in ({}, []):
        return ""
    full = (text or "") if value is None else _layout(_shorten(value, 0), 0)
    if len(full) <= _MAX_TEXT_CHARS:
        return full
    return f"{full[:_MAX_TEXT_CHARS]}\n… cut here; the dataset holds {len(text or ''):,} characters"


def swatches(params: Any) -> list[Swatch]:
    """Colours that params names: every [r, g, b] under a key that speaks of colour, with its label."""
    found: list[Swatch] = []
    for label, colour in _colours(params, "", False, 0):
        if (label, colour) not in found:
            found.append((label, colour))
        if len(found) == _MAX_SWATCHES:
            break
    return found


def words(*values: Any) -> str:
    """Short strings anywhere in the values, such as class and colour names, joined for the text search."""
    found: dict[str, None] = {}
    for value in values:
        for text in _strings(value, 0):
            if len(text) <= _MAX_WORD_CHARS:
                found[text] = None
            if len(found) == _MAX_WORDS:
                return " ".join(found)
    return " ".join(found)


def _shorten(value: Any, depth: int) -> Any:
    if isinstance(value, str) and len(value) > _MAX_STRING_CHARS:
        return f"{value[:_MAX_STRING_CHARS]}… ({len(value):,} characters)"
    if isinstance(value, dict | list) and value and depth == _MAX_DEPTH:
        return "…"
    if isinstance(value, dict):
        kept = {key: _shorten(inner, depth + 1) for key, inner in list(value.items())[: 2 * _MAX_ITEMS]}
        return kept | ({"…": f"{len(value) - len(kept):,} more"} if len(kept) < len(value) else {})
    if isinstance(value, list):
        shown = [_shorten(inner, depth + 1) for inner in value[:_MAX_ITEMS]]
        return shown + ([f"… {len(value) - len(shown):,} more"] if len(shown) < len(value) else [])
    return value


def _layout(value: Any, indent: int) -> str:
    """JSON with short lists and dicts on one line, which `json.dumps(indent=2)` would spread over many."""
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or len(line) + indent <= _LINE_CHARS:
        return line
    space = " " * (indent + 2)
    if isinstance(value, dict):
        items = [
            f"{space}{json.dumps(key, ensure_ascii=False)}: {_layout(inner, indent + 2)}"
            for key, inner in value.items()
        ]
        return "{\n" + ",\n".join(items) + "\n" + " " * indent + "}"
    items = [space + _layout(inner, indent + 2) for inner in value]
    return "[\n" + ",\n".join(items) + "\n" + " " * indent + "]"


def _colours(value: Any, label: str, in_colour: bool, depth: int) -> Iterator[Swatch]:
    """Walk params; `label` is the best name so far, `in_colour` whether a key above speaks of colour."""
    if depth > _MAX_DEPTH:
        return
    if in_colour and (colour := _as_colour(value)):
        yield label, colour
    elif isinstance(value, dict):
        for key, inner in value.items():
            speaks = any(word in key.lower() for word in _COLOUR_WORDS)
            for inner_label, part in _labelled(value, key, inner, label, speaks):
                yield from _colours(part, inner_label, in_colour or speaks, depth + 1)
    elif isinstance(value, list):
        for inner in value[: 2 * _MAX_SWATCHES]:
            yield from _colours(inner, label, in_colour, depth + 1)


def _labelled(parent: dict[str, Any], key: str, value: Any, label: str, speaks: bool) -> Iterator[tuple[str, Any]]:
    """Name what stands under a key: a generic key such as "rgb" says less than the words beside it."""
    if speaks and key.lower() != "background" and _as_colour(value):
        yield _own_name(parent) or label or key, value
    elif speaks and isinstance(value, list) and (names := _names_beside(parent, value)):
        yield from zip(names, value, strict=True)
    else:
        yield key, value


def _names_beside(parent: dict[str, Any], values: list[Any]) -> list[str]:
    """A sibling list of as many strings: {"joints": ["left wrist", ...], "colors": [[...], ...]}."""
    for other in parent.values():
        if isinstance(other, list) and len(other) == len(values) and all(isinstance(x, str) for x in other):
            return other
    return []


def _as_colour(value: Any) -> tuple[int, int, int] | None:
    if not isinstance(value, list) or len(value) != 3:
        return None
    if not all(isinstance(part, int) and not isinstance(part, bool) and 0 <= part <= 255 for part in value):
        return None
    return value[0], value[1], value[2]


def _own_name(value: dict[str, Any]) -> str:
    """What a dict calls itself: its first two naming strings, for example 'cat, red'."""
    names = [value[key] for key in _NAME_KEYS if isinstance(value.get(key), str) and value[key]]
    return ", ".join(dict.fromkeys(names[:2]))


def _strings(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and depth < _MAX_DEPTH:
        for key, inner in value.items():
            # RLE runs and polygons are no words.
            if key not in ("counts", "segmentation"):
                yield from _strings(inner, depth + 1)
    elif isinstance(value, list) and depth < _MAX_DEPTH:
        for inner in value[:200]:
            yield from _strings(inner, depth + 1)
