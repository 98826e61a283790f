"""Annotations of COCO's JSON form, set aside by image while a file is read once."""

from __future__ import annotations

from typing import Any

import orjson

from ..source import Reject
from .coco_values import is_id
from .spool import Spool


def keep_annotation(value: Any, spool: Spool, reject: Reject) -> None:
    """Put an annotation into a spool under the id of its image; one that names none, or cannot be kept, is rejected."""
    found = value if isinstance(value, dict) else {}
    image_id = found.get("image_id")
    if not is_id(image_id):
        reject(f"annotation {found.get('id')!s:.80}", "annotation names no image id")
        return
    try:
        spool.add(image_id, orjson.dumps(found))
    except TypeError as fault:
        reject(f"annotation {found.get('id')!s:.80}", f"annotation cannot be stored: {fault}")
