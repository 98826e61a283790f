"""The local web page of `taskpaint align serve`."""

from __future__ import annotations

from .access import Access
from .server import AlignServer
from .start import Opened, ServeOptions, start

__all__ = ["Access", "AlignServer", "Opened", "ServeOptions", "start"]
