"""One ref of RefCOCO or gRefCOCO, checked. Untrusted: it may come from a pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...manifests.errors import BadItem
from ..reading.coco_values import is_id, is_text


@dataclass(frozen=True, slots=True)
class Ref:
    """Sentences that mean the same objects.

    Attributes:
        name: for messages.
        image_id: as the ref says; only used when it means no object.
        annotations: ids in instances.json; empty when nothing is meant.
        sentences: as people wrote them.
    """

    name: str
    image_id: int | None
    annotations: tuple[int, ...]
    sentences: tuple[str, ...]


def checked_ref(found: Mapping[str, Any], position: int) -> Ref:
    """A ref of RefCOCO (one object) or gRefCOCO (a list; [-1] or `no_target` for none).

    Raises:
        BadItem: it has no sentence, or does not say what it means.
    """
    sentences = tuple(dict.fromkeys(text for item in _items(found.get("sentences")) if (text := _sentence(item))))
    if not sentences:
        raise BadItem("ref has no sentence")
    means = found.get("ann_id")
    numbers: list[Any] = means if isinstance(means, list) else [means]
    image_id = found.get("image_id")
    if found.get("no_target") is True or numbers == [-1]:
        if not is_id(image_id):
            raise BadItem("ref means no object and names no image id")
        return Ref(ref_name(found, position), image_id, (), sentences)
    if not numbers or not all(is_id(number) and number >= 0 for number in numbers):
        raise BadItem("ref names no annotation id")
    return Ref(ref_name(found, position), None, tuple(dict.fromkeys(numbers)), sentences)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _sentence(item: Any) -> str:
    """The tidied sentence, or the raw one."""
    found = item if isinstance(item, dict) else {}
    return next((found[key].strip() for key in ("sent", "raw") if is_text(found.get(key))), "")


def ref_name(found: Mapping[str, Any], position: int) -> str:
    number = found.get("ref_id")
    return f"ref {number}" if is_id(number) else f"ref at position {position}"
