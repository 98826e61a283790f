"""A server that speaks OpenAI's protocol: where it is, the key, and what its replies mean.

The key stands in one object, whose repr leaves it out, and is taken out of everything a server says before anybody
sees or stores it.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...manifests.errors import LanguageModelError, UsageError
from .faults import BadRequest, CallFailed, TryAgain

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

OPENAI_URL = "https://api.openai.com/v1"
_SHORTEST_SECRET = 8  # local servers take any word, such as "none", as a key; that is no secret
_SHOWN = 300


@dataclass(frozen=True)
class Endpoint:
    """Where to send calls.

    Attributes:
        base_url: address up to and with /v1, without a slash at the end.
        key: the secret; empty for a server that wants none.
        key_name: name of the environment variable that the key comes from.
        timeout_s: seconds after which a call counts as lost.
    """

    base_url: str
    key: str = field(default="", repr=False)
    key_name: str = "OPENAI_API_KEY"
    timeout_s: float = 120.0

    @classmethod
    def from_environment(cls, base_url: str | None, key_name: str, timeout_s: float) -> Endpoint:
        """Address from the option, else OPENAI_BASE_URL, else OpenAI's; key from the variable.

        Raises:
            UsageError: an address that is none or that carries a password, or a key that cannot be one.
        """
        address = (base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL).rstrip("/")
        try:
            parts = urlsplit(address)
        except ValueError:
            parts = urlsplit("")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise UsageError(
                "the base URL carries a user, a query or a fragment; give the plain address, and the key in the "
                f"environment variable {key_name}"
            )
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{address!r} is no address of a server; give one like https://api.openai.com/v1")
        key = os.environ.get(key_name, "").strip()
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise UsageError(f"the key in {key_name} holds characters that no key has; set it again")
        return cls(address, key, key_name, timeout_s)

    def check_key(self) -> None:
        """Whether calls can be made at all.

        Raises:
            UsageError: OpenAI's own server, and no key.
        """
        if not self.key and self.base_url == OPENAI_URL:
            raise UsageError(f"there is no key; set {self.key_name}, or name another server with --base-url")

    def clean(self, text: str) -> str:
        """The text without the key."""
        return text.replace(self.key, "[key]") if len(self.key) >= _SHORTEST_SECRET else text

    def connect(self) -> AsyncOpenAI:
        """A client that retries nothing by itself."""
        from openai import AsyncOpenAI

        return AsyncOpenAI(api_key=self.key or "none", base_url=self.base_url, timeout=self.timeout_s, max_retries=0)

    def fault_of(self, error: Exception) -> Exception:
        """What an error of the openai client means for the run: one of faults.py, or a LanguageModelError."""
        import openai

        if isinstance(error, openai.APITimeoutError | TimeoutError):
            return TryAgain(f"no answer within {self.timeout_s:g} s")
        if isinstance(error, openai.APIStatusError):
            return self._status_fault(error)
        if isinstance(error, openai.APIConnectionError):
            cause = error.__cause__ or error
            return TryAgain(self.clean(f"connection lost ({cause or type(cause).__name__})"))
        return CallFailed(self.clean(f"{type(error).__name__}: {error}"[:_SHOWN]))

    def _status_fault(self, error: APIStatusError) -> Exception:
        status, said = error.status_code, self._said(error)
        if status in (401, 403):
            whose = f"the key in {self.key_name}" if self.key else f"calls without a key; set {self.key_name}"
            return LanguageModelError(f"{self.base_url} refused {whose} ({status})")
        if status == 404:
            return LanguageModelError(
                f"{self.base_url} knows no such model or address (404: {said}); check --model and --base-url"
            )
        if error.code == "insufficient_quota":
            return LanguageModelError(f"{self.base_url} says that the account's quota is used up; add credit there")
        if error.code == "content_filter":
            return CallFailed(f"the server's content filter turned the request away: {said}")
        if status in (400, 422):
            return BadRequest(said)
        if status in (408, 409, 425, 429) or status >= 500:
            wait_s = retry_after_s(error.response.headers)
            return TryAgain(f"status {status}: {said}", wait_s, limited=status == 429)
        return CallFailed(f"status {status}: {said}")

    def _said(self, error: APIStatusError) -> str:
        body = error.body
        message = body.get("message") if isinstance(body, dict) else None
        text = message if isinstance(message, str) else error.message
        return self.clean(" ".join(text.split()))[:_SHOWN].rstrip(" .;") or "no reason given"


def retry_after_s(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds that `retry-after-ms` or `retry-after` (seconds or HTTP date, RFC 9110) ask to wait; None without."""
    wait_s = _number(headers.get("retry-after-ms"))
    if wait_s is not None:
        return wait_s / 1000
    value = headers.get("retry-after")
    wait_s = _number(value)
    if wait_s is not None or value is None:
        return wait_s
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - (time.time() if now is None else now))


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
