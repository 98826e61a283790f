"""Make filters/embedders/nss_photographs.csv: how the 36 natural scene statistics spread over good photographs.

Photographs count whole and cut into squares, so that there are enough of them, and flat parts of a picture too.

python benchmarks/nss_statistics.py /datasets/coco/val2017/*.jpg > filters/embedders/nss_photographs.csv
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from taskpaint.filters.embedders.nss import scene_statistics
from taskpaint.manifests.images import RGB, decode_rgb

SQUARES = (96, 128, 192, 256)
"""Sides, pixels; the first is NIQE's."""


def views(photograph: RGB) -> Iterator[RGB]:
    """The photograph and the squares that fit into it side by side."""
    yield photograph
    height, width = photograph.shape[:2]
    for side in SQUARES:
        for top in range(0, height - side + 1, side):
            for left in range(0, width - side + 1, side):
                yield np.ascontiguousarray(photograph[top : top + side, left : left + side])


def table(photographs: Iterable[Path]) -> NDArray[np.float64]:
    """(38, 36): means, standard deviations, and the 36 rows of the correlation matrix. Flat views are left out."""
    features = np.array(
        [scene_statistics(view) for file in photographs for view in views(decode_rgb(file.read_bytes()))]
    )
    features = features[np.isfinite(features).all(1)]
    return np.vstack([features.mean(0), features.std(0), np.corrcoef(features.T)])


def main() -> None:
    """Print the table of the photographs named on the command line."""
    files = [Path(name) for name in sys.argv[1:]]
    if not files:
        sys.exit("usage: python benchmarks/nss_statistics.py PHOTOGRAPH...")
    print(f"# Made by benchmarks/nss_statistics.py from {len(files)} photographs: mean, deviation, correlation.")
    np.savetxt(sys.stdout, table(files), fmt="%.4g", delimiter=",")


if __name__ == "__main__":
    main()
