"""All columns but the pictures, as an object."""

from __future__ import annotations

from typing import Any

import orjson

from ...manifests.errors import DatasetFolderError
from ...manifests.triplet import TEXT_COLUMNS, Triplet


def metadata_of(row: Triplet) -> dict[str, Any]:
    """id, text columns and size; `params` and `annotation` as the objects that they hold.

    Raises:
        DatasetFolderError: one of these is no JSON.
    """
    values: dict[str, Any] = {"id": row.id, **{name: getattr(row, name) for name in TEXT_COLUMNS}}
    for name in ("params", "annotation"):
        try:
            values[name] = orjson.loads(values[name])
        except orjson.JSONDecodeError as fault:
            raise DatasetFolderError(
                f"{name} of row {row.id} is no JSON: {fault}; taskpaint verify tells more"
            ) from fault
    return {**values, "width": row.width, "height": row.height}
