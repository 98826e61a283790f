"""DUTS: the object that catches the eye, in 10,553 training and 5,019 test photographs.

The photographs are from ImageNet's detection set and from SUN; several objects in one photograph share its mask.
"""

from __future__ import annotations

from pathlib import Path

from ._mask_folders import MaskFolders

_FOLDERS = {"train": "DUTS-TR", "test": "DUTS-TE"}


class Duts(MaskFolders):
    """DUTS from its two archives."""

    name = "duts"
    title = "DUTS (salient objects)"
    homepage = "http://saliencydetection.net/duts/"
    license = "not stated; photographs under the terms of ImageNet and SUN"
    splits = ("train", "test")
    tree = """  duts/
    DUTS-TR/DUTS-TR-Image/ILSVRC2012_test_00000004.jpg …      (DUTS-TE for split test)
    DUTS-TR/DUTS-TR-Mask/ILSVRC2012_test_00000004.png …"""

    def photographs(self) -> Path:
        name = _FOLDERS[self.split]
        return self.require(f"{name}/{name}-Image", f"{name}-Image", folder=True)

    def masks(self) -> Path:
        name = _FOLDERS[self.split]
        return self.require(f"{name}/{name}-Mask", f"{name}-Mask", folder=True)

    def subject(self, stem: str) -> str:
        return "salient object"
