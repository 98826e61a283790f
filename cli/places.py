"""Datasets behind URLs, as commands see them: fetched before, put back after, refused where they make no sense."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from . import report

if TYPE_CHECKING:
    from ..manifests.storage.dataset import RemoteDataset

ReportT = TypeVar("ReportT")


def fetched(text: str) -> Path:
    """A dataset's folder; what lies behind a URL is fetched into the cache, as far as it is not there."""
    from ..manifests.storage.url import place

    where = place(text)
    if isinstance(where, Path):
        return where
    from ..manifests.storage.dataset import RemoteDataset

    dataset = RemoteDataset.open(where)
    with _meter(dataset, quiet=False) as meter:
        dataset.fetch(meter.advance)
    return dataset.root


@contextlib.contextmanager
def changing(text: str, quiet: bool) -> Iterator[Path]:
    """A dataset's folder for a command that writes into it; behind a URL, what it writes is put there at the end."""
    from ..manifests.storage.url import place

    where = place(text)
    if isinstance(where, Path):
        yield where
        return
    from ..manifests.storage.dataset import RemoteDataset

    dataset = RemoteDataset.open(where)
    with contextlib.ExitStack() as stack:
        with _meter(dataset, quiet) as meter:
            stack.enter_context(dataset.changing(meter.advance))
        yield dataset.root


@contextlib.contextmanager
def written(text: str, quiet: bool) -> Iterator[Path]:
    """The folder to write; when it stands for a URL, it is put there at the end."""
    from ..manifests.storage.url import place

    where = place(text)
    if isinstance(where, Path):
        yield where
        return
    from ..manifests.storage.publish import published

    with report.counted(f"sending to {where}", quiet, "B") as tell, published(where, tell) as folder:
        yield folder


def shown(found: ReportT, folder: Path, text: str) -> ReportT:
    """A command's report with paths as the user gave them: where a local folder stood for a URL, the URL."""
    from ..manifests.storage.url import place

    where = place(text)
    if isinstance(where, Path):
        return found
    changes: dict[str, Any] = {}
    for name, value in vars(found).items():
        if isinstance(value, Path) and value.is_relative_to(folder):
            changes[name] = f"{where}/{value.relative_to(folder).as_posix()}".removesuffix("/.")
    return dataclasses.replace(found, **changes)  # type: ignore[type-var]


def _meter(dataset: RemoteDataset, quiet: bool) -> report.Meter:
    size = sum(shard["bytes"] for shard in dataset.manifest()["shards"])
    return report.Meter(f"fetching {dataset.place}", size, quiet, "B")


def refuse_urls(command: Any) -> None:
    """Let no command take a URL for a path, where it would make a local folder called "s3:".

    Args:
        command: the whole click command, changed in place; options that take URLs are text, those of paths are checked.
    """
    for inner in getattr(command, "commands", {}).values():
        refuse_urls(inner)
    if hasattr(command, "commands") or command.callback is None:
        return
    run = command.invoke

    def checked(context: Any) -> Any:
        from ..manifests.storage.url import refuse_url

        for name, value in context.params.items():
            for one in value if isinstance(value, list | tuple) else [value]:
                if isinstance(one, Path):
                    refuse_url(one, f"{context.command_path} takes a local path for {_spelling(command, name)}")
        return run(context)

    command.invoke = checked


def _spelling(command: Any, name: str) -> str:
    parameter = next(one for one in command.params if one.name == name)
    return parameter.opts[0] if parameter.param_type_name == "option" else name.upper()
