"""A dataset in a store, read through a local folder that holds what was fetched of it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import DatasetFolderError, OutputError
from ..folder import DatasetFolder, write_text
from ..locks import held
from .claim import WHOLE, busy_here, hold
from .store import Found, Store
from .url import local_folder, place, refuse_url

_AT_ONCE: Final = 8
_BESIDE: Final = ("README.md", "LICENSE.md", "rejects.jsonl", "dropped.parquet")
_FOLDERS: Final = ("scores", "card")


@dataclass(frozen=True)
class RemoteDataset(DatasetFolder):
    """A published dataset behind a URL.

    A shard is kept under its name together with the sha256 that the manifest gave it; when the manifest names another,
    it is fetched anew.
    """

    store: Store

    @classmethod
    def open(cls, url: str) -> RemoteDataset:
        """Fetch the manifest.

        Raises:
            DatasetFolderError: there is none: nothing was published there.
            StorageError: the store refuses or cannot be reached.
        """
        folder = cls(local_folder("datasets", url), Store(url))
        manifest = folder.store.read("manifest.json")
        if manifest is None:
            raise DatasetFolderError(
                f"{url}/manifest.json is missing; is it a dataset of taskpaint? An unfinished build has none: "
                f"taskpaint status {url}"
            )
        for place_ in (folder.data, folder._notes):
            place_.mkdir(parents=True, exist_ok=True)
        folder.manifest_file.write_bytes(manifest)
        return folder

    @property
    def place(self) -> str:
        """The URL."""
        return self.store.url

    @property
    def _notes(self) -> Path:
        return self.state / "fetched"

    def shards(self) -> list[Path]:
        """Where the shards that are in the store lie once they are fetched, by name.

        Raises:
            DatasetFolderError: there are none.
        """
        names = sorted(name for name in self.store.find("data") if name.endswith(".parquet") and name.count("/") == 1)
        if not names:
            raise DatasetFolderError(f"{self.store.url} holds no data/*.parquet; was it removed?")
        return [self.root / name for name in names]

    @contextlib.contextmanager
    def borrowed(self, name: str) -> Iterator[Path]:
        """A shard for a moment, as it is in the store, whatever the manifest says of it.

        Raises:
            FileNotFoundError: it is not there.
        """
        with tempfile.TemporaryDirectory(dir=self.root, prefix=".borrowed-") as folder:
            file = Path(folder) / f"{name}.parquet"
            self.store.download(f"data/{name}.parquet", file)
            yield file

    def fetch(self, on_bytes: Callable[[int], None] | None = None) -> None:
        """Bring everything here that is not here yet.

        Args:
            on_bytes: called with the size of each shard that is here.

        Raises:
            DatasetFolderError: a shard of the manifest is missing, or is another one.
            OutputError: there is not enough room.
        """
        listed = self._listed()
        wanted = [shard for shard in listed if not self._is_here(shard)]
        self._check_room(sum(shard["bytes"] for shard in wanted))
        for file in self.data.glob("*.parquet"):
            if file.stem not in {shard["name"] for shard in listed}:
                file.unlink()
        tell = on_bytes or (lambda count: None)
        tell(sum(shard["bytes"] for shard in listed) - sum(shard["bytes"] for shard in wanted))
        self._fetch_beside()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            begun = {pool.submit(self._fetch_shard, shard): shard for shard in wanted}
            try:
                for done in as_completed(begun):
                    done.result()
                    tell(begun[done]["bytes"])
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    def _listed(self) -> list[dict[str, Any]]:
        listed = self.manifest().get("shards")
        keys = {"name": str, "bytes": int, "sha256": str}
        if not isinstance(listed, list) or not all(
            isinstance(shard, dict) and all(isinstance(shard.get(key), kind) for key, kind in keys.items())
            for shard in listed
        ):
            raise DatasetFolderError(f"{self.store.url}/manifest.json lists no shards; is it a dataset of taskpaint?")
        if odd := [shard["name"] for shard in listed if Path(shard["name"]).name != shard["name"]]:
            raise DatasetFolderError(f"{self.store.url}/manifest.json: {odd[0]!r} is no name of a shard")
        return listed

    def _is_here(self, shard: dict[str, Any]) -> bool:
        try:
            noted = (self._notes / shard["name"]).read_text(encoding="utf-8")
            return noted == shard["sha256"] and self.shard_file(shard["name"]).stat().st_size == shard["bytes"]
        except FileNotFoundError:
            return False

    def _check_room(self, wanted: int) -> None:
        free = shutil.disk_usage(self.root).free
        if wanted > free:
            raise OutputError(
                f"{self.store.url} needs {wanted / 1e9:.1f} GB in {self.root}, and {free / 1e9:.1f} GB are free; set "
                "TASKPAINT_CACHE to a folder with more room"
            )

    def _fetch_shard(self, shard: dict[str, Any]) -> None:
        file = self.shard_file(shard["name"])
        try:
            self.store.download(f"data/{file.name}", file)
        except FileNotFoundError as fault:
            raise DatasetFolderError(
                f"{self.store.url}/data/{file.name} is missing, though manifest.json lists it; "
                f"taskpaint verify {self.store.url} tells more"
            ) from fault
        found = _sha256(file)
        if found != shard["sha256"]:
            file.unlink()
            raise DatasetFolderError(
                f"{self.store.url}/data/{file.name} is not the shard that manifest.json lists; "
                f"taskpaint verify {self.store.url} tells more"
            )
        write_text(self._notes / shard["name"], found)

    def _fetch_beside(self) -> None:
        """Card, rejects and scores: those that are new or changed, and none that have gone."""
        there = self._beside()
        stamps = self._notes / "beside.json"
        known = json.loads(stamps.read_text(encoding="utf-8")) if stamps.exists() else {}
        here = self._contents()
        for name in here.keys() - there.keys() - {"manifest.json"}:
            (self.root / name).unlink()
        for name, found in there.items():
            file = self.root / name
            if known.get(name) != [found.size, found.stamp, here.get(name)]:
                file.parent.mkdir(parents=True, exist_ok=True)
                self.store.download(name, file)
            known[name] = [found.size, found.stamp, _sha256(file)]
        write_text(stamps, json.dumps({name: known[name] for name in there}))

    def _beside(self) -> dict[str, Found]:
        found = {name: one for folder in _FOLDERS for name, one in self.store.find(folder).items()}
        for name in sorted(set(self.store.names()) & set(_BESIDE)):
            if (one := self.store.look(name)) is not None:
                found[name] = one
        return {name: one for name, one in found.items() if ".." not in name.split("/")}

    @contextlib.contextmanager
    def changing(self, on_bytes: Callable[[int], None] | None = None) -> Iterator[None]:
        """Fetch everything, hold the URL, and at the end put there what the block changed beside the shards.

        Args:
            on_bytes: as for `fetch`.

        Raises:
            FolderBusyError: another run is writing there.
        """
        self.store.check_writable()
        alone_here = held(self.state / "lock-url", busy_here(self.store.url))  # `lock` is for what runs inside
        with alone_here, hold(self.store, WHOLE, self.root.absolute()):
            self.fetch(on_bytes)
            before = self._contents()
            yield
            after = self._contents()
            for name in sorted(after, key=lambda name: (name == "manifest.json", name)):
                if after[name] != before.get(name):
                    self.store.upload(self.root / name, name)
            self.store.remove_all(before.keys() - after.keys())

    def _contents(self) -> dict[str, str]:
        files = [self.root / name for name in (*_BESIDE, "manifest.json")]
        files += [file for folder in _FOLDERS for file in (self.root / folder).rglob("*")]
        return {file.relative_to(self.root).as_posix(): _sha256(file) for file in files if file.is_file()}


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def open_dataset(where: Path | str) -> DatasetFolder:
    """A dataset folder, or one behind a URL, of which the manifest alone is fetched.

    Raises:
        UsageError: no usable URL.
        DatasetFolderError: nothing was published there.
        StorageError: the store refuses or cannot be reached.
    """
    found = place(where) if isinstance(where, str) else where
    if isinstance(found, str):
        return RemoteDataset.open(found)
    refuse_url(found, "give the URL as text, not as a Path")
    return DatasetFolder(found)
