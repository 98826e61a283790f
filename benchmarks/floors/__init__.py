"""The floor: the same triplets as taskpaint's, from one plain loop a pipeline and the quickest calls known.

No framework, no checks, no randomness, no templates; what is asked for, and in which colour, is at hand as `Item`s.
What remains is what the output cannot do without: read the photo, find the places, draw, encode, and write the same
columns.
`speed.py` checks that images and annotations come out byte for byte as taskpaint's do, so neither side leaves out
work that the other does.
"""

from __future__ import annotations

from . import marks, regions, twins
from .item import Floor

FLOORS: dict[str, Floor] = {**regions.FLOORS, **marks.FLOORS, **twins.FLOORS}
