"""HTML and SVG as text in which whatever is not markup already is escaped."""

from __future__ import annotations

import html
import math


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def element(tag: str, *children: str | None, **attributes: str | float | None) -> Markup:
    """One element.

    Args:
        tag: its name.
        children: text, which is escaped, or Markup; None is passed over.
        attributes: a trailing `_` is dropped (`class_`), other `_` become `-`; None is passed over, numbers are
            rounded to 2 decimals.
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(_attribute(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{given}>{join(*children)}</{tag}>")


def join(*children: str | None) -> Markup:
    """Pieces one after the other, text escaped."""
    return Markup("".join(c if isinstance(c, Markup) else html.escape(c) for c in children if c is not None))


def number(value: float) -> str:
    """A figure for people, four digits."""
    if math.isnan(value):
        return "none"
    if value and (abs(value) >= 1e6 or abs(value) < 1e-3):
        return f"{value:.3g}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def share(part: float, whole: float) -> str:
    """A share in percent: "62 %", "0.4 %", "99.97 %"; a dash of nothing."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 99 < percent < 100:  # as many digits as tell it from 100
        return f"{100 - float(f'{100 - percent:.2g}'):.10g} %"
    return f"{percent:.2g} %" if 0 < percent < 1 else f"{percent:.0f} %"


def plain(value: float) -> str:
    """A coordinate, as short as it can be."""
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"


def _attribute(value: str | float) -> str:
    return value if isinstance(value, str) else plain(value)
