"""webdataset: tar files whose members share a key."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Final

import orjson
import pyarrow as pa

from ...manifests.triplet import Triplet, image_suffix
from ..export import Destination, Export, Part, Written, triplets
from ._columns import metadata_of
from ._files import code, guide, whole_file

_MOST_BYTES: Final = 0o77777777777


def _blank() -> bytes:
    """A header without name and size; blanks in place of the checksum."""
    header = bytearray(tarfile.TarInfo("").tobuf(tarfile.USTAR_FORMAT))
    header[124:135] = bytes(11)
    header[148:156] = b" " * 8
    return bytes(header)


_BLANK: Final = _blank()
_BLANK_SUM: Final = sum(_BLANK)


class WebDataset(Export):
    """`<id>.input_image.jpg`, `<id>.edited_image.png`, `<id>.json`; a key ends at the first dot, and ids have none.

    Headers hold no time, owner or mask, so that the bytes follow from the rows alone.

    Source: https://github.com/webdataset/webdataset, "The WebDataset Format".
    """

    name = "webdataset"
    summary = "tar files, all columns"
    trainer = "webdataset: wds.WebDataset"
    text_to_image = "kept"

    def write(self, place: Destination, part: Part, batches: Iterator[pa.RecordBatch]) -> Written:
        """One tar."""
        file = place.root / part.split / f"{part.split}-{part.number:06d}.tar"
        with whole_file(file) as opened:
            for row in triplets(batches):
                for name, data in _members(row):
                    _add(opened, name, data)
            opened.write(b"\0" * (2 * tarfile.BLOCKSIZE))
        size = file.stat().st_size
        return Written(1, size, {place.relative(file): size})

    def configs(self, place: Destination, splits: Mapping[str, Sequence[Part]]) -> Mapping[str, str]:
        """A README.md that reads the first split."""
        split, parts = next(iter(splits.items()))
        last = f"{len(parts) - 1:06d}"
        url = place.seen(split, f"{split}-{{000000..{last}}}.tar")
        read = (
            "import webdataset as wds\n\n"
            f"rows = wds.WebDataset({url!r}, shardshuffle=100).shuffle(1000).decode('pil').to_tuple(\n"
            "    'input_image.jpg;input_image.png;input_image.webp',\n"
            "    'edited_image.jpg;edited_image.png;edited_image.webp',\n    'json',\n)"
        )
        text = guide(
            "webdataset",
            code(read, "python"),
            "`json` has the instruction as `edit_prompt` and every other column; `params` and `annotation` are "
            "objects.",
        )
        return {"README.md": text}


def _members(row: Triplet) -> Iterator[tuple[str, bytes]]:
    yield f"{row.id}.input_image.{image_suffix(row.input_image)}", row.input_image
    yield f"{row.id}.edited_image.{image_suffix(row.edited_image)}", row.edited_image
    yield f"{row.id}.json", orjson.dumps(metadata_of(row))


def _add(tar: IO[bytes], name: str, data: bytes) -> None:
    """One member."""
    tar.write(_header(name.encode(), len(data)))
    tar.write(data)
    tar.write(b"\0" * (-len(data) % tarfile.BLOCKSIZE))


def _header(name: bytes, size: int) -> bytes:
    """The header of a regular file, POSIX ustar, mode 644; tarfile's own takes ten times as long.

    A longer name gets the extended header of POSIX.1-2001.
    """
    if len(name) > tarfile.LENGTH_NAME or size > _MOST_BYTES:
        member = tarfile.TarInfo(name.decode())  # mtime, uid and gid 0, no names
        member.size = size
        return member.tobuf(tarfile.PAX_FORMAT)
    digits = b"%011o" % size
    # name 0..99, size at 124, checksum at 148: of all bytes, its own eight taken as blanks
    checksum = _BLANK_SUM + sum(name) + sum(digits)
    start = name.ljust(tarfile.LENGTH_NAME, b"\0")
    return b"".join((start, _BLANK[100:124], digits, _BLANK[135:148], b"%06o\0 " % checksum, _BLANK[156:]))
