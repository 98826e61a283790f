"""Pairs of a degraded photograph and its clean twin, matched by key and never by the order of a listing.

A named dataset states two rules, regular expressions for the degraded and the clean files; everything else is here.
"""

from __future__ import annotations

import abc
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from ...manifests.recipe import Block
from ..sample import Feature, FileBytes, Pair, Sample
from ..source import Entry, Reject, Source

IMAGE_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm"))


@dataclass(frozen=True, slots=True)
class Half:
    """One file of a pair.

    Attributes:
        path: below the dataset's folder, with "/".
        key: the same for both files of a pair.
        id: names a degraded file among all others.
        scene: names what no split may cut apart, a clip or the photograph that crops come from; empty: the key does.
    """

    path: str
    key: str
    id: str
    scene: str = ""


@dataclass(frozen=True, slots=True)
class PairRule:
    """How a dataset names its pairs.

    Each side is a regular expression for whole paths below the dataset's folder, without the file's suffix. The named
    groups of the clean side, which the degraded side has too, are the key; further groups of the degraded side tell
    several degraded versions of one clean photograph apart. The last group that takes part among those whose names
    begin with "scene" is the scene.
    """

    degraded: str
    clean: str

    def halves(self, paths: Iterable[str]) -> tuple[list[Half], list[Half]]:
        """The degraded and the clean files among some paths; a path that fits both sides is a degraded one."""
        degraded, clean = re.compile(self.degraded), re.compile(self.clean)
        sides: tuple[list[Half], list[Half]] = ([], [])
        for path in paths:
            stem = str(PurePosixPath(path).with_suffix(""))
            for side, rule in zip(sides, (degraded, clean), strict=True):
                if found := rule.fullmatch(stem):
                    key = _joined(found, clean.groupindex)
                    side.append(Half(path, key, _joined(found, rule.groupindex), _scene(found)))
                    break
        return sides


def match(
    degraded: Iterable[Half], clean: Iterable[Half], reject: Reject, remedy: str = ""
) -> Iterator[tuple[Half, Half]]:
    """Bring the halves together by key, in the order of the degraded ones.

    Every file that stays alone is rejected by its path, and so are clean files that share a key, with all that
    would go with them.

    Args:
        remedy: added to the reason when keys are shared; says what to do.
    """
    clean_by_key: dict[str, list[Half]] = {}
    for half in clean:
        clean_by_key.setdefault(half.key, []).append(half)
    used: set[str] = set()
    for half in degraded:
        twins = clean_by_key.get(half.key, [])
        used.add(half.key)
        if not twins:
            reject(half.path, f"the degraded image has no clean twin with the key {half.key!r}")
        elif len(twins) > 1:
            reject(half.path, f"{twins[0].path} and {twins[1].path} share the key {half.key!r}{remedy}")
        else:
            yield half, twins[0]
    for key, twins in clean_by_key.items():
        for twin in twins if key not in used else ():
            reject(twin.path, f"the clean image has no degraded twin with the key {key!r}")


def files_below(
    root: Path, folders: Iterable[Path], fits: Callable[[str], bool] = IMAGE_SUFFIXES.__contains__
) -> list[str]:
    """Paths of the images in some folders, relative to `root` with "/", sorted; hidden files are left out.

    Args:
        fits: whether a lower-case suffix is wanted.

    Raises:
        OSError: a folder cannot be listed.
    """

    def refuse(fault: OSError) -> None:
        raise fault

    found: set[str] = set()
    for folder in folders:
        for base, inner, names in os.walk(folder, onerror=refuse):
            inner[:] = [name for name in inner if not name.startswith((".", "__MACOSX"))]
            place = Path(base).relative_to(root)
            # "._name.png" holds what macOS knows of a file, and no picture
            found.update(
                (place / name).as_posix()
                for name in names
                if not name.startswith(".") and fits(PurePosixPath(name).suffix.lower())
            )
    return sorted(found)


class PairSource(Source):
    """A dataset of degraded photographs and their clean twins.

    The sample's image is the degraded photograph, the pair's image the clean one.
    """

    features = Feature.RESTORATION
    kind: str
    """What the clean photograph is free of: "blur", "noise" …"""
    remedy: ClassVar[str] = ""
    """Told to a user whose clean images share a key."""

    @abc.abstractmethod
    def folders(self) -> list[Path]:
        """Folders with the split's images.

        Raises:
            SourceLayoutError: they are missing.
        """

    @abc.abstractmethod
    def halves(self, reject: Reject) -> tuple[list[Half], list[Half]]:
        """The degraded and the clean files."""

    @abc.abstractmethod
    def image_key(self, clean: Half) -> str:
        """Names the clean photograph, or the scene that no split may cut apart."""

    def inputs(self) -> list[Path]:
        return self.folders()

    def scan(self, reject: Reject) -> Iterator[Entry]:
        for degraded, clean in match(*self.halves(reject), reject, self.remedy):
            yield self.entry(degraded, clean)

    def entry(self, degraded: Half, clean: Half) -> Entry:
        """The entry of one pair."""
        record = {"degraded": degraded.path, "clean": clean.path}
        return Entry(degraded.id, self.image_key(clean), Feature.RESTORATION, record)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        return Sample(
            id=entry_id,
            image=FileBytes(self.file(record["degraded"])),
            pair=Pair(FileBytes(self.file(record["clean"])), self.kind),
        )


class NamedPairSource(PairSource):
    """A dataset whose files belong together by a `PairRule`."""

    wrappers: ClassVar[tuple[str, ...]] = ()
    """Folders that the official archives bring; the dataset's path may be one of them, or what holds it."""
    scenes_span_splits: ClassVar[bool] = False
    """Whether a scene's name means the same in every split; else the split becomes part of the image key."""

    def __init__(self, path: Path, split: str = "", options: Block | None = None) -> None:
        inner = next((path / name for name in self.wrappers if (path / name).is_dir()), path)
        super().__init__(inner, split, options)

    @abc.abstractmethod
    def rule(self) -> PairRule:
        """How files are named."""

    def halves(self, reject: Reject) -> tuple[list[Half], list[Half]]:
        return self.rule().halves(files_below(self.path, self.folders()))

    def image_key(self, clean: Half) -> str:
        split = "" if clean.scene and self.scenes_span_splits else f"{self.split}/"
        return f"{self.name}/{split}{clean.scene or clean.key}"


def _joined(found: re.Match[str], groups: Iterable[str]) -> str:
    parts = found.groupdict()
    return "/".join(parts[group] for group in groups if parts[group])


def _scene(found: re.Match[str]) -> str:
    scenes = [part for group, part in found.groupdict().items() if group.startswith("scene") and part]
    return scenes[-1] if scenes else ""
