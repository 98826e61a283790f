"""Pairs of a degraded and a clean photograph in any layout, told by two globs and a rule for the key."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from pydantic import Field, field_validator

from ...manifests.errors import SourceLayoutError
from ...manifests.recipe import Block
from ..reading.pair_matching import Half, PairSource
from ..source import Reject


class PairsOptions(Block):
    """Options of the source for pairs in any layout."""

    degraded: str = Field("**/input/*", description="glob of the degraded images; {split} stands for the split")
    clean: str = Field("**/target/*", description="glob of the clean images; {split} stands for the split")
    key: str = Field(
        r"([^/]+)\.\w+$",
        description="regular expression with groups, searched in each path below the folder; both files of a pair give "
        "the same groups, and one clean image may have many degraded ones",
    )
    scene: str = Field(
        "",
        description="regular expression with groups, searched in the clean path; images of one scene, such as frames "
        "of one video, share a split; empty: each clean image is its own",
    )
    kind: str = Field(
        "degradation",
        pattern=r"^\w[\w -]*$",
        description="what the clean image is free of: blur, noise, rain, watermark, haze, low light …",
    )
    dataset: str = Field("", description="start of the photographs' names; the same in sources that share photographs")

    @field_validator("degraded", "clean")
    @classmethod
    def _stays_inside(cls, pattern: str) -> str:
        path = PurePosixPath(pattern)
        if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in pattern:
            raise ValueError(f"glob {pattern!r} must be relative and stay in the dataset's folder")
        if any("**" in part and part != "**" for part in path.parts):
            raise ValueError(f"glob {pattern!r}: ** must stand alone between slashes")
        return pattern

    @field_validator("key", "scene")
    @classmethod
    def _has_a_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except (re.error, RecursionError, OverflowError) as fault:
            raise ValueError(f"{pattern!r} is no regular expression: {fault}") from fault
        if pattern and not groups:
            raise ValueError(f"{pattern!r} has no group; put brackets round the part that both files of a pair share")
        return pattern


class Pairs(PairSource):
    """Degraded photographs and their clean twins from any folder.

    Files are matched by the groups of `key`, never by their order; those that stay alone are rejected by name.
    Rain-DerainNet (1rain.jpg beside 1ground_truth.jpg): `degraded: synthetic/*rain.jpg`,
    `clean: synthetic/*ground_truth.jpg`, `key: /(\\d+)[a-z_]+\\.jpg$`, `kind: rain`. Rain14000
    (im_0002_s80_a04.jpg of im_0002.jpg): `key: (im_\\d+)`.
    """

    name = "pairs"
    title = "pairs of degraded and clean images, any layout"
    homepage = "https://xueyangfu.github.io/projects/cvpr2017.html"
    license = "as stated by whoever made the images"
    splits = ("train", "validation", "test")
    tree = """  folder/
    input/0001.png …                                    (glob `degraded`, by default **/input/*)
    target/0001.png …                                   (glob `clean`, by default **/target/*)
  for Rain-DerainNet, with key /(\\d+)[a-z_]+\\.jpg$
    synthetic/1rain.jpg …                               (degraded: synthetic/*rain.jpg)
    synthetic/1ground_truth.jpg …                       (clean: synthetic/*ground_truth.jpg)"""
    options_type = PairsOptions
    remedy = "; make the option `key` tell them apart"

    def __init__(self, path: Path, split: str = "", options: Block | None = None) -> None:
        super().__init__(path, split, options)
        assert isinstance(self.options, PairsOptions)
        self.wanted = self.options
        self.kind = self.wanted.kind

    def folders(self) -> list[Path]:
        """The last folders of both globs that hold no wildcard."""
        found = []
        for pattern in (self.wanted.degraded, self.wanted.clean):
            fixed = self.path
            for part in PurePosixPath(self._filled(pattern)).parts[:-1]:
                if re.search(r"[*?\[]", part):
                    break
                fixed /= part
            if not fixed.is_dir():
                raise SourceLayoutError(
                    f"source {self.name}: folder {fixed} is missing; correct the glob {pattern!r} or the split"
                )
            found.append(fixed)
        return list(dict.fromkeys(found))

    def halves(self, reject: Reject) -> tuple[list[Half], list[Half]]:
        degraded = self._halves(self.wanted.degraded, reject)
        taken = {half.path for half in degraded}
        return degraded, [half for half in self._halves(self.wanted.clean, reject) if half.path not in taken]

    def image_key(self, clean: Half) -> str:
        start = self.wanted.dataset or f"{self.name}/{self.split}"
        return f"{start}/{clean.scene or clean.key}"

    def _filled(self, pattern: str) -> str:
        return pattern.replace("{split}", self.split)

    def _halves(self, pattern: str, reject: Reject) -> list[Half]:
        key, scene = re.compile(self.wanted.key), re.compile(self.wanted.scene)
        found = []
        for file in sorted(self.path.glob(self._filled(pattern))):
            path = file.relative_to(self.path)
            if path.name.startswith(".") or not file.is_file():
                continue
            name = path.as_posix()
            if shared := _groups(key, name):
                found.append(Half(name, shared, path.with_suffix("").as_posix(), _groups(scene, name)))
            else:
                reject(name, f"the option `key`, {self.wanted.key}, finds nothing in the path")
        return found


def _groups(pattern: re.Pattern[str], path: str) -> str:
    """What the groups of a pattern hold, or nothing."""
    found = pattern.search(path)
    return "/".join(part for part in found.groups() if part) if found else ""
