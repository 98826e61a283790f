"""Which addresses may be fetched from, and connections that go to no other.

A list of URLs is untrusted, and the machine that fetches them often sees more than the outside world does: cloud
metadata at 169.254.169.254, services on localhost, a private network. So a host's name is resolved once, every
address that comes back is judged, and the connection goes to one of the judged addresses; a name server that answers
something else the second time gains nothing.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import SplitResult, urlsplit

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class FetchRefused(Exception):
    """The URL must not, or cannot, be fetched; trying again does not help."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads: judged addresses, port, and what to ask for."""

    url: SplitResult
    addresses: tuple[str, ...]
    port: int


def shown(url: str) -> str:
    """A URL without what may be secret: user, password, query and fragment."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an unreadable URL"
    return f"{parts.scheme}://{host}{port}{parts.path}"[:300]


def locate(url: str, allow_private: bool) -> Place:
    """Resolve and judge a URL.

    Raises:
        FetchRefused: not http or https, with a password, or the host has an address that is not public.
        OSError: the name cannot be resolved now.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError as fault:
        raise FetchRefused("it is no URL") from fault
    if parts.scheme not in ("http", "https"):
        raise FetchRefused(f"only http and https are fetched, not {parts.scheme or 'nothing'}")
    if not parts.hostname:
        raise FetchRefused("it names no host")
    if parts.username or parts.password:
        raise FetchRefused("it carries a user name or password; fetch it yourself and give the file's path")
    if not url.isprintable() or " " in url or not url.isascii():
        raise FetchRefused("it holds characters that a URL must write as %XX")
    addresses = _resolve(parts.hostname, port)
    for address in addresses:
        if not allow_private and not is_public(address):
            raise FetchRefused(
                f"its host has the private address {address}; set `allow_private: true` if that is what you want"
            )
    return Place(parts, addresses, port)


def is_public(text: str) -> bool:
    """Whether an address belongs to the public internet, also looking into IPv6 forms that wrap an IPv4 address."""
    address: _Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            wrapped.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if any(inner is not None and not is_public(str(inner)) for inner in wrapped):
            return False
        if address.ipv4_mapped is not None or address in _NAT64:
            return True
    return address.is_global and not address.is_multicast and not address.is_unspecified


def _resolve(host: str, port: int) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as fault:
        raise FetchRefused("its host is no valid name") from fault
    return tuple(dict.fromkeys(str(item[4][0]) for item in found))


def reach(place: Place, timeout_s: float) -> socket.socket:
    """A connection to one of a place's judged addresses; at most three are tried.

    Raises:
        OSError: none of them can be reached.
    """
    last: OSError = OSError("the host has no address")
    for address in place.addresses[:3]:
        try:
            return socket.create_connection((address, place.port), timeout_s)
        except OSError as fault:
            last = fault
    raise last


def speak(place: Place, plain: socket.socket) -> http.client.HTTPConnection:
    """HTTP, or HTTPS, over a connection; the connection is closed with it, or when this fails.

    Raises:
        OSError: the host's certificate does not hold.
    """
    host = place.url.hostname or ""
    connection = http.client.HTTPConnection(host, place.port)
    try:
        secure = place.url.scheme == "https"
        connection.sock = _tls().wrap_socket(plain, server_hostname=host) if secure else plain
    except (OSError, ValueError):
        plain.close()
        raise
    if secure:
        connection.default_port = http.client.HTTPS_PORT  # it decides whether the Host header names the port
    return connection


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
