"""From a reference's vectors to its index and its description."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..filters.reference.factory import FLAT, check_factory, choose_factory, index_bytes, usual_memory
from ..filters.reference.forms import FLOOR, USUAL_K, Form, usual_forms
from ..filters.reference.layout import FORMAT, Part, ReferenceFolder, digest_of, write_array
from ..filters.reference.measure import Demand, Setting, settle, with_quantiles
from ..filters.reference.reference import Reference, space_of, write_settings
from ..filters.reference.training import Lists, fill, mean_vector, read_index, train, write_index
from ..filters.reference.vectors import Normalize, Vectors
from ..manifests.errors import UsageError
from ..manifests.folder import write_json
from .index_options import IndexOptions, Progress

Wanted = Sequence[tuple[Form, int]]


@dataclass(frozen=True)
class Finish:
    """How vectors become a reference.

    Attributes:
        embedder: as reference.json has it.
        dtype, dim: of the stored vectors.
        normalize, identical: see `IndexOptions`; decided by now.
        options: `factory`, `memory`, `points`, `wanted` and `demand` count.
        like: whose trained index is taken.
        lists_of: references whose parts these are, in order, when their lists can be taken too.
    """

    embedder: dict[str, Any]
    dtype: str
    dim: int
    normalize: Normalize
    identical: str
    options: IndexOptions
    like: Reference | None = None
    lists_of: Sequence[Reference] = ()


@dataclass
class _Clock:
    """Seconds of each stage."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """Time a stage."""
        started = time.monotonic()
        yield
        self.seconds[stage] = round(time.monotonic() - started, 3)


def finish(
    folder: ReferenceFolder, parts: list[Part], how: Finish, progress: Progress, vector_seconds: float
) -> dict[str, Any]:
    """Make what is missing of the index, measure it, and describe the reference.

    Returns:
        What reference.json says.

    Raises:
        UsageError: the factory or K do not go with the vectors.
        BuildError: the index is not good enough.
        OSError: the disk is full or cannot be written.
    """
    clock = _Clock({"vectors": round(vector_seconds, 3)})
    vectors = Vectors(folder, parts, how.dim, how.normalize)
    wanted = _wanted(how.options.wanted, len(vectors))
    factory = _factory(how, len(vectors))
    done = _claim_index(folder, parts, how, factory, wanted)
    if done is not None:
        return done
    with clock.of("train"):
        trained_sha256 = _train(folder, vectors, how, factory, progress)
    kept = [part for part in parts if part.rows]
    if factory != FLAT:
        with clock.of("lists"):
            _assign(folder, kept, vectors, how, progress)
        with clock.of("fill"):
            _assemble(folder, kept, vectors, progress)
    about = _describe(folder, parts, how, factory, trained_sha256, vectors)
    with clock.of("measure"):
        settings = _measure(folder, about, wanted, how.options.demand, progress)
    about |= {"demand": asdict(how.options.demand), "seconds": clock.seconds}
    return write_settings(folder, about, settings)


def measure_again(reference: Reference, asked: Wanted | None, demand: Demand, progress: Progress) -> dict[str, Any]:
    """Measure more forms and K; those measured before are kept, and replaced where asked for again."""
    wanted = _wanted(asked, len(reference))
    settings = _measure(reference.folder, reference.about, wanted, demand, progress)
    kept = [one for one in reference.settings() if (one.form, one.k) not in set(wanted)]
    return write_settings(reference.folder, reference.about, [*kept, *settings])


def _wanted(asked: Wanted | None, count: int) -> Wanted:
    """Forms and K to measure; the usual ones where none were asked for."""
    wanted = asked or [(form, USUAL_K[form]) for form in usual_forms(count)]
    most = max(k for _, k in wanted)
    if most >= count:
        raise UsageError(f"K = {most} is too many for a reference of {count} pictures; give a smaller --k")
    return wanted


def _factory(how: Finish, count: int) -> str:
    options = how.options
    if how.like is not None:
        made = how.like.about
        if made["index"]["factory"] == FLAT:
            raise UsageError(f"{how.like.folder.root} is Flat and has no trained index to share")
        if (made["vectors"]["dim"], made["normalize"]) != (how.dim, how.normalize):
            raise UsageError(
                f"{how.like.folder.root} was trained on vectors of length {made['vectors']['dim']}, normalize "
                f"{made['normalize']}; these are of length {how.dim}, normalize {how.normalize}"
            )
        if options.factory not in (None, made["index"]["factory"]):
            raise UsageError(f"{how.like.folder.root} is {made['index']['factory']}, not {options.factory}")
        return str(made["index"]["factory"])
    if options.factory is not None:
        check_factory(options.factory)
        return options.factory
    return choose_factory(count, how.dim, options.memory or usual_memory())


def _claim_index(
    folder: ReferenceFolder, parts: list[Part], how: Finish, factory: str, wanted: Wanted
) -> dict[str, Any] | None:
    """Keep what an earlier run made of the index when it would be made the same way now; else remove it.

    Returns:
        The description, when nothing is left to do.
    """
    stamp = {
        "factory": factory,
        "normalize": how.normalize,
        "points": how.options.points,
        "identical": how.identical,
        "like": how.like.about["index"]["trained_sha256"] if how.like else None,
        "parts": digest_of({part.name: part.sha256 for part in parts}),
    }
    file = folder.state / "index.json"
    try:
        before = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        before = None  # the first run, or one killed before it came this far
    if before == stamp and folder.description.exists():
        about = folder.read_description()
        measured = {(one["form"], one["k"]) for one in about["measured"]}
        if about["demand"] == asdict(how.options.demand) and measured >= set(wanted):
            return about
    folder.description.unlink(missing_ok=True)
    if before != stamp:
        shutil.rmtree(folder.index)
        folder.index.mkdir()
        write_json(file, stamp)
    return None


def _train(folder: ReferenceFolder, vectors: Vectors, how: Finish, factory: str, progress: Progress) -> str | None:
    """Centre and trained index; returns the index's SHA-256, None for Flat."""
    centre_file, trained_file = folder.index / "centre.npy", folder.index / "trained.faiss"
    if how.like is not None:
        for file in (centre_file, trained_file):
            if not file.exists():
                _copy(how.like.folder.index / file.name, file)
    if not centre_file.exists():
        write_array(centre_file, mean_vector(vectors))
    if factory == FLAT:
        return None
    if not trained_file.exists():
        progress.stage("training", 0)
        write_index(train(vectors, np.load(centre_file), factory, how.options.points), trained_file)
    with trained_file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _assign(folder: ReferenceFolder, kept: list[Part], vectors: Vectors, how: Finish, progress: Progress) -> None:
    """Find the list of every vector, part by part."""
    progress.stage("finding lists", len(vectors))
    before = [
        reference.folder.lists(part["name"])
        for reference in how.lists_of
        for part in reference.about["parts"]
        if part["rows"]
    ]
    lists: Lists | None = None
    centre = np.load(folder.index / "centre.npy")
    for number, part in enumerate(kept):
        file = folder.lists(part.name)
        if not file.exists() and before:
            _copy(before[number], file)
        elif not file.exists():
            lists = lists or Lists(read_index(folder.index / "trained.faiss", memory_mapped=False))
            write_array(file, lists.of(vectors, number, centre))
        progress.advance(part.rows)


def _assemble(folder: ReferenceFolder, kept: list[Part], vectors: Vectors, progress: Progress) -> None:
    """Encode all vectors into one index."""
    whole = folder.index / "whole.faiss"
    if whole.exists():
        return
    progress.stage("filling the index", len(vectors))
    index = read_index(folder.index / "trained.faiss", memory_mapped=False)
    centre = np.load(folder.index / "centre.npy")
    for number, part in enumerate(kept):
        fill(index, vectors, number, centre, np.load(folder.lists(part.name)))
        progress.advance(part.rows)
    index.ntotal = len(vectors)
    write_index(index, whole)


def _measure(
    folder: ReferenceFolder,
    about: dict[str, Any],
    wanted: Wanted,
    demand: Demand,
    progress: Progress,
) -> list[Setting]:
    progress.stage("measuring", 0)
    space = space_of(folder, about)
    flat = about["index"]["factory"] == FLAT
    index = None if flat else read_index(folder.index / "whole.faiss", memory_mapped=True)
    settings = settle(space, index, list(dict.fromkeys(wanted)), demand)
    return [with_quantiles(space, index, setting, demand) for setting in settings]


def _describe(
    folder: ReferenceFolder, parts: list[Part], how: Finish, factory: str, trained_sha256: str | None, vectors: Vectors
) -> dict[str, Any]:
    """reference.json without what is measured."""
    count = len(vectors)
    mean_square = sum(part.norms[1] for part in parts) / count
    length = 1.0 if how.normalize == "l2" else mean_square**0.5
    kept = [part for part in parts if part.rows]
    about: dict[str, Any] = {
        "format": FORMAT,
        "embedder": how.embedder,
        "normalize": how.normalize,
        "identical": how.identical,
        "floor": FLOOR * length,
        "vectors": {
            "count": count,
            "dim": how.dim,
            "dtype": how.dtype,
            "rounding": (sum(part.rounding for part in parts) / count) ** 0.5,
            "norms": {
                "least": min(part.norms[0] for part in kept),
                "root_mean_square": mean_square**0.5,
                "most": max(part.norms[2] for part in kept),
            },
        },
        "index": {
            "factory": factory,
            "trained_sha256": trained_sha256,
            "bytes_in_memory": round(index_bytes(factory, count, how.dim)),
        },
        "rejects": sum(part.rejects for part in parts),
        "parts": [asdict(part) for part in parts],
    }
    decisive = {key: about[key] for key in ("embedder", "normalize", "identical", "floor")}
    decisive["vectors"] = [part.sha256 for part in kept]
    return {**about, "digest": digest_of({**decisive, "index": [factory, trained_sha256]})}


def _copy(source: Path, target: Path) -> None:
    """Copy a file; it appears whole or not at all."""
    unfinished = target.with_name(f".{target.name}.part")
    shutil.copyfile(source, unfinished)
    unfinished.replace(target)
