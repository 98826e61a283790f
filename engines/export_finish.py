"""The end of an export: what needs all its shards, and the report; from the folder alone, whoever wrote them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..manifests.errors import BuildError, DatasetFolderError
from ..manifests.folder import DatasetFolder, write_json
from ..writers.export import Destination, Part, Written, find_export
from ..writers.shards import output_errors
from .export_folder import ExportFolder
from .rank_report import unfinished


@dataclass(frozen=True)
class ExportHead:
    """What an export's end needs to know beside its shards.

    Attributes:
        format: name of the export.
        location: as `Destination` has it.
        dataset: name of the dataset.
        tasks, where: as they were asked for.
        left_out: why -> rows.
        sources: title, licence and homepage of each.
    """

    format: str
    location: str
    dataset: str
    tasks: list[str]
    where: list[str]
    left_out: dict[str, int]
    sources: list[dict[str, str]]

    @classmethod
    def read(cls, folder: ExportFolder) -> ExportHead:
        """That of a folder.

        Raises:
            DatasetFolderError: it is missing or broken.
        """
        try:
            return cls(**folder.head())
        except TypeError as fault:
            raise DatasetFolderError(f"{folder.state}/head.json is not of an export; export again to go on") from fault

    def as_json(self) -> dict[str, Any]:
        """What `read` reads."""
        return asdict(self)


@dataclass(frozen=True)
class ExportReport:
    """What an export came to.

    Attributes:
        splits: split -> rows.
        left_out: why -> rows.
        files, bytes: for the trainer, without configuration.
        resumed_shards: written by an earlier run.
        configs: files to start from.
    """

    root: Path
    format: str
    rows: int
    splits: dict[str, int]
    left_out: dict[str, int]
    shards: int
    files: int
    bytes: int
    resumed_shards: int
    configs: list[str]
    seconds: float


def finish_export(folder: ExportFolder, resumed: int) -> ExportReport:
    """Write tables, configuration and, last of all, export.json; the folder is held by the caller, who sets `seconds`.

    Raises:
        DatasetFolderError: the bookkeeping is broken.
        OutputError: files went away meanwhile, or the folder cannot be written.
    """
    head, planned = ExportHead.read(folder), folder.planned()
    splits: dict[str, list[Part]] = {}
    for name, rows in planned.items():
        part = Part.of(name, rows)
        splits.setdefault(part.split, []).append(part)
    written = folder.finished(planned)
    place, kind = Destination(folder.root, head.location), find_export(head.format)()
    kind.finish(place, splits)
    configs = sorted(kind.configs(place, splits))
    report = _report(folder, head, splits, written, resumed, configs)
    write_json(folder.report_file, _summary(report, head))
    return report


def join_export(out: Path) -> ExportReport:
    """Make an export of the shards that ranks have written; needs the folder alone, not the dataset.

    Raises:
        DatasetFolderError: no export was begun here.
        BuildError: shards are missing, or ranks are still at work.
    """
    started = time.monotonic()
    folder = ExportFolder(out)
    names = list(folder.planned())
    with output_errors(out), DatasetFolder(out).lock():
        folder.sweep()
        missing = [number for number, name in enumerate(names) if folder.done(name) is None]
        if missing:
            raise BuildError(unfinished(folder.state, names, missing, "the export"))
        report = finish_export(folder, len(names))
    return replace(report, seconds=time.monotonic() - started)


def _report(
    folder: ExportFolder,
    head: ExportHead,
    splits: Mapping[str, list[Part]],
    written: list[Written],
    resumed: int,
    configs: list[str],
) -> ExportReport:
    rows = {split: sum(part.rows for part in parts) for split, parts in splits.items()}
    return ExportReport(
        folder.root,
        head.format.replace("_", "-"),
        sum(rows.values()),
        rows,
        head.left_out,
        len(written),
        sum(one.files for one in written),
        sum(one.bytes for one in written),
        resumed,
        configs,
        0.0,
    )


def _summary(report: ExportReport, head: ExportHead) -> dict[str, Any]:
    """export.json: what is here, from where, under which licences; the same whoever wrote it and when."""
    return {
        "format": report.format,
        "dataset": head.dataset,
        "splits": report.splits,
        "left_out": report.left_out,
        "tasks": head.tasks,
        "where": head.where,
        "files": report.files,
        "bytes": report.bytes,
        "configs": report.configs,
        "sources": head.sources,
    }
