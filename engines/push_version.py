"""What of a dataset folder goes to the Hub, after a look that it is whole and may be published."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ..manifests.errors import DatasetFolderError, LicenseError
from ..manifests.folder import DatasetFolder
from ..writers.card import card_files
from ..writers.card_facts import CardFacts
from ..writers.card_head import SHARD_NAME
from ..writers.hub_plan import README, HubFile, Version, staging_folder
from ..writers.shards import file_sha256
from .card import fresh_facts

EXTRAS: Final = ("scores", "rejects", "dropped")
"""What may be uploaded besides the card, the manifest and the data."""

MAX_SHARDS: Final = 10_000
"""Files that the Hub takes in one folder (hub documentation, "Repository limitations and recommendations")."""


def publishable(root: Path, repo: str, allow_licenses: bool, say: Callable[[str], None]) -> CardFacts:
    """What the card says, of a dataset that is whole and may be published.

    Args:
        root: the dataset.
        repo: USER/NAME, for the card's example.
        allow_licenses: publish sources whose licence forbids it.
        say: hears the warnings about licences.

    Raises:
        DatasetFolderError: it is not finished, or not whole.
        LicenseError: a source's licence forbids it.
    """
    folder = DatasetFolder(root)
    _check_whole(folder, folder.manifest())
    facts = replace(fresh_facts(root), repo=repo)
    combined = facts.licenses()
    for warning in combined.warnings:
        say(warning)
    if combined.forbidden and not allow_licenses:
        raise LicenseError(
            f"the terms of {', '.join(combined.forbidden)} do not allow copies to be handed on; build without them, or "
            "give --allow-licenses if you have the permission"
        )
    return facts


def _check_whole(folder: DatasetFolder, manifest: Mapping[str, Any]) -> None:
    """Every listed shard is there with its size, numbers have no gap, and nothing else lies beside them."""
    listed = {shard["name"]: shard for shard in manifest["shards"]}
    if len(listed) > MAX_SHARDS:
        raise DatasetFolderError(
            f"{folder.root} has {len(listed):,} shards and the Hub takes {MAX_SHARDS:,} files in a folder; build it "
            "with larger ones (output.rows_per_shard in the recipe)"
        )
    for name, shard in listed.items():
        file = folder.shard_file(name)
        if not file.is_file():
            raise DatasetFolderError(f"{file} is missing; run the same build command again")
        if file.stat().st_size != shard["bytes"]:
            raise DatasetFolderError(
                f"{file} has {file.stat().st_size} bytes, and the manifest lists {shard['bytes']}; run taskpaint verify"
            )
    numbers: dict[tuple[str, str], set[int]] = {}
    for name in listed:
        if found := SHARD_NAME.fullmatch(name):
            numbers.setdefault((found["split"], found["count"]), set()).add(int(found["number"]))
        else:
            raise DatasetFolderError(f"shard {name} is not named like train-00000-of-00001")
    for (split, count), found_numbers in numbers.items():
        if found_numbers != set(range(int(count))):
            raise DatasetFolderError(f"{split} has {len(found_numbers)} of its {int(count)} shards; build it again")
    if strange := [file.name for file in folder.shards() if file.stem not in listed]:
        raise DatasetFolderError(f"{folder.data / strange[0]} is not in the manifest; move it away")


def version_of(root: Path, facts: CardFacts, extras: Sequence[str]) -> Version:
    """Every file that should be on the Hub.

    Args:
        root: the dataset.
        facts: what its card says.
        extras: of EXTRAS, what to upload too.

    Raises:
        DatasetFolderError: an extra is missing.
    """
    folder = DatasetFolder(root)
    shards = {
        f"{shard['name']}.parquet": HubFile(shard["bytes"], shard["sha256"], folder.shard_file(shard["name"]))
        for shard in facts.manifest["shards"]
    }
    card = {path: HubFile.of_bytes(data) for path, data in card_files(facts).items()}
    staged = card_files(replace(facts, folder=staging_folder(shards)))[README]
    companions = {"LICENSE.md": card.pop("LICENSE.md"), "manifest.json": _on_disk(folder.manifest_file)}
    others = {**card, **{str(file.relative_to(root)): _on_disk(file) for file in _extra_files(root, extras)}}
    return Version(shards, others.pop(README), HubFile.of_bytes(staged), companions, others)


def _extra_files(root: Path, extras: Sequence[str]) -> list[Path]:
    where: dict[str, list[Path]] = {
        "scores": [*sorted((root / "scores").glob("*.parquet")), root / "scores" / "scores.json"],
        "rejects": [root / "rejects.jsonl"],
        "dropped": [root / "dropped.parquet"],
    }
    found = []
    for extra in dict.fromkeys(extras):
        for file in where[extra]:
            if not file.is_file():
                raise DatasetFolderError(f"{file} is missing, and --include {extra} asks for it")
            found.append(file)
    return found


def _on_disk(file: Path) -> HubFile:
    return HubFile(file.stat().st_size, file_sha256(file), file)
