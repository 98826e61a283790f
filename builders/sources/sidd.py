"""SIDD: photographs of phones in poor light, and what is left of them without noise."""

from __future__ import annotations

from pathlib import Path

from ..reading.pair_matching import NamedPairSource, PairRule


class Sidd(NamedPairSource):
    """SIDD: 160 pairs (Small) or 320 (Medium) of 160 scene instances, sRGB; or the crops made from them.

    Crops carry the same name on both sides, or NOISY and GT. The image key is the scene instance, or for crops the
    number that their names begin with ("12_3.png", "0012_NOISY_SRGB_010_s003.png").
    """

    name = "sidd"
    title = "SIDD (noise of phone cameras, sRGB)"
    homepage = "https://www.eecs.yorku.ca/~kamel/sidd/"
    license = "see its homepage"
    splits = ("train", "val", "test")
    tree = """  SIDD_Small_sRGB_Only/                                 (or SIDD_Medium_Srgb/; split train)
    Data/0001_001_S6_00100_00060_3200_L/NOISY_SRGB_010.PNG …    (Medium: 0001_NOISY_SRGB_010.PNG)
    Data/0001_001_S6_00100_00060_3200_L/GT_SRGB_010.PNG …
  or
    train/input/1_1.png …                               (or input_crops/; also val/ and test/)
    train/gt/1_1.png …                                  (or target/, groundtruth/, gt_crops/, target_crops/)"""
    kind = "noise"
    wrappers = ("SIDD_Small_sRGB_Only", "SIDD_Medium_Srgb", "SIDD")

    def folders(self) -> list[Path]:
        names = ("Data", "train") if self.split == "train" else (self.split,)
        return [self.require(*names, folder=True)]

    def rule(self) -> PairRule:
        folder, crops = r"(?:[^/]+/)*(?:(?P<scene>\d{4})_\d{3}_[^/]+/(?P<number>\d+_)?", "(?:_crops|_patches)?/"
        name = r"(?:(?P<scene_in_name>\d+)_)?(?P<before>[^/]*?)"
        return PairRule(
            rf"{folder}NOISY_SRGB_(?P<frame>\d+)|(?:input|noisy){crops}{name}(?:NOISY(?P<after>[^/]*))?)",
            rf"{folder}GT_SRGB_(?P<frame>\d+)|(?:gt|target|groundtruth){crops}{name}(?:GT(?P<after>[^/]*))?)",
        )
