"""What a rank's run came to, and the sentence about shards that ranks have not done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..manifests.share import rank_command, world_size

_NAMED: Final = 8


@dataclass(frozen=True)
class RankReport:
    """What a rank's run came to.

    Attributes:
        shards: of this rank; `resumed_shards` of them were done by an earlier run.
        missing_shards: of all ranks, not done yet.
        seconds: of this run.
    """

    root: Path | str
    rank: int
    world_size: int
    shards: int
    resumed_shards: int
    missing_shards: int
    seconds: float


def unfinished(home: Path, names: Sequence[str], missing: Sequence[int], otherwise: str) -> str:
    """Which shards are missing, whose they are, and how to start those ranks again.

    Args:
        home: of the ranks' agreement.
        names: of all shards.
        missing: numbers of those that are not done, at least one.
        otherwise: what to run again where no ranks are at work.
    """
    some = ", ".join(names[number] for number in missing[:_NAMED])
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return f"{len(missing)} of {len(names)} shards are missing: {some}{more}; run {_whose(home, missing, otherwise)}"


def _whose(home: Path, missing: Sequence[int], otherwise: str) -> str:
    ranks = world_size(home)
    if not ranks:
        return f"{otherwise} again"
    whose = sorted({number % ranks for number in missing})
    listed = ", ".join(map(str, whose[:_NAMED])) + (f" and {len(whose) - _NAMED} more" if len(whose) > _NAMED else "")
    who = f"rank{'s' * (len(whose) > 1)} {listed} of {ranks} again"
    command = rank_command(home)
    return f"{who}: {command} --rank {whose[0]} --world-size {ranks}" if command else who
