"""What the readers of editing datasets share: tidy instructions, and twins of another size."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
from PIL import Image

from ...manifests.errors import BadItem
from ...manifests.images import decode_rgb, read_header
from ..sample import FileBytes
from .coco_values import is_text
from .lazy_bytes import lazy

MOST_SHAPE_DIFFERENCE: Final = 0.01
"""Twins whose aspect ratios differ by more than this share show another part of the scene, not another size."""

_MOST_CHARACTERS: Final = 2000
_MOST_SHOWN: Final = 150
_TAG = re.compile(r"^\s*[\[(]\s*\w+(?: \w+)?\s*[\])]\s*")
_SPACE = re.compile(r"\s+")
_ARTICLE = re.compile(r"^(?:the|a|an|my|his|her|their|its|this|that|all)\b", re.IGNORECASE)


def brief(text: str) -> str:
    """Text of a dataset for a message: not more of it than a line holds."""
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def is_there(file: Path) -> bool:
    """Whether a file exists; a name that no file system takes names none."""
    try:
        return file.is_file()
    except (OSError, ValueError):
        return False


def instructions_in(values: Any) -> tuple[str, ...]:
    """Sentences of a string or a list of strings: entities undone, spaces tidied, empty ones and repeats left out.

    Anything that is no text (JSON's NaN and null, numbers) is left out too, and so is what is longer than 2,000
    characters.
    """
    found: dict[str, str] = {}
    for value in values if isinstance(values, list | tuple) else [values]:
        if is_text(value):
            text = _SPACE.sub(" ", html.unescape(value)).strip()
            if text and len(text) <= _MOST_CHARACTERS and is_text(text):
                found.setdefault(text.casefold(), text)
    return tuple(found.values())


def without_tags(sentences: Iterable[str]) -> tuple[str, ...]:
    """Sentences without the "[Specific]" or "(request)" that forum posts begin with."""
    return instructions_in([_TAG.sub("", sentence) for sentence in sentences])


def removals_of(phrase: str) -> tuple[str, ...]:
    """Instructions to remove what a phrase names: "black shirt" -> "Remove the black shirt." …"""
    named = phrase[0].lower() + phrase[1:] if _ARTICLE.match(phrase) else f"the {phrase}"
    forms = ("Remove {}.", "Erase {} from the picture.", "Take {} out of the photo.", "Make {} disappear.")
    return tuple(form.format(named) for form in forms)


def resampled_twin(source: FileBytes, twin: FileBytes) -> FileBytes:
    """The twin, brought to the source image's size when it is read, if it has the same shape but another size."""
    return lazy(twin.path.parent, twin.path.name, partial(_resampled, source, twin))


def _resampled(source: FileBytes, twin: FileBytes) -> bytes:
    """The twin's own bytes when the sizes agree, else a PNG of the source's size.

    Raises:
        BadItem: an image is missing or broken, or the two have different shapes.
    """
    data = twin.read()
    wanted, found = read_header(source.read()), read_header(data)
    if (wanted.width, wanted.height) == (found.width, found.height):
        return data
    ratio = (found.width * wanted.height) / (found.height * wanted.width)
    if abs(ratio - 1) > MOST_SHAPE_DIFFERENCE:
        raise BadItem(
            f"edited image is {found.width}x{found.height}, the source {wanted.width}x{wanted.height}: another shape"
        )
    smaller = found.width > wanted.width
    method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    pixels = cv2.resize(decode_rgb(data, found), (wanted.width, wanted.height), interpolation=method)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()
