"""COD10K: animals that hide, in 3,040 training and 2,026 test photographs of 69 classes.

The class stands in the file name: COD10K-CAM-1-Aquatic-1-BatFish-1.jpg. Photographs without a hidden animal
(COD10K-NonCAM-…) have black masks and are left out; those named COD10K-CAM-…-Other-… are asked for as an animal.
"""

from __future__ import annotations

import re
from pathlib import Path

from ._mask_folders import MaskFolders

_NAME = re.compile(r"COD10K-CAM-\d+-[A-Za-z]+-\d+-([A-Za-z]+)-\d+")
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


class Cod10k(MaskFolders):
    """COD10K version 3 from its official folders."""

    name = "cod10k"
    title = "COD10K (camouflaged animals)"
    homepage = "https://github.com/DengPingFan/SINet"
    license = "non-commercial research"
    splits = ("train", "test")
    tree = """  cod10k/
    Train/Image/COD10K-CAM-1-Aquatic-1-BatFish-1.jpg …        (Test for split test)
    Train/GT_Object/COD10K-CAM-1-Aquatic-1-BatFish-1.png …"""

    def photographs(self) -> Path:
        return self.require(f"{self.split.capitalize()}/Image", folder=True)

    def masks(self) -> Path:
        return self.require(f"{self.split.capitalize()}/GT_Object", folder=True)

    def subject(self, stem: str) -> str:
        if "-NonCAM-" in stem:
            return ""
        found = _NAME.fullmatch(stem)
        words = " ".join(_WORDS.findall(found[1])).lower() if found else ""
        return "hidden animal" if words in ("", "other") else words
