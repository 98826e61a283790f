"""Pictures that a user brings to be drawn anew: which files, and where each drawing goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from ..manifests.errors import ItemError, OutputError, UsageError
from ..manifests.images import RGB, decode_rgb
from .edit import Request

_READ: Final = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".jp2", ".pgm", ".ppm", ".tif", ".tiff")
_WRITTEN: Final[dict[str, dict[str, Any]]] = {
    ".png": {},
    ".jpg": {"quality": 95, "subsampling": 0},  # or the colours that a drawing is read by would run into one another
    ".jpeg": {"quality": 95, "subsampling": 0},
    ".webp": {"lossless": True},
}
_AT_A_TIME: Final = 64
_PIXELS_AT_A_TIME: Final = 48_000_000


@dataclass(frozen=True)
class Work:
    """What there is to draw. pictures: files; passed_over: files that are no pictures; out: the file for a key."""

    pictures: tuple[Path, ...]
    passed_over: tuple[Path, ...]
    out: Callable[[str], Path]


def find_work(image: Path, out: Path) -> Work:
    """A picture, or the pictures of a folder, and their drawings' files; nothing is read yet.

    Args:
        image: a picture of any form that opens, or a folder; what lies in folders of that folder is left alone.
        out: for one picture a file, or a folder that is there; for several a folder.

    Raises:
        UsageError: no picture, no good name for a drawing, or a drawing would replace its source.
    """
    if not image.exists():
        raise UsageError(f"there is no picture {image}")
    if not image.is_dir():
        file = out / f"{image.stem}.png" if out.is_dir() else out
        if file.suffix.lower() not in _WRITTEN:
            raise UsageError(f"{out} is no folder that is there, and no name of a picture ({', '.join(_WRITTEN)})")
        if file.exists() and file.samefile(image):
            raise UsageError(f"{file} is the picture itself; name another --out")
        return Work((image,), (), lambda _: file)
    check_folder(out)
    if out.exists() and out.samefile(image):
        raise UsageError(f"{out} is the folder of the pictures, which their drawings would replace; name another --out")
    files = sorted(file for file in image.iterdir() if file.is_file() and not file.name.startswith("."))
    found = [file for file in files if file.suffix.lower() in _READ]
    if not found:
        raise UsageError(f"{image} holds no picture ({', '.join(_READ)})")
    stems = [file.stem for file in found]
    if twice := sorted({stem for stem in stems if stems.count(stem) > 1}):
        raise UsageError(f"{image} holds two pictures called {twice[0]}; their drawings would have one name")
    others = tuple(file for file in files if file not in set(found))
    return Work(tuple(found), others, lambda key: out / f"{key}.png")


def check_folder(out: Path) -> None:
    """Whether many drawings can go there.

    Raises:
        UsageError: it is a file.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; several drawings need a folder")


def read_pictures(files: Iterable[Path], instruction: str, skip: Callable[[str], None]) -> Iterator[Request]:
    """Requests, upright and in 8 bits.

    Args:
        files: pictures.
        instruction: the same for all.
        skip: told of each picture that does not open, and why.
    """
    for file in files:
        try:
            picture = decode_rgb(file.read_bytes())
        except (OSError, ItemError) as fault:
            skip(f"{file} does not open: {fault}")
        else:
            yield Request(file.stem, picture, instruction)


def some_at_a_time(requests: Iterable[Request]) -> Iterator[list[Request]]:
    """Lists that are long enough for whole batches of one shape, and small enough for memory."""
    waiting: list[Request] = []
    pixels = 0
    for request in requests:
        waiting.append(request)
        pixels += request.picture.shape[0] * request.picture.shape[1]
        if len(waiting) == _AT_A_TIME or pixels >= _PIXELS_AT_A_TIME:
            yield waiting
            waiting, pixels = [], 0
    if waiting:
        yield waiting


def write_picture(file: Path, drawn: RGB) -> Path:
    """Write a drawing, in the form that the name says.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(drawn)).save(file, **_WRITTEN[file.suffix.lower()])
    except (OSError, ValueError) as fault:
        raise OutputError(f"{file} cannot be written: {fault}") from fault
    return file
