"""The page's bytes and the headers that guard them."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
_STYLE: Final = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)

GUARDS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
"""Sent with everything."""

NOTHING: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
"""Policy of answers that are no page."""


@functools.cache
def page(name: str) -> tuple[bytes, str]:
    """A shipped page and its content security policy, which admits the page's own style and script by their hash.

    Args:
        name: "choose" or "overview".
    """
    text = (_HERE / f"{name}.html").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src '{_digest(_SCRIPT, text)}'; style-src '{_digest(_STYLE, text)}'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return text.encode(), policy


def _digest(element: re.Pattern[str], text: str) -> str:
    found = element.findall(text)
    assert len(found) == 1, f"a page has {len(found)} elements like {element.pattern}"
    return "sha256-" + base64.b64encode(hashlib.sha256(found[0].encode()).digest()).decode()
