"""What the readers of depth datasets share: depth in 16-bit PNG, and camera matrices in text files."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import BadItem
from ...manifests.images import read_map
from ..sample import FileBytes, Intrinsics

_MOST_TEXT: Final = 10_000


def load_depth_png(
    file: FileBytes, per_metre: float, farthest_m: float = np.inf, *, rotated: bool = False
) -> NDArray[np.float32]:
    """Depth of a 16-bit PNG.

    Args:
        file: the PNG; 0 where there is no depth.
        per_metre: how many of its units make a metre.
        farthest_m: what is farther is no depth.
        rotated: the values were rotated left by three bits, as SUN3D's tools write them.

    Returns:
        (H, W) float32 metres, 0 where there is none.

    Raises:
        BadItem: the file is no 16-bit grey image.
    """
    values = read_map(file.read())
    if values.ndim != 2 or values.dtype != np.uint16:
        kind = "colour" if values.ndim != 2 else f"{values.dtype.itemsize * 8}-bit"
        raise BadItem(f"depth map {file.path.name} is a {kind} image; 16-bit grey is needed")
    if rotated:
        values = (values >> 3) | (values << 13)
    metres: NDArray[np.float32] = np.divide(values, np.float32(per_metre), dtype=np.float32)
    return metres if metres.max(initial=0) <= farthest_m else np.where(metres <= farthest_m, metres, np.float32(0))


def read_camera(file: FileBytes, first_pixel: int = 0) -> Intrinsics:
    """The camera of a text file with a matrix of 3x3, row by row.

    Args:
        file: nine numbers, with blanks or line ends between.
        first_pixel: what the file counts pixels from, 0 or 1.

    Raises:
        BadItem: it holds something else.
    """
    text = file.read()[:_MOST_TEXT].decode("utf-8", "replace")
    return camera_from(text.split(), 3, f"camera file {file.path.name}", first_pixel)


def camera_from(words: list[str], columns: int, what: str, first_pixel: int = 0) -> Intrinsics:
    """The camera of a matrix with three rows, given as words.

    Args:
        words: `3 * columns` numbers, row by row.
        columns: 3, or 4 for a projection matrix.
        what: names the matrix in messages.
        first_pixel: what its author counts pixels from, 0 or 1.

    Raises:
        BadItem: these are no such numbers, or those of no camera.
    """
    try:
        numbers = np.array([float(word) for word in words])
    except ValueError as fault:
        raise BadItem(f"{what} holds words that are no numbers") from fault
    if len(numbers) != 3 * columns or not np.isfinite(numbers).all():
        raise BadItem(f"{what} has {len(numbers)} numbers; {3 * columns} finite ones are needed")
    matrix = numbers.reshape(3, columns)
    if min(matrix[0, 0], matrix[1, 1]) <= 0:
        raise BadItem(f"{what} has focal lengths of {matrix[0, 0]:g} and {matrix[1, 1]:g}; above 0 is needed")
    first, second = matrix[:2, 2] - first_pixel
    return Intrinsics(float(matrix[0, 0]), float(matrix[1, 1]), float(first), float(second))
