"""Colours of a legend: by name, or at random and written as hex code or as (R, G, B)."""

from __future__ import annotations

import random
from typing import Final, Literal

from ...manifests.errors import NotApplicable
from ..marks.palette import PALETTES, Color, RGBTuple, colors_apart
from .free_colors import pack_colors

Notation = Literal["names", "hex", "rgb"]
NotationOption = Literal["names", "hex", "rgb", "mixed"]
NOTATIONS: Final[tuple[Notation, ...]] = ("names", "hex", "rgb")

MOST_ENTRIES: Final[dict[Notation, int]] = {"names": 6, "hex": 4, "rgb": 3}
"""Entries that fit into CLIP's 77 tokens beside a sentence of 20: one takes 6, 11 and 16 tokens on average."""

NOTATION_HELP: Final = (
    "how the legend gives colors; names: red, green …; hex: #12AB34; rgb: (18, 171, 52); mixed: one of them, "
    "drawn for each sample"
)
MAX_LEGEND_HELP: Final = (
    "most entries of the legend; empty: as many as CLIP's 77 tokens hold, 6 by names, 4 by hex, 3 by rgb"
)

BLACK: Final = Color("black", (0, 0, 0))
WHITE: Final = Color("white", (255, 255, 255))


def draw_notation(option: NotationOption, draw: random.Random) -> Notation:
    """The notation of one sample's legend."""
    return draw.choice(NOTATIONS) if option == "mixed" else option


def legend_colors(count: int, notation: Notation, background: Color, draw: random.Random) -> list[Color]:
    """Colours for a legend, each with the text that instructions call it by.

    Names come from the palette "vivid", at least 126 apart; other colours are random and 64 apart.

    Raises:
        NotApplicable: there are not so many.
    """
    if notation == "names":
        free = colors_apart(PALETTES["vivid"], [background.rgb])
        if count > len(free):
            raise NotApplicable(f"a legend of {count} entries needs more than the {len(free)} named colors")
        return draw.sample(free, count)
    colors = pack_colors(count, draw, avoid=[background.rgb])
    return [Color(written(rgb, notation), rgb) for rgb in colors]


def written(rgb: RGBTuple, notation: Literal["hex", "rgb"]) -> str:
    """ "#12AB34" or "(18, 171, 52)"."""
    return "#{:02X}{:02X}{:02X}".format(*rgb) if notation == "hex" else "({}, {}, {})".format(*rgb)


def draw_background(option: Literal["black", "white", "any"], draw: random.Random) -> Color:
    """The background of one sample; any: one of the palette "vivid"."""
    return {"black": BLACK, "white": WHITE}.get(option) or draw.choice(PALETTES["vivid"])
