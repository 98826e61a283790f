"""Floors of photographs that keep a photograph of their own as target: restoration and edits."""

from __future__ import annotations

from .item import Drawn, Floor, Item
from .pictures import decoded, encoded, opened, read, sized, source_of


def twin(item: Item) -> Drawn:
    """Both files as they are, or both resized."""
    if item.is_native:
        return read(item.file), read(item.twin), item.noted()
    data, photo = opened(item)
    return source_of(item, data, photo), encoded(sized(item, decoded(read(item.twin))), item), item.noted()


FLOORS = {
    "deblurred": Floor([("gopro", "gopro", "test")], "restoration", {"synthetic": "never"}, twin),
    "edited": Floor([("instructpix2pix", "instructpix2pix/clip-filtered-dataset", "train")], "edit", {}, twin),
}
