"""What lies where in a reference's folder.

REF/vectors/part-00000.npy      (rows, dim) float16 or float32, as the embedder gave them
REF/keys/part-00000.npy         (rows, 2) uint64, first 16 bytes of the SHA-256 of each picture; absent for embeddings
REF/index/centre.npy            (dim,) float32, taken off before vectors go to FAISS
REF/index/trained.faiss         the trained index, empty
REF/index/lists-part-00000.npy  (rows,) int32, inverted list of each vector
REF/index/whole.faiss           the index; like the two above absent where the factory is Flat
REF/quantiles.json              form and K -> 1,001 quantiles of the reference's own scores
REF/reference.json              what it is and what was measured, written last
REF/rejects.jsonl               what was left out, and why
REF/.taskpaint/                 what it was begun with, finished parts
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import UsageError
from ...manifests.folder import replacing

Keys = NDArray[np.uint64]
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Part:
    """A finished part.

    Attributes:
        name: "part-00000".
        rows: vectors in it.
        sha256: of the file of vectors.
        keyed: whether it has keys.
        rejects: items of its input that gave no vector.
        norms: least, sum of squares, most of the vectors' lengths, in float64; zeros where there are no rows.
        rounding: sum of squares of the relative error that storing brought.
    """

    name: str
    rows: int
    sha256: str
    keyed: bool
    rejects: int
    norms: list[float]
    rounding: float


@dataclass(frozen=True)
class ReferenceFolder:
    """Paths inside a reference's folder."""

    root: Path

    @property
    def state(self) -> Path:
        """Bookkeeping."""
        return self.root / ".taskpaint"

    @property
    def description(self) -> Path:
        """What the reference is; the reference is whole when this is there."""
        return self.root / "reference.json"

    @property
    def quantiles(self) -> Path:
        """Quantiles of the reference's own scores; apart, since they are long and not for reading."""
        return self.root / "quantiles.json"

    @property
    def index(self) -> Path:
        """Everything made with FAISS."""
        return self.root / "index"

    def vectors(self, part: str) -> Path:
        """Vectors of a part."""
        return self.root / "vectors" / f"{part}.npy"

    def keys(self, part: str) -> Path:
        """Keys of a part."""
        return self.root / "keys" / f"{part}.npy"

    def record(self, part: str) -> Path:
        """Says that a part is finished."""
        return self.state / "parts" / f"{part}.json"

    def rejects(self, part: str) -> Path:
        """What a part left out."""
        return self.state / "parts" / f"{part}.rejects.jsonl"

    def lists(self, part: str) -> Path:
        """Inverted lists of a part's vectors."""
        return self.index / f"lists-{part}.npy"

    def make(self) -> None:
        """Make the folders."""
        for folder in ("vectors", "keys", "index", ".taskpaint/parts"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)

    def finished(self, part: str) -> Part | None:
        """A part's record, when it is done and its files are there."""
        try:
            found = Part(**json.loads(self.record(part).read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None  # not begun, or killed in the middle
        files = [self.vectors(part), *([self.keys(part)] if found.keyed else [])]
        return found if all(file.is_file() for file in files) else None

    def note(self, part: Part) -> None:
        """Say that a part is finished; on disk before this returns."""
        text = json.dumps(asdict(part))
        write_whole(self.record(part.name), lambda opened: opened.write(text.encode()))

    def read_description(self) -> dict[str, Any]:
        """reference.json.

        Raises:
            UsageError: there is none, or it is broken or of another version.
        """
        try:
            value = json.loads(self.description.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError) as fault:
            raise UsageError(
                f"{self.root} is no finished reference (it has no reference.json); make it with taskpaint index"
            ) from fault
        except (OSError, ValueError) as fault:
            raise UsageError(f"{self.description} cannot be read: {fault}") from fault
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise UsageError(f"{self.description} is not of format {FORMAT}; make it again with this taskpaint")
        return value


def part_name(number: int) -> str:
    """3 -> "part-00003"."""
    return f"part-{number:05d}"


def write_whole(file: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file that appears whole or not at all, and is on disk before this returns."""
    with replacing(file, alone=True) as part, part.open("wb") as opened:
        write(opened)


def write_array(file: Path, array: NDArray[Any]) -> None:
    """Write a .npy file; it appears whole or not at all."""
    write_whole(file, lambda opened: np.save(opened, array, allow_pickle=False))


def digest_of(value: Mapping[str, Any]) -> str:
    """SHA-256 of a JSON-able value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
