"""The look that all HTML pages share, and the hashes by which a page's policy admits its own style and script."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Final, Literal

_STYLE: Final = Path(__file__).with_name("house_style.css")
_PLACE: Final = "/* HOUSE STYLE */"


def house_style() -> str:
    """CSS: colours by light and dark, fonts, and what every page sets alike."""
    return _STYLE.read_text(encoding="utf-8")


def load_page(file: Path) -> str:
    """A page of ours as HTML text, the shared look put where its style asks for it."""
    text = file.read_text(encoding="utf-8")
    assert text.count(_PLACE) == 1, f"{file.name} asks for the house style {text.count(_PLACE)} times"
    return text.replace(_PLACE, house_style().rstrip("\n"))


def content_hash(page: str, element: Literal["style", "script"]) -> str:
    """The hash of a page's one style or script without attributes, as a content security policy has it.

    Source: https://www.w3.org/TR/CSP3/#grammardef-hash-source
    """
    found = re.findall(f"<{element}>(.*?)</{element}>", page, re.DOTALL)
    assert len(found) == 1, f"the page has {len(found)} elements {element}"
    return "sha256-" + base64.b64encode(hashlib.sha256(found[0].encode()).digest()).decode("ascii")
