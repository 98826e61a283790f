"""The HTTP server: one thread a connection, no more than so many."""

from __future__ import annotations

import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from typing import Any, Final

from ...manifests.errors import UsageError
from ..desk import Desk
from ..people import run_label
from ..report import RunReport, report
from .access import Access
from .requests import Requests

_MOST_CONNECTIONS: Final = 1000


class AlignServer(ThreadingHTTPServer):
    """Serves one run."""

    request_queue_size = 1024
    daemon_threads = True
    block_on_close = False

    def __init__(self, desk: Desk, access: Access, host: str, port: int, note: Callable[[str], None]) -> None:
        """Listen.

        Args:
            host, port: where; port 0 for any that is free.
            note: told what goes wrong, for the terminal.

        Raises:
            UsageError: the address cannot be listened on.
        """
        self.desk, self.access, self.note = desk, access, note
        self._connections = threading.BoundedSemaphore(_MOST_CONNECTIONS)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            self.address_family = found[0][0]
            super().__init__((host, port), Requests)
        except (OSError, OverflowError) as fault:
            reason = getattr(fault, "strerror", None) or fault
            raise UsageError(
                f"cannot listen on {host}, port {port}: {reason}; give another --host or --port"
            ) from fault

    def server_bind(self) -> None:
        """As HTTPServer does, without asking the name service who we are, which may take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def about(self) -> dict[str, Any]:
        """What anybody may know before entering."""
        return {
            "run": self.desk.run.name,
            "label": run_label(self.access.secret),
            "needs_token": bool(self.access.token),
        }

    def overview(self) -> dict[str, Any]:
        """The report of what was chosen so far, without scores."""
        found: RunReport = report(self.desk.run, self.desk.choices())
        return found.without_scores()

    def process_request(self, request: Any, client_address: Any) -> None:
        """A new thread for a connection; one too many is turned away."""
        if not self._connections.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """The thread of one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is nobody's mistake; anything else is ours and is shown."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)
