"""GoPro: frames with the blur of a hand-held camera, each beside the sharp frame at its middle."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field

from ...manifests.recipe import Block
from ..reading.pair_matching import NamedPairSource, PairRule


class GoProOptions(Block):
    """Options of the GoPro source."""

    blurred: Literal["blur", "blur_gamma"] = Field(
        "blur",
        description="blur: frames averaged as they are; blur_gamma: averaged with a gamma of 2.2 undone",
    )


class GoPro(NamedPairSource):
    """GoPro (GOPRO_Large): 2,103 pairs of 22 clips for training and 1,111 of 11 clips for the test, 1280x720.

    Read as released, a folder a clip, or as the flat `input` and `target` of later repackings. The image key is the
    clip, so that no two frames of one video end up in different splits; flat files whose names hold no clip
    ("000001.png") can only be told apart one by one.
    """

    name = "gopro"
    title = "GoPro (motion blur)"
    homepage = "https://seungjunnah.github.io/Datasets/gopro"
    license = "CC BY 4.0"
    splits = ("train", "test")
    tree = """  GOPRO_Large/
    train/GOPR0372_07_00/blur/000047.png …              (and test/; blur_gamma/ by option)
    train/GOPR0372_07_00/sharp/000047.png …
  or
    train/input/GOPR0372_07_00-000047.png …
    train/target/GOPR0372_07_00-000047.png …"""
    options_type = GoProOptions
    kind = "blur"
    wrappers = ("GOPRO_Large",)
    scenes_span_splits = True

    def folders(self) -> list[Path]:
        return [self.require(self.split, folder=True)]

    def rule(self) -> PairRule:
        assert isinstance(self.options, GoProOptions)
        start = f"{re.escape(self.split)}/(?:[^/]+/)??(?:(?P<scene>[^/]+)/"
        frame = r"/(?:(?P<scene_in_name>GOPR\d+_\d+_\d+)[-_])?(?P<frame>[^/]+)"
        return PairRule(f"{start}{self.options.blurred}|input){frame}", f"{start}sharp|target){frame}")
