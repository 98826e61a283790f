"""Rows that have a caption in place of an instruction."""

from __future__ import annotations

import json

from ...manifests.triplet import Triplet


def is_text_to_image(row: Triplet) -> bool:
    """Whether the row has no source: its params say so, and a gray picture stands in the source's place."""
    return "text_to_image" in row.params and json.loads(row.params).get("text_to_image") is True
