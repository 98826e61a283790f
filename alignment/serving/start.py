"""Open a run for choosing."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...manifests.errors import OutputError, UsageError
from ..desk import Desk, DeskOptions
from ..run import RunFolder, secret_of
from .access import Access, is_loopback
from .server import AlignServer

_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.\-]+(:\d{1,5})?|https?://\[[0-9a-fA-F:]+\](:\d{1,5})?")
_EVERYWHERE: Final = ("0.0.0.0", "::", "")


@dataclass(frozen=True)
class ServeOptions:
    """How to serve.

    Attributes:
        people, picks, lease_s: as `DeskOptions`.
        host, port: where to listen; port 0 for any that is free.
        origin: the address under which a proxy shows the page; empty without one.
        token: ask for a token on loopback too.
    """

    people: int = 1
    picks: int = 2
    lease_s: float = 600.0
    host: str = "127.0.0.1"
    port: int = 8765
    origin: str = ""
    token: bool = False


@dataclass(frozen=True)
class Opened:
    """A server that listens.

    Attributes:
        address, overview: to be opened in a browser; they carry the tokens.
        needs_token: whether the first of them does.
    """

    server: AlignServer
    address: str
    overview: str
    needs_token: bool


def start(root: Path, options: ServeOptions, note: Callable[[str], None]) -> Opened:
    """Listen; the caller runs `serve_forever`.

    Args:
        note: told what goes wrong later, for the terminal.

    Raises:
        UsageError: an address that cannot be listened on, or an origin that is none.
        DatasetFolderError: it is no run.
        FolderBusyError: another server has it.
        OutputError: the run cannot be written to.
    """
    if options.origin and not _ORIGIN.fullmatch(options.origin):
        raise UsageError(f"--origin {options.origin!r} is no address like https://choose.example.org")
    run = RunFolder(root).read()
    try:
        secret = secret_of(root)
        desk = Desk(run, DeskOptions(options.people, options.picks, options.lease_s))
    except OSError as fault:
        raise OutputError(f"{root} cannot be written: {fault.strerror}; choices need a place on disk") from fault
    open_to_all_here = is_loopback(options.host) and not options.origin and not options.token
    token = "" if open_to_all_here else secrets.token_urlsafe(24)
    access = Access(secret, secrets.token_urlsafe(24), token, options.origin, options.host)
    try:
        server = AlignServer(desk, access, options.host, options.port, note)
    except UsageError:
        desk.close()
        raise
    base = options.origin or f"http://{_named(options.host)}:{server.server_port}"
    address = f"{base}/#token={token}" if token else f"{base}/"
    return Opened(server, address, f"{base}/overview#token={access.admin_token}", bool(token))


def _named(host: str) -> str:
    """An address for people, where the server listens on all."""
    import socket

    name = socket.gethostname() if host in _EVERYWHERE else host
    return f"[{name}]" if ":" in name else name
