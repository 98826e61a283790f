"""Which commits turn what a Hub repository holds into a dataset, so that every reader in between sees a whole one.

A reader of the Hub sees what the card's `data_files` match, so the card decides which version is shown, and a commit
is the smallest step that can be seen. From that follow the rules:

- When everything fits one commit, it is one commit.
- Otherwise files that the card on the Hub does not match are committed first, in parts. The card names the number of
  shards (`train-*-of-00012`), so a version with another number of shards can lie beside the shown one unseen.
- One last commit brings the new card, the files that the old card matches too, and removes what is stale.
- When those are too many for one commit (the same number of shards, all of other content), the new version is first
  committed to `staging-<digest>/`, the card is turned to it, the shards in `data/` are replaced while nobody looks
  at them, and the card is turned back. Content is stored once under its SHA-256, so this moves no more bytes.
- A repository without a card shows whatever it holds: before a first push in parts, a card that shows nothing yet.

`next_commit` looks at nothing but the wanted and the present state, so a push that was killed goes on from wherever
it was.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import yaml

from .card_head import SHARD_NAME

README: Final = "README.md"
_STAGING: Final = re.compile(r"staging-[0-9a-f]{12}/")
_HEAD: Final = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
_NO_DATA: Final = frozenset({README, ".gitattributes", "LICENSE.md", "LICENSE"})
ANNOUNCEMENT: Final = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/not-uploaded-yet.parquet
---

This dataset is being uploaded; its card and its data appear together when the upload is complete.
"""


@dataclass(frozen=True)
class HubFile:
    """A file to have on the Hub.

    Attributes:
        size: bytes.
        sha256: of its content, hexadecimal.
        content: the file on disk, or its bytes.
    """

    size: int
    sha256: str
    content: Path | bytes

    @classmethod
    def of_bytes(cls, data: bytes) -> HubFile:
        """A file made in memory."""
        return cls(len(data), hashlib.sha256(data).hexdigest(), data)

    @cached_property
    def git_sha1(self) -> str:
        """Its name as a git blob, by which the Hub lists files outside the large file storage."""
        digest = hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)
        if isinstance(self.content, bytes):
            digest.update(self.content)
        else:
            with self.content.open("rb") as opened:
                while block := opened.read(1 << 20):
                    digest.update(block)
        return digest.hexdigest()


@dataclass(frozen=True)
class Version:
    """The dataset as it should be on the Hub.

    Attributes:
        shards: file name -> Parquet file.
        readme: the card of shards in `data/`.
        staged_readme: the same card, of shards in `staging`.
        companions: files that belong to the card and change with it: manifest.json, LICENSE.md.
        others: path -> files that may come earlier: pictures, scores.
    """

    shards: Mapping[str, HubFile]
    readme: HubFile
    staged_readme: HubFile
    companions: Mapping[str, HubFile] = field(default_factory=dict)
    others: Mapping[str, HubFile] = field(default_factory=dict)

    @cached_property
    def files(self) -> dict[str, HubFile]:
        """Path -> file, for everything that should be there in the end."""
        data = {f"data/{name}": file for name, file in self.shards.items()}
        return {**data, **self.others, **self.companions, README: self.readme}


def staging_folder(shards: Mapping[str, HubFile]) -> str:
    """Where a version is staged: named by its content."""
    lines = "".join(f"{name} {file.sha256}\n" for name, file in sorted(shards.items()))
    return f"staging-{hashlib.sha256(lines.encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class Remote:
    """What a branch on the Hub holds.

    Attributes:
        files: path -> SHA-256 of its content, or another text that no SHA-256 equals.
        shown: patterns of the card's data files; None when it has none, and every file is shown.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    shown: tuple[str, ...] | None = None

    def shows(self, path: str) -> bool:
        """Whether a reader would take this file for data of the dataset."""
        if self.shown is None:
            return path not in _NO_DATA
        return any(fnmatch.fnmatchcase(path, one) or path.startswith(f"{one.rstrip('/')}/") for one in self.shown)

    def after(self, commit: Commit) -> Remote:
        """The state when the commit is made."""
        files = {
            path: digest
            for path, digest in self.files.items()
            if not any(path == gone or (gone.endswith("/") and path.startswith(gone)) for gone in commit.deletes)
        }
        files |= {path: file.sha256 for path, file in commit.adds.items()}
        card = commit.adds.get(README)
        return Remote(files, shown_by(card.content) if card and isinstance(card.content, bytes) else self.shown)


@dataclass(frozen=True)
class Commit:
    """One commit. adds: path -> file; deletes: paths, those of folders with a `/` at the end."""

    title: str
    adds: Mapping[str, HubFile] = field(default_factory=dict)
    deletes: tuple[str, ...] = ()


def shown_by(readme: bytes) -> tuple[str, ...] | None:
    """Patterns of the data files that a card names; None when it names none, or leaves any of them to be guessed."""
    head = _HEAD.match(readme.decode("utf-8", "replace").replace("\r\n", "\n"))
    try:
        value = yaml.safe_load(head[1]) if head else None
    except yaml.YAMLError:
        return None
    configs = value.get("configs") if isinstance(value, dict) else None
    if not isinstance(configs, list):
        return None
    found = [tuple(_patterns(one.get("data_files") if isinstance(one, dict) else None)) for one in configs]
    return sum(found, ()) if found and all(found) else None


def _patterns(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value.removeprefix("./")
    elif isinstance(value, list):
        for item in value:
            yield from _patterns(item)
    elif isinstance(value, dict):
        for item in [value["path"]] if "path" in value else value.values():
            yield from _patterns(item)


def plan_push(version: Version, remote: Remote, files_per_commit: int) -> list[Commit]:
    """Every commit from what is there to the version, in order; none when nothing has changed.

    Args:
        version: what should be there.
        remote: what is there.
        files_per_commit: at most so many files change in one commit, as long as readers can be kept from seeing halves.
    """
    commits: list[Commit] = []
    while commit := next_commit(version, remote, files_per_commit):
        commits.append(commit)
        remote = remote.after(commit)
        assert len(commits) <= 4 * (len(version.files) + len(remote.files)) + 8, "the plan does not end"
    return commits


def next_commit(version: Version, remote: Remote, limit: int) -> Commit | None:
    """The next commit on the way to the version; None at its end."""
    changed = {path: file for path, file in version.files.items() if remote.files.get(path) != file.sha256}
    stale = _stale(version, remote)
    if not changed and not stale:
        return None
    if len(changed) + len(stale) <= limit:
        return Commit("Upload the dataset" if changed else "Remove what is stale", changed, tuple(stale))
    if remote.shown is None:
        if all(path in _NO_DATA for path in remote.files):
            return Commit("Announce the upload", {README: HubFile.of_bytes(ANNOUNCEMENT.encode())})
        return Commit("Replace the dataset", changed, tuple(stale))  # no card to hide anything behind: all at once
    last = {path: changed[path] for path in (*version.companions, README) if path in changed}
    free = {path: file for path, file in changed.items() if path not in last and not remote.shows(path)}
    if free:
        return Commit("Upload a part", _first(free, limit))
    blocked = {path: file for path, file in changed.items() if path not in last}
    if len(blocked) + len(last) <= max(limit, len(last) + 1):
        room = max(limit - len(blocked) - len(last), 0 if blocked or last else 1)
        return Commit("Show the new version" if last else "Remove what is stale", blocked | last, tuple(stale[:room]))
    return _stage(version, remote, limit) or Commit("Replace the dataset", changed, tuple(stale))


def _stage(version: Version, remote: Remote, limit: int) -> Commit | None:
    """The next commit that brings the version to its own folder; None when the old card would show that too."""
    folder = staging_folder(version.shards)
    staged = {f"{folder}/{name}": file for name, file in version.shards.items()}
    missing = {path: file for path, file in staged.items() if remote.files.get(path) != file.sha256}
    if any(remote.shows(path) for path in missing):
        return None
    if missing:
        return Commit("Stage a part", _first(missing, limit))
    return Commit("Show the staged version", {README: version.staged_readme})


def _stale(version: Version, remote: Remote) -> list[str]:
    """Files of earlier versions and pushes; nothing that somebody else put there."""
    found = []
    for path in remote.files:
        folder, _, name = path.rpartition("/")
        if staging := _STAGING.match(path):
            found.append(staging[0])
        elif path in version.files:
            continue
        elif (folder == "data" and SHARD_NAME.fullmatch(name.removesuffix(".parquet"))) or (
            folder == "card" and name.endswith(".jpg")
        ):
            found.append(path)
    return sorted(set(found))


def _first(files: Mapping[str, HubFile], limit: int) -> dict[str, HubFile]:
    return {path: files[path] for path in sorted(files)[:limit]}
