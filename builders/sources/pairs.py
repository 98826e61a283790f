"""Pairs of a degraded and a clean photograph in any layout, told by two globs and a rule for the key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pydantic import Field, field_validator

from ...manifests.errors import SourceLayoutError
from ...manifests.recipe import Block
from ..pair_matching import Half, PairRule, PairSource, match
from ..sample import Feature
from ..source import Entry, Reject


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
    homepage = "https://github.com/XMU-smartdsp/Removing_Rain"
    license = "as stated by whoever made the images"
    splits = ("train", "validation", "test")
    tree = """  folder/
    input/0001.png …                                    (glob `degraded`, by default **/input/*)
    target/0001.png …                                   (glob `clean`, by default **/target/*)
  for Rain-DerainNet, with key /(\\d+)[a-z_]+\\.jpg$
    synthetic/1rain.jpg …                               (degraded: synthetic/*rain.jpg)
    synthetic/1ground_truth.jpg …                       (clean: synthetic/*ground_truth.jpg)"""
    options_type = PairsOptions
