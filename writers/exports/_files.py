"""Pieces that formats share: whole files, tables that are joined from shards, names and encodings of pictures."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Literal

from ...manifests.folder import replacing, sync_folder
from ...manifests.images import decode_rgb
from ...manifests.triplet import image_suffix
from ..codecs import encode_png

_LINE_BREAKS: Final = re.compile(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+\s*")


@dataclass(frozen=True, slots=True)
class Table:
    """A text file of a split that is joined from the shards' lines.

    Attributes:
        name: relative to the split's folder.
        form: "lines" are joined as they are, a "list" becomes one JSON array, an element a line.
        head: what stands before the first line.
    """

    name: str
    form: Literal["lines", "list"] = "lines"
    head: str = ""

    def join(self, parts: Iterable[Path], file: Path) -> None:
        """Join what the shards wrote; without a line there is no file.

        Raises:
            OSError: the disk is full or cannot be written.
        """
        filled = [part for part in parts if part.exists()]
        if not filled:
            file.unlink(missing_ok=True)
            return
        with whole_file(file) as opened:
            opened.write(("[\n" if self.form == "list" else self.head).encode())
            for position, part in enumerate(filled):
                with part.open("rb") as lines:
                    if self.form == "lines":
                        shutil.copyfileobj(lines, opened)
                        continue
                    for number, line in enumerate(lines):
                        opened.write(b",\n" if position or number else b"")
                        opened.write(line.rstrip(b"\n"))
            opened.write(b"\n]\n" if self.form == "list" else b"")


@contextlib.contextmanager
def whole_file(file: Path) -> Iterator[IO[bytes]]:
    """Write a file that appears under its name only when it is complete and on disk.

    Raises:
        OSError: the disk is full or cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as part, part.open("wb") as opened:
        yield opened
    sync_folder(file.parent)


def picture_name(stem: str, data: bytes) -> str:
    """File name with the suffix that fits the content."""
    return f"{stem}.{image_suffix(data)}"


def as_png(data: bytes) -> bytes:
    """The same pixels as PNG; a PNG stays as it is.

    Raises:
        BadItem: the picture cannot be decoded.
    """
    return data if image_suffix(data) == "png" else encode_png(decode_rgb(data))


def one_line(text: str) -> str:
    """A caption without line breaks: in a `.txt` beside a picture each line would count as a caption."""
    return _LINE_BREAKS.sub(" ", text).strip()


def json_line(value: Any) -> str:
    """One line of JSON; text stays readable."""
    return json.dumps(value, ensure_ascii=False) + "\n"


def quoted(text: str) -> str:
    """A string as JSON, TOML and YAML write it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def guide(title: str, *paragraphs: str, head: str = "") -> str:
    """A README.md of a few paragraphs."""
    return f"{head}# {title}\n\n" + "\n\n".join(paragraph.strip("\n") for paragraph in paragraphs) + "\n"


def code(text: str, language: str = "") -> str:
    """A block of code in Markdown."""
    return f"```{language}\n{text.rstrip()}\n```"
