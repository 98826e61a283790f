"""Random access to the members of zip files, without unpacking and without a shared file handle.

The table of contents of a zip of 15 GB takes a third of a second and tens of megabytes to parse, too much for every
worker. So it is parsed once, while indexing; a member's place in the file goes into the index, and a worker opens,
seeks and reads. Zip files are untrusted: nothing is ever written, and only names that were asked for are looked at.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from ...manifests.errors import BadItem
from .lazy_bytes import LazyBytes, lazy

MOST_BYTES: Final = 256 << 20
"""Larger members are refused: no photograph is that large."""

_LOCAL_HEADER = struct.Struct("<4sHHHHHIIIHH")
_ENCRYPTED = 0x1


class ZipContents:
    """The table of contents of a zip file."""

    def __init__(self, archive: Path) -> None:
        """Read it.

        Raises:
            BadItem: the file is missing, cut off or no zip file.
        """
        self.archive = archive
        try:
            with zipfile.ZipFile(archive) as opened:
                self._members = {member.filename: member for member in opened.infolist()}
        except FileNotFoundError as fault:
            raise BadItem(f"{archive.name} is missing") from fault
        # A mangled table of contents can name other encodings, versions and offsets that zipfile stumbles over.
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error, IndexError) as fault:
            raise BadItem(f"{archive.name} is no whole zip file ({fault}); download it again") from fault

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def place(self, *names: str) -> list[int]:
        """Where the first of the names that exists lies: offset, stored bytes, bytes, method, CRC-32.

        Raises:
            BadItem: none of them exists, or the member cannot be read safely.
        """
        member = next((self._members[name] for name in names if name in self._members), None)
        if member is None:
            raise BadItem(f"{names[0]} is missing in {self.archive.name}")
        name = f"{member.filename} in {self.archive.name}"
        if member.flag_bits & _ENCRYPTED:
            raise BadItem(f"{name} is encrypted; unpack the archive with its password first")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise BadItem(f"{name} is a link, which is refused")
        if member.file_size > MOST_BYTES or member.compress_size > MOST_BYTES:
            raise BadItem(f"{name} is said to have {member.file_size} bytes; the limit is {MOST_BYTES}")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise BadItem(f"{name} is packed with method {member.compress_type}; stored and deflate can be read")
        return [member.header_offset, member.compress_size, member.file_size, member.compress_type, member.CRC]


def read_member(archive: Path, name: str, place: Sequence[int]) -> bytes:
    """The bytes of a member whose `ZipContents.place` is known.

    Raises:
        BadItem: the archive is missing or was changed, or the member is broken.
    """
    offset, stored, size, method, crc = place
    where = f"{name} in {archive.name}"
    try:
        with archive.open("rb") as file:
            file.seek(offset)
            header = file.read(_LOCAL_HEADER.size)
            if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\x03\x04"):
                raise BadItem(f"{where} is not where the table of contents says")
            *_, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
            file.seek(name_bytes + extra_bytes, 1)
            packed = file.read(stored)
    except FileNotFoundError as fault:
        raise BadItem(f"{archive.name} is missing") from fault
    except (OSError, ValueError) as fault:
        raise BadItem(f"{where} cannot be read: {fault}") from fault
    data = packed if method == zipfile.ZIP_STORED else _inflated(packed, size, where)
    if len(data) != size:
        raise BadItem(f"{where} has {len(data)} bytes, {size} were announced")
    if zlib.crc32(data) != crc:
        raise BadItem(f"{where} is damaged: its checksum differs")
    return data


def lazy_member(archive: Path, name: str, place: Sequence[int]) -> LazyBytes:
    """A member's bytes, read when asked for."""
    return lazy(archive, name, partial(read_member, archive, name, tuple(place)))


def _inflated(packed: bytes, size: int, where: str) -> bytes:
    """At most one byte more than announced, however much the stream would unpack to."""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, size + 1)
    except zlib.error as fault:
        raise BadItem(f"{where} is damaged: {fault}") from fault
