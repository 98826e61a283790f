"""Small files of a dataset that are read in one go; what is wrong with them in one sentence."""

from __future__ import annotations

from pathlib import Path

from ...manifests.errors import SourceLayoutError


def read_whole(file: Path, most_bytes: int, what: str) -> bytes:
    """The bytes of a file.

    Args:
        file: to read.
        most_bytes: a larger file is refused unread.
        what: such files, in the plural, for the message.

    Raises:
        SourceLayoutError: it is missing, too large, or cannot be read.
    """
    try:
        size = file.stat().st_size
        if size > most_bytes:
            raise SourceLayoutError(f"{file} has {size >> 20} MiB; {what} of up to {most_bytes >> 20} MiB are read")
        return file.read_bytes()
    except FileNotFoundError as fault:
        raise SourceLayoutError(f"{file} is missing") from fault
    except OSError as fault:
        raise SourceLayoutError(f"{file} cannot be read: {fault.strerror}") from fault


def text_lines(file: Path) -> list[str]:
    """The lines of a text file in UTF-8, with or without a byte order mark.

    Raises:
        SourceLayoutError: the file is no text.
    """
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as fault:
        raise SourceLayoutError(f"{file} is no text file ({fault.reason}); download it again") from fault
