"""Names to pseudonyms, and the signs by which the server knows a browser again; no name is ever written."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from typing import Final

MOST_CHARACTERS: Final = 80
PSEUDONYM: Final = re.compile(r"p-[a-z2-7]{8}")


def pseudonym(secret: bytes, name: str) -> str:
    """A person's pseudonym in one run; the same name, however written, gives the same.

    Args:
        secret: the run's key, without which no name can be tried against a pseudonym.

    Raises:
        ValueError: the name is empty or too long.
    """
    plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    if not plain or len(plain) > MOST_CHARACTERS:
        raise ValueError(f"a name has 1 to {MOST_CHARACTERS} characters")
    return "p-" + base64.b32encode(_sign(secret, "person", plain)[:5]).decode().lower()


def session_value(secret: bytes, person: str) -> str:
    """What the browser keeps as its cookie."""
    return f"{person}.{_sign(secret, 'session', person).hex()}"


def session_person(secret: bytes, value: str) -> str | None:
    """The person a cookie's value stands for; None when we never gave it out."""
    person, _, sign = value.partition(".")
    if not PSEUDONYM.fullmatch(person) or not sign.isascii():
        return None
    return person if hmac.compare_digest(sign, _sign(secret, "session", person).hex()) else None


def run_label(secret: bytes) -> str:
    """Tells cookies and what a browser keeps of one run from those of others on the same machine."""
    return _sign(secret, "run", "")[:4].hex()


def same(given: str, expected: str) -> bool:
    """Whether two tokens are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(given.encode(), expected.encode())


def _sign(secret: bytes, purpose: str, text: str) -> bytes:
    return hmac.new(secret, f"{purpose}\0{text}".encode(), hashlib.sha256).digest()
