"""Make a reference of KNN-GIQA: vectors part by part, then the index, then what it is worth."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..filters.reference.inputs import Inputs, Stretch, find_inputs
from ..filters.reference.layout import Part, ReferenceFolder, part_name, write_whole
from ..filters.reference.parts import adopt_part, embed_part, take_part
from ..filters.reference.reference import Reference, as_json
from ..filters.reference.vectors import Normalize, load_embeddings
from ..filters.registry import make_embedder
from ..filters.scorer import Embedder
from ..manifests.errors import BuildError, ResumeError, TooManyRejectsError, UsageError
from ..manifests.folder import DatasetFolder, require_same, write_json
from ..writers.shards import output_errors
from .index_finish import Finish, finish, measure_again
from .index_options import IndexOptions, Progress
from .local import default_workers
from .scoring.choose import find_devices
from .scoring.fit import FittedModel, fitting_size

__all__ = ["IndexOptions", "Progress", "index", "measure", "merge"]

_OURS = ("vectors", "keys", "index")
_ALIKE = (
    ("embedder", "embedder"),
    ("length of vectors", "vectors", "dim"),
    ("dtype", "vectors", "dtype"),
    ("normalize", "normalize"),
    ("identical", "identical"),
)
"""What merged references must agree in: for messages, and where it stands in reference.json."""


def index(
    sources: Sequence[Path], out: Path, options: IndexOptions, progress: Progress | None = None
) -> dict[str, Any]:
    """Make a reference, or go on where an earlier run stopped.

    Args:
        sources: folders or files of pictures, Parquet, webdataset tars, or ready embeddings.
        out: the reference's folder; new, or of the same reference.

    Returns:
        What reference.json says, and "seconds" by stage.

    Raises:
        UsageError: something given does not hold.
        BuildError: the folder cannot be used or written, too many items are broken, or the index is not good enough.
    """
    progress = progress or Progress()
    inputs = find_inputs(sources, options.column, whole_files=options.link)
    options = replace(options, embedder=_embedder(inputs, options))
    _check(inputs, options)
    like = Reference.open(options.like) if options.like else None
    embedder = _described(options.embedder)
    identity = {
        "inputs": inputs.summary,
        "embedder": embedder,
        "dtype": options.dtype,
        "column": options.column,
        "link": options.link,
    }
    started = time.monotonic()
    with output_errors(out), DatasetFolder(out).lock():
        folder = _begin(out, identity, options.overwrite)
        parts = _make_parts(folder, inputs, options, progress)
        _judge_rejects(folder, parts, options.max_rejects)
        normalize = options.normalize or _usual_normalize(inputs, options.embedder)
        identical = options.identical or ("keep" if all(part.keyed for part in parts if part.rows) else "drop")
        dim = _dim(inputs, options)
        how = Finish(embedder, options.dtype, dim, normalize, identical, options, like)
        return finish(folder, parts, how, progress, time.monotonic() - started)


def merge(
    sources: Sequence[Path], out: Path, options: IndexOptions, progress: Progress | None = None
) -> dict[str, Any]:
    """Merge finished references into a new one; index lists are kept where the trained index is the same.

    Args:
        sources: folders of references, of one embedder.
        out: the new reference's folder.
        options: `factory`, `memory`, `wanted`, `demand`, `points` and `overwrite` count.

    Raises:
        UsageError: fewer than two, two that are the same, or two that do not go together.
        BuildError: as for `index`.
    """
    progress = progress or Progress()
    references = [Reference.open(source) for source in sources]
    _check_merge(references)
    first = references[0].about
    started = time.monotonic()
    with output_errors(out), DatasetFolder(out).lock():
        folder = _begin(out, {"merge": [one.digest for one in references]}, options.overwrite)
        progress.stage("taking over parts", sum(map(len, references)))
        parts: list[Part] = []
        for one in references:
            for described in one.about["parts"]:
                old = Part(**described)
                name = part_name(len(parts))
                parts.append(folder.finished(name) or adopt_part(one.folder, old, folder, name))
                progress.advance(old.rows)
        same = len({one.about["index"]["trained_sha256"] for one in references}) == 1
        like = references[0] if same and first["index"]["trained_sha256"] and not options.factory else None
        vectors = first["vectors"]
        how = Finish(
            first["embedder"], vectors["dtype"], vectors["dim"], first["normalize"], first["identical"], options, like,
            references if like else [],
        )  # fmt: skip
        return finish(folder, parts, how, progress, time.monotonic() - started)


def measure(root: Path, options: IndexOptions, progress: Progress | None = None) -> dict[str, Any]:
    """Measure a finished reference for other forms and K, beside those that were measured before.

    Args:
        options: `wanted` and `demand` count.

    Raises:
        UsageError: no finished reference.
        BuildError: the index is not good enough for them.
    """
    reference = Reference.open(root)
    with output_errors(root), DatasetFolder(root).lock():
        return measure_again(reference, options.wanted, options.demand, progress or Progress())


def _embedder(inputs: Inputs, options: IndexOptions) -> Embedder | str:
    """What embeds; of ready embeddings the name is enough, and no weights are sought."""
    if inputs.ready or isinstance(options.embedder, Embedder):
        return options.embedder
    precision = options.precision
    if precision == "auto":
        on_cuda = options.embedder != "nss" and find_devices((options.device,))[0].startswith("cuda")
        precision = "bfloat16" if on_cuda else "float32"
    return make_embedder(options.embedder, options.checkpoint, precision, download=options.download)


def _check(inputs: Inputs, options: IndexOptions) -> None:
    """See before any work what cannot go well."""
    if inputs.ready:
        widths = {load_embeddings(stretch.files[0]).shape[1]: stretch.files[0] for stretch in inputs.stretches}
        if len(widths) > 1:
            (one, first), (other, second), *_ = widths.items()
            raise UsageError(f"{first} holds vectors of length {one}, {second} of {other}; they do not go together")
        if isinstance(options.embedder, Embedder) and options.embedder.dim not in widths:
            made, there = options.embedder.dim, next(iter(widths))
            raise UsageError(f"{options.embedder.name} makes vectors of length {made}, the files hold {there}")
    elif options.link:
        raise UsageError("--link leaves ready embeddings where they are; pictures have none yet")


def _begin(out: Path, identity: dict[str, Any], overwrite: bool) -> ReferenceFolder:
    """Claim the folder, or agree that it is the same reference as before."""
    folder = ReferenceFolder(out)
    run_file = folder.state / "run.json"
    if overwrite and run_file.exists():
        for name in _OURS:
            shutil.rmtree(out / name, ignore_errors=True)
        shutil.rmtree(folder.state / "parts", ignore_errors=True)
        for file in (
            folder.description,
            folder.quantiles,
            out / "rejects.jsonl",
            folder.state / "index.json",
            run_file,
        ):
            file.unlink(missing_ok=True)
    if run_file.exists():
        try:
            before = json.loads(run_file.read_text("utf-8"))
        except (OSError, ValueError) as fault:
            raise ResumeError(f"{run_file} cannot be read: {fault}; give --overwrite to start anew") from fault
        require_same(before, as_json(identity), out)
    elif any(entry.name != ".taskpaint" for entry in out.iterdir()):
        raise ResumeError(f"{out} is not empty and no taskpaint reference; choose another folder")
    else:
        write_json(run_file, as_json(identity))
    folder.make()
    return folder


def _make_parts(folder: ReferenceFolder, inputs: Inputs, options: IndexOptions, progress: Progress) -> list[Part]:
    """Every part, those of earlier runs taken as they are."""
    progress.stage("taking vectors" if inputs.ready else "embedding", inputs.items)
    make: Callable[[str, Stretch], Part] | None = None
    parts = []
    for number, stretch in enumerate(inputs.stretches):
        name = part_name(number)
        part = folder.finished(name)
        if part is None:
            make = make or _maker(folder, options, inputs.ready, progress)  # weights are loaded only when there is work
            part = make(name, stretch)
        else:
            progress.advance(part.rows + part.rejects)
        parts.append(part)
    return parts


def _maker(
    folder: ReferenceFolder, options: IndexOptions, ready: bool, progress: Progress
) -> Callable[[str, Stretch], Part]:
    """What makes a part; an embedder's weights are loaded here."""
    embedder, dtype = options.embedder, options.dtype
    if isinstance(embedder, str) or ready:
        return lambda name, stretch: take_part(folder, name, stretch, dtype, options.link, progress.advance)
    device = "cpu" if embedder.name == "nss" else find_devices((options.device,))[0]
    run, threads = embedder.open(device), options.workers or default_workers()
    sample = embedder.prepare(np.zeros((64, 64, 3), np.uint8))
    model = FittedModel(run, device, options.batch_size or fitting_size(run, sample, device))
    return lambda name, stretch: embed_part(
        folder, name, stretch, embedder, model, dtype, model.size, threads, progress.advance
    )


def _judge_rejects(folder: ReferenceFolder, parts: list[Part], max_rejects: float) -> None:
    """Join the lists of rejects; too many are an error."""
    rejects_file = folder.root / "rejects.jsonl"

    def write(opened: Any) -> None:
        for part in parts:
            opened.write(folder.rejects(part.name).read_bytes())

    write_whole(rejects_file, write)
    bad, good = sum(part.rejects for part in parts), sum(part.rows for part in parts)
    if not good:
        raise BuildError(f"not one of {bad} items gave a vector; the reasons are in {rejects_file}")
    if bad / (bad + good) > max_rejects:
        raise TooManyRejectsError(
            f"{bad} of {bad + good} items gave no vector, more than --max-rejects {max_rejects:g} allows; the reasons "
            f"are in {rejects_file}"
        )


def _check_merge(references: list[Reference]) -> None:
    if len(references) < 2:
        raise UsageError("merging takes two references or more")
    first = references[0]
    for place, other in enumerate(references[1:], 1):
        if other.digest in [one.digest for one in references[:place]]:
            raise UsageError(f"{other.folder.root} is given twice, or copies another; every picture would count double")
        for what, *keys in _ALIKE:
            ours, theirs = _value(first.about, keys), _value(other.about, keys)
            if ours != theirs:
                roots = f"{first.folder.root} and {other.folder.root}"
                raise UsageError(f"{roots} do not go together: {what} is {ours} and {theirs}")


def _value(about: dict[str, Any], keys: Sequence[str]) -> Any:
    found: Any = about
    for key in keys:
        found = found[key]
    return found


def _described(embedder: Embedder | str) -> dict[str, Any]:
    """An embedder for reference.json; identity is None where only the name is known."""
    if isinstance(embedder, str):
        return {"name": embedder, "identity": None, "caution": ""}
    return {"name": embedder.name, "identity": as_json(embedder.identity), "caution": embedder.caution}


def _usual_normalize(inputs: Inputs, embedder: Embedder | str) -> Normalize:
    return "l2" if inputs.ready or isinstance(embedder, str) or embedder.has_text else "none"


def _dim(inputs: Inputs, options: IndexOptions) -> int:
    if isinstance(options.embedder, Embedder):
        return options.embedder.dim
    return int(load_embeddings(inputs.stretches[0].files[0]).shape[1])
