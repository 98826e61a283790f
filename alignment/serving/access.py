"""Who may ask the server for what."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final

from ..people import run_label, same, session_person, session_value

_A_MONTH_S: Final = 30 * 24 * 3600


@dataclass(frozen=True)
class Access:
    """What opens the page.

    Attributes:
        secret: the run's key; signs the cookies.
        admin_token: opens the overview of all people's answers.
        token: opens the page; empty when the server listens on loopback only.
        origin: the address under which a proxy shows the page, "https://host"; empty without a proxy.
        host: where the server listens.
    """

    secret: bytes
    admin_token: str
    token: str = ""
    origin: str = ""
    host: str = "127.0.0.1"

    @property
    def cookie_name(self) -> str:
        """Browsers share cookies between all ports of a host; the run keeps its own apart."""
        return f"taskpaint-align-{run_label(self.secret)}"

    def person(self, cookies: str) -> str | None:
        """The person behind a request's Cookie header; None for nobody we let in."""
        try:
            found = SimpleCookie(cookies).get(self.cookie_name)
        except CookieError:
            return None
        return session_person(self.secret, found.value) if found else None

    def cookie(self, person: str | None) -> str:
        """Set-Cookie for a person, or to forget one."""
        value, age = (session_value(self.secret, person), _A_MONTH_S) if person else ("", 0)
        secure = "; Secure" if self.origin.startswith("https:") else ""
        return f"{self.cookie_name}={value}; Max-Age={age}; Path=/; HttpOnly; SameSite=Strict{secure}"

    def opens(self, token: object) -> bool:
        """Whether a token lets its bearer in."""
        return not self.token or (isinstance(token, str) and same(token, self.token))

    def opens_admin(self, authorization: str) -> bool:
        """Whether a request's Authorization header opens the overview."""
        scheme, _, token = authorization.partition(" ")
        return scheme == "Bearer" and same(token, self.admin_token)

    def knows_host(self, host: str, port: int) -> bool:
        """Whether the Host header names this server.

        Without a token anybody's web page could otherwise reach it, by a name that leads to loopback (DNS rebinding).
        """
        if self.token:
            return True
        names = ("localhost", "127.0.0.1", "[::1]", self.host.lower())
        return host.lower() in (*(f"{name}:{port}" for name in names), *(names if port == 80 else ()))

    def same_origin(self, headers: dict[str, str]) -> bool:
        """Whether a request comes from our own page, or from no web page at all."""
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origin = headers.get("origin")
        return origin is None or origin.lower() in (f"http://{headers.get('host', '').lower()}", self.origin.lower())


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
