"""Build one unit of the plan: choose, size, render."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

from ..manifests.errors import BadItem
from ..manifests.images import ImageHeader, read_header
from ..manifests.recipe import Recipe
from ..manifests.triplet import clean_id
from .geometry import Geometry, fit
from .plan import Unit
from .resolve import Stream
from .sample import Sample
from .task import Rendered, Subject
from .view import View
from .warp import warp_to


@dataclass(frozen=True, slots=True)
class Built:
    """A rendered unit, not yet worded or encoded.

    Attributes:
        id: of the triplet.
        image_key: of the photograph.
        sample: what the source said.
        data: the source image file's bytes.
        header: what they say of themselves.
        view: the sample at output size.
        rendered: the target.
        words: the unit's randomness for its wording, apart from that for its pixels.
    """

    id: str
    image_key: str
    sample: Sample
    data: bytes
    header: ImageHeader
    view: View
    rendered: Rendered
    words: random.Random

    @property
    def passes_through(self) -> bool:
        """Whether the source image's own bytes serve as they are."""
        return self.view.geometry.is_native and self.header.passable


def build_unit(recipe: Recipe, streams: list[Stream], unit: Unit) -> Built:
    """Render one unit.

    Raises:
        ItemError: it cannot be built; says why.
    """
    stream = streams[unit.stream]
    image_key, item = stream.index.key_and_id(unit.row)
    pixels, words = unit_draws(recipe.seed, stream, item, unit.variant)
    sample = stream.index.sample(unit.row)
    data = sample.image.read()
    header = read_header(data)
    if sample.width and (sample.width, sample.height) != (header.width, header.height):
        raise BadItem(
            f"annotations are for an image of {sample.width}x{sample.height}, "
            f"the file is {header.width}x{header.height}"
        )
    subject = stream.task.choose(sample, pixels)
    geometry = geometry_of(recipe, header, subject, pixels)
    view = View(sample, data, header, geometry)
    rendered = stream.task.render(view, subject, pixels)
    if recipe.output.check_images == "decode":
        view.check_pixels()
    return Built(unit_id(stream, item, unit.variant), image_key, sample, data, header, view, rendered, words)


def geometry_of(recipe: Recipe, header: ImageHeader, subject: Subject, draw: random.Random) -> Geometry:
    source_wh = header.width, header.height
    if subject.warp is not None:
        return warp_to(recipe.image, source_wh, subject.warp)
    return fit(recipe.image, source_wh, subject.box, draw, subject.crop)


def unit_draws(seed: int, stream: Stream, item: str, variant: int) -> tuple[random.Random, random.Random]:
    """A unit's own randomness, for its pixels and for its words; the same in whatever process it is built."""
    name = f"{seed}|{stream.source.label}|{item}|{stream.entry.label}|{variant}"
    digest = hashlib.blake2b(name.encode(), digest_size=32).digest()
    return random.Random(int.from_bytes(digest[:16])), random.Random(int.from_bytes(digest[16:]))


def unit_id(stream: Stream, item: str, variant: int) -> str:
    """The triplet's id; an item name that has to be cleaned gets a few digits of its hash, to stay unique."""
    cleaned = clean_id(item)
    if cleaned != item:
        cleaned = f"{cleaned}-{hashlib.blake2b(item.encode(), digest_size=4).hexdigest()}"
    return f"{clean_id(stream.label)}-{cleaned}-{variant:03d}".strip("-")
