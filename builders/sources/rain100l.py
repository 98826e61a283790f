"""Rain100L: photographs with drawn streaks of light rain, and the same without."""

from __future__ import annotations

from pathlib import Path

from ..reading.pair_matching import NamedPairSource, PairRule

_FOLDERS = {
    "train": ("train/Rain100L", "RainTrainL", "rain_data_train_Light", "train"),
    "test": ("test/Rain100L", "Rain100L", "rain_data_test_Light", "test"),
}


class Rain100L(NamedPairSource):
    """Rain100L: 200 training and 100 test pairs as first released, 1,800 and 200 in the second release.

    Twins have the same number, however a release names them: rain-001 and norain-001, `rain` and `norain`, `rainy`
    beside norain-001, rain/X2/norain-1x2 (the second release), or `input` and `target` of later repackings.
    """

    name = "rain100l"
    title = "Rain100L (light rain)"
    homepage = "https://www.icst.pku.edu.cn/struct/Projects/joint_rain_removal.html"
    license = "not stated by its authors"
    splits = ("train", "test")
    tree = """  rain100l/
    Rain100L/rain-001.png …                             (training: RainTrainL/)
    Rain100L/norain-001.png …
  or
    test/Rain100L/input/1.png …                         (or rain/, rainy/; training: train/Rain100L/)
    test/Rain100L/target/1.png …                        (or norain/)
  or
    rain_data_test_Light/rain/X2/norain-1x2.png …       (training: rain_data_train_Light/)
    rain_data_test_Light/norain/norain-1.png …"""
    kind = "rain"

    def folders(self) -> list[Path]:
        return [self.require(*_FOLDERS.get(self.split, (self.split,)), folder=True)]

    def rule(self) -> PairRule:
        return PairRule(
            r"(?:.*/)?(?:(?:rain|rainy|input)/(?:X2/)?(?:(?:no)?rain-)?|rain-)(?P<number>\d+)(?:x2)?",
            r"(?:.*/)?(?:(?:norain|target)/(?:norain-)?|norain-)(?P<number>\d+)",
        )
