"""GDD: panes of glass, in 2,980 training and 936 test photographs of windows, doors, tables and walls."""

from __future__ import annotations

from pathlib import Path

from ._mask_folders import MaskFolders


class Gdd(MaskFolders):
    """GDD from its official folders."""

    name = "gdd"
    title = "GDD (glass surfaces)"
    homepage = "https://mhaiyang.github.io/CVPR2020_GDNet/index.html"
    license = "non-commercial research"
    splits = ("train", "test")
    tree = """  gdd/
    train/image/1.jpg …      (test for split test)
    train/mask/1.png …"""

    def photographs(self) -> Path:
        return self.require(f"{self.split}/image", f"GDD/{self.split}/image", folder=True)

    def masks(self) -> Path:
        return self.require(f"{self.split}/mask", f"GDD/{self.split}/mask", folder=True)

    def subject(self, stem: str) -> str:
        return "glass surface"
