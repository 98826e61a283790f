"""A small drawn world in the official layouts of four datasets, so that everything can be tried with no download.

folder/
  world.json           marks the folder as ours: seed and number of scenes
  coco/                COCO 2017: instances, keypoints, captions
  ade20k/              ADE20K scene parsing challenge
  nyu/                 NYU Depth v2, synchronised frames
  pets/                Oxford-IIIT Pet
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

__all__ = ["World", "write_world"]


@dataclass(frozen=True)
class World:
    """The folders of a drawn world, ready to be given to the dataset readers."""

    coco: Path
    ade20k: Path
    nyu: Path
    pets: Path


def write_world(folder: Path, *, scenes: int = 24, seed: int = 0) -> World:
    """Draw the world and write it. The same seed gives the same files, byte for byte, with the same libraries.

    Args:
        folder: made if missing. A world already there is replaced.
        scenes: number of COCO images; ADE20K gets half as many, NYU a quarter, the pets two thirds.
        seed: picks everything that is drawn.

    Raises:
        ValueError: scenes is below 1, or the folder holds one of the four datasets and no world of ours.
    """
    if scenes < 1:
        raise ValueError(f"scenes is {scenes}: the demo world needs at least 1 scene; 24 is a good number.")
    from .files import write_json
    from .write_ade20k import write_ade20k
    from .write_coco import write_coco
    from .write_nyu import write_nyu
    from .write_pets import write_pets

    folder = Path(folder)
    world = World(coco=folder / "coco", ade20k=folder / "ade20k", nyu=folder / "nyu", pets=folder / "pets")
    _clear(folder, world)
    write_json(folder / "world.json", {"seed": seed, "scenes": scenes})
    write_coco(world.coco, scenes, seed)
    write_ade20k(world.ade20k, max(2, scenes // 2), seed)
    write_nyu(world.nyu, max(1, scenes // 4), seed)
    write_pets(world.pets, max(2, scenes * 2 // 3), seed)
    return world


def _clear(folder: Path, world: World) -> None:
    """Make the folder, and remove an earlier world from it; never anything that we did not write."""
    folder.mkdir(parents=True, exist_ok=True)
    ours = (folder / "world.json").is_file()
    for place in (world.coco, world.ade20k, world.nyu, world.pets):
        if not place.exists():
            continue
        if not ours:
            raise ValueError(f"{place} exists and is not a demo world: give an empty folder for the demo world.")
        shutil.rmtree(place)
