"""The page's bytes and the headers that guard them."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

from ...manifests.house_style import content_hash, load_page

_HERE: Final = Path(__file__).parent

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
    text = load_page(_HERE / f"{name}.html")
    policy = (
        f"default-src 'none'; script-src '{content_hash(text, 'script')}'; style-src '{content_hash(text, 'style')}'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return text.encode(), policy
