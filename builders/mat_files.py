"""MATLAB files up to version 7: small ones, read with every fault turned into a plain complaint."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Final

from ..manifests.errors import SourceLayoutError

_MOST_VALUES: Final = 10_000_000


def read_mat(file: Path, most_bytes: int = 1 << 22) -> dict[str, Any]:
    """The variables of a MATLAB file: arrays, numbers, strings, and object arrays for cells.

    Args:
        file: written by MATLAB 5 to 7.2; later files are HDF5.
        most_bytes: larger files are refused, for their compressed content may be a thousand times larger.

    Raises:
        SourceLayoutError: the file cannot be read, is none of MATLAB's, or is too large.
    """
    from scipy import io  # here, so that other sources do not pay for it

    try:
        if file.stat().st_size > most_bytes:
            raise SourceLayoutError(f"{file} has more than {most_bytes} bytes; put the official file there")
        # the headers first: an array of objects is filled as soon as its size is read
        for name, shape, _ in io.whosmat(str(file)):
            if math.prod(shape) > _MOST_VALUES:
                raise SourceLayoutError(f"{file}: variable {name} has the size {shape}; download the file again")
        found: dict[str, Any] = io.loadmat(str(file), simplify_cells=True)
    except SourceLayoutError:
        raise
    except OSError as fault:
        raise SourceLayoutError(f"{file} cannot be read: {fault.strerror or fault}") from fault
    except Exception as fault:  # SciPy's reader lets through whatever its parts raise
        raise SourceLayoutError(
            f"{file} is no readable MATLAB file ({type(fault).__name__}: {fault}); download it again"
        ) from fault
    return found
