"""What a renderer hands to a writer: target pixels in the form that decides their codec."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FlatTarget:
    """A picture of few flat colours; written as palette PNG, lossless.

    Attributes:
        index: (H, W) uint8, which palette colour each pixel has.
        palette: (N, 3) uint8 RGB, N at most 256.
    """

    index: NDArray[np.uint8]
    palette: NDArray[np.uint8]

    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB."""
        return self.palette[self.index]


@dataclass(frozen=True, slots=True)
class PhotoTarget:
    """A photograph with marks.

    Attributes:
        rgb: (H, W, 3) uint8.
        lossless: the marks would not survive JPEG; write PNG whatever the recipe says.
    """

    rgb: NDArray[np.uint8]
    lossless: bool = False

    def pixels(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB."""
        return self.rgb


@dataclass(frozen=True, slots=True)
class SameTarget:
    """The photograph itself, byte for byte."""


@dataclass(frozen=True, slots=True)
class FileTarget:
    """The target is an image file of its own, passed through byte for byte."""

    data: bytes


Target = FlatTarget | PhotoTarget | SameTarget | FileTarget
