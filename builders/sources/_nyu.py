"""What the forms of NYU Depth v2 share."""

from __future__ import annotations

from ..sample import Intrinsics

CAMERA = Intrinsics(518.85790117450188, 519.46961112127485, 325.58244941119034 - 1, 253.73616633400465 - 1)
"""The colour camera at 640x480, from camera_params.m of the official toolbox, which counts pixels from 1."""
