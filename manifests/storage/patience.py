"""Calls to a store that are tried again while the network fails; refusals are told at once, in plain words."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from ..errors import StorageError
from .refusals import refusal, said

ResultT = TypeVar("ResultT")

PATIENCE_SECONDS: Final = 120.0
"""How long a call to a store that fails or is silent is tried again."""
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 15.0


def patiently(action: Callable[[], ResultT], url: str, name: str, patience_seconds: float, **missing: Any) -> ResultT:
    """Do something with a store, again and again while the network fails.

    Args:
        action: what to do.
        url: of the store, for messages.
        name: of the object in it, for messages.
        patience_seconds: for how long.
        missing: `missing=VALUE` is returned when the object is not there.

    Raises:
        FileNotFoundError: the object is not there, and no `missing` was given.
        StorageError: the bucket is missing, the store refuses, or it cannot be reached for `patience_seconds`.
    """
    give_up, wait = time.monotonic() + patience_seconds, _FIRST_WAIT
    while True:
        try:
            return action()
        except FileNotFoundError as fault:
            if "bucket does not exist" in str(fault):
                raise StorageError(f"{url}: there is no such bucket; make it, or correct the URL") from fault
            if "missing" in missing:
                return missing["missing"]
            raise
        except (TypeError, ValueError, LookupError, AttributeError, NotImplementedError):
            raise  # our own mistake, or a library's
        except Exception as fault:
            if why := refusal(fault, f"{url}/{name}".rstrip("/")):
                raise StorageError(why) from fault
            if time.monotonic() + wait > give_up:
                raise StorageError(
                    f"{url} cannot be reached: {said(fault)}; check the network and the store's address, "
                    "then run the same command again: what is done is kept"
                ) from fault
        time.sleep(wait * random.uniform(0.8, 1.2))  # so that many workers do not come back all at once
        wait = min(_LONGEST_WAIT, wait * 2)
