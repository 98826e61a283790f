"""REDS: frames of 720p video whose blur was made by averaging interpolated frames of 120 frames a second."""

from __future__ import annotations

import re
from pathlib import Path

from ..reading.pair_matching import NamedPairSource, PairRule


class Reds(NamedPairSource):
    """REDS: 240 clips of 100 frames for training and 30 clips to validate; the test set's sharp frames are withheld.

    The archives train_blur.zip and train_sharp.zip bring `train/train_blur` and `train/train_sharp`. Clip numbers
    start from 000 in every split and mean other videos, so the image key is split and clip: the frames of one video
    stay together.
    """

    name = "reds"
    title = "REDS (motion blur in video)"
    homepage = "https://seungjunnah.github.io/Datasets/reds"
    license = "CC BY 4.0"
    splits = ("train", "val")
    tree = """  REDS/
    train/train_blur/000/00000000.png …                 (and val/val_blur/)
    train/train_sharp/000/00000000.png …                (and val/val_sharp/)
  or train/blur/ and train/sharp/, or train_blur/ and train_sharp/"""
    kind = "blur"
    wrappers = ("REDS",)

    def folders(self) -> list[Path]:
        names = (self.split, f"{self.split}_blur", f"{self.split}_sharp")
        return [self.path / name for name in names if (self.path / name).is_dir()] or [
            self.require(*names, folder=True)
        ]

    def rule(self) -> PairRule:
        split = re.escape(self.split)
        start, frame = f"(?:{split}/)?(?:{split}_)?", r"/(?P<scene>\d+)/(?P<frame>\d+)"
        return PairRule(f"{start}blur{frame}", f"{start}sharp{frame}")
