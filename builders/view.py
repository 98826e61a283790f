"""View: a sample seen through a geometry. Pixels and annotations are loaded and moved when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..manifests.errors import BadItem
from ..manifests.images import RGB, ImageHeader, decode_rgb, read_header
from ..manifests.target import FileTarget, PhotoTarget
from .geometry import Box, Geometry
from .masks import regions
from .masks.regions import Rle
from .sample import Instance, Sample, SegmentMap


class View:
    """A sample at output size.

    Attributes:
        sample: as the source gave it.
        geometry: how it is shown.
        size_wh: output size, pixels.
    """

    def __init__(self, sample: Sample, data: bytes, header: ImageHeader, geometry: Geometry) -> None:
        self.sample = sample
        self.geometry = geometry
        self.size_wh = geometry.size_wh
        self._data = data
        self._header = header
        self._decoded = False

    @cached_property
    def rgb(self) -> RGB:
        """(H, W, 3) uint8, the source image at output size.

        Raises:
            BadItem: the image cannot be decoded.
        """
        picture = self.geometry.image(decode_rgb(self._data, self._header))
        self._decoded = True
        return picture

    def canvas(self) -> RGB:
        """The image as in `rgb`, the caller's own to paint on.

        Raises:
            BadItem: the image cannot be decoded.
        """
        if not (self.geometry.is_native and self._header.passable):
            return self.rgb.copy()
        picture = self.rgb  # the file's own bytes are written, so that hardly anybody asks for these pixels again
        del self.rgb
        return picture if picture.flags.writeable else picture.copy()

    def check_pixels(self) -> None:
        """Decode the image unless that was done already.

        Raises:
            BadItem: it cannot be decoded.
        """
        if not self._decoded:
            decode_rgb(self._data, self._header)

    def shown(self, rle: Rle) -> tuple[NDArray[np.uint8], Rle]:
        """A mask of the source at output size, as (H, W) uint8 of 0 and 1 and as run lengths."""
        mask = self.geometry.labels(regions.decode(rle))
        return mask, rle if self.geometry.is_native else regions.encode(mask)

    def label_map(self) -> NDArray[np.integer]:
        """(H, W) classes at output size; -1 in padding.

        Raises:
            BadItem: the map cannot be read, or is not of the image's size.
        """
        if self.sample.label_map is None:
            raise BadItem("the sample has no label map")
        values = self.sample.label_map.load()
        self._same_size(values, "label map")
        if self.geometry.is_native:
            return values
        moved = self.geometry.labels(values)
        if self.geometry.resized_wh == self.geometry.size_wh:
            return moved
        return np.where(self.geometry.inside(), moved.astype(np.int32, copy=False), np.int32(-1))

    def depth_m(self) -> NDArray[np.float32]:
        """(H, W) float32 metres at output size; 0 where there is none, padding included.

        Raises:
            BadItem: the map cannot be read, or is not of the image's size.
        """
        if self.sample.depth is None:
            raise BadItem("the sample has no depth")
        values = self.sample.depth.load()
        self._same_size(values, "depth map")
        return self.geometry.labels(values)

    def segment_map(self, segments: SegmentMap) -> NDArray[np.integer]:
        """(H, W) segment ids at output size; 0 in padding.

        Raises:
            BadItem: the map cannot be read, or is not of the image's size.
        """
        values = segments.load()
        self._same_size(values, "segment map")
        return self.geometry.labels(values)

    def twin(self) -> FileTarget | PhotoTarget:
        """The sample's twin at output size; its file's own bytes whenever no pixel has to change.

        Raises:
            BadItem: there is none, it cannot be decoded, or it is not of the image's size.
        """
        if self.sample.pair is None:
            raise BadItem("the sample has no twin")
        data = self.sample.pair.image.read()
        header = read_header(data)
        if (header.width, header.height) != self.geometry.source_wh:
            width, height = self.geometry.source_wh
            raise BadItem(f"the twin is {header.width}x{header.height}, the image is {width}x{height}")
        if self.geometry.is_native and header.passable:
            return FileTarget(data)
        exact = self.geometry.is_native and header.format != "JPEG"
        return PhotoTarget(self.geometry.image(decode_rgb(data, header)), lossless=exact)

    def box(self, instance: Instance) -> Box | None:
        """The instance's box at output size, clipped; None when it has none or nothing of it is shown."""
        return None if instance.box_xyxy is None else self.geometry.box(instance.box_xyxy)

    def _same_size(self, values: NDArray[np.generic], what: str) -> None:
        width, height = self.geometry.source_wh
        if values.ndim != 2 or values.shape != (height, width):
            raise BadItem(f"{what} is {'x'.join(map(str, values.shape[::-1]))}, the image is {width}x{height}")


def union_of(instances: Sequence[Instance], sample: Sample) -> Rle:
    """Union of the instances' masks in the source image.

    Raises:
        BadItem: one has a mask that cannot be rasterised.
    """
    return regions.rasterise((instance.segmentation for instance in instances), sample.height, sample.width)
