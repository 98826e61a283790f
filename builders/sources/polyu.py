"""PolyU: crops of photographs with the real noise of five cameras, and the mean of hundreds of shots of each."""

from __future__ import annotations

from pathlib import Path

from ..reading.pair_matching import NamedPairSource, PairRule


class PolyU(NamedPairSource):
    """PolyU Real-World Noisy Images: 100 pairs of crops, 512x512, from 40 scenes.

    The image key is the scene with the camera's settings, which several crops share.
    """

    name = "polyu"
    title = "PolyU Real-World Noisy Images"
    homepage = "https://github.com/csjunxu/PolyU-Real-World-Noisy-Images-Dataset"
    license = "BSD style, The Hong Kong Polytechnic University"
    splits = ("all",)
    tree = """  PolyU-Real-World-Noisy-Images-Dataset/
    CroppedImages/Canon5D2_5_160_3200_chair_11_real.JPG …
    CroppedImages/Canon5D2_5_160_3200_chair_11_mean.JPG …"""
    kind = "noise"

    def folders(self) -> list[Path]:
        return [self.require("CroppedImages", folder=True)]

    def rule(self) -> PairRule:
        name = r"CroppedImages/(?P<scene>[^/]+?)(?:_(?P<crop>\d+))?"
        return PairRule(f"{name}_real", f"{name}_mean")
