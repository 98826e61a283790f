"""XML annotations in PASCAL VOC's manner. Untrusted."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

from ...manifests.errors import BadItem

_MOST_BYTES = 1 << 20
_MOST = 1e6


def parse_xml(data: bytes) -> ElementTree.Element:
    """Parse XML that declares nothing: entities can blow up to gigabytes, and annotations need none.

    Raises:
        BadItem: no XML in UTF-8, too long, or a document type or entity is declared.
    """
    if len(data) > _MOST_BYTES:
        raise BadItem(f"{len(data)} bytes are too many for an annotation")
    try:
        text = data.decode("utf-8-sig")  # other encodings could hide a declaration from the check below
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise BadItem("it declares a document type or entities, which are refused")
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, RecursionError) as fault:
        raise BadItem(f"it is no XML ({fault})") from fault


def text_of(element: ElementTree.Element, path: str) -> str:
    """The text at a path below the element, stripped; empty when there is none."""
    return (element.findtext(path) or "").strip()


def number_of(element: ElementTree.Element, path: str) -> float:
    """The number at a path below the element.

    Raises:
        BadItem: there is none, or none of pixels.
    """
    text = text_of(element, path)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) <= _MOST:
        raise BadItem(f"{path} is {text!r}, no number of pixels")
    return number


def box_of(element: ElementTree.Element, width: int, height: int) -> list[float]:
    """The element's own `bndbox` as [left, top, right, bottom] edges, clipped to the image.

    PASCAL VOC counts pixels from 1 and includes the last one. Some files hold fractions.

    Raises:
        BadItem: a number is missing, or nothing of the box lies in the image.
    """
    left, top, right, bottom = (number_of(element, f"bndbox/{key}") for key in ("xmin", "ymin", "xmax", "ymax"))
    box = [max(left - 1, 0), max(top - 1, 0), min(right, width), min(bottom, height)]
    if right < left or bottom < top or box[2] <= box[0] or box[3] <= box[1]:
        raise BadItem(f"box {[left, top, right, bottom]} does not lie in the image of {width}x{height}")
    return box
