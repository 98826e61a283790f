"""How the breeds of the pet portraits look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Ears = Literal["pointed", "tufted", "flop", "button", "rose"]


@dataclass(frozen=True)
class Breed:
    """How a breed is drawn.

    Attributes:
        name: as in Oxford-IIIT Pet; a capital first letter means a cat.
        coats: main colours to choose from.
        second: colour of muzzle, chest or points.
        ears: their form.
        pattern: "plain", "tabby", "spots", "points", "mask", "blaze" or "saddle".
        fluffy: long coat.
        eyes: iris colour.
        snout: size of the muzzle as a share of the head.
        wide: width of the head as a share of its height.
    """

    name: str
    coats: str
    second: str
    ears: Ears
    pattern: str
    fluffy: bool
    eyes: str
    snout: float
    wide: float = 1.08

    @property
    def cat(self) -> bool:
        """Whether it is a cat."""
        return self.name[0].isupper()


BREEDS = (
    Breed("Abyssinian", "#c98a52 #d69a5e", "#f0d2a8", "pointed", "plain", False, "#8fae4a", 0.42),
    Breed("beagle", "#b9713d", "#fbf4e8", "flop", "blaze", False, "#5a3a28", 0.56, 1.0),
    Breed("Bengal", "#d9a45e #cf9650", "#f3dcb2", "pointed", "spots", False, "#7fae62", 0.42),
    Breed("pug", "#e3c296 #d8b483", "#3f3438", "button", "mask", False, "#3c2a26", 0.5, 1.16),
    Breed("Siamese", "#f1e3cc #ead9c0", "#5b4338", "pointed", "points", False, "#5aa3dc", 0.42, 1.0),
    Breed("samoyed", "#fbf7ee #f7f2e8", "#ffffff", "pointed", "plain", True, "#3c2f30", 0.5),
    Breed("Russian_Blue", "#8796a8 #7d8da1", "#a7b4c2", "pointed", "plain", False, "#8cc06a", 0.42, 1.04),
    Breed("american_bulldog", "#f6efe3 #efe4d2", "#a9774c", "rose", "saddle", False, "#5a3f2e", 0.6, 1.14),
    Breed("Maine_Coon", "#8c6a4c #7a5a44", "#e9d6bb", "tufted", "tabby", True, "#c6a33c", 0.46),
    Breed("shiba_inu", "#d98c4a #cf7f3e", "#fbf2e2", "pointed", "mask_pale", False, "#3f2a22", 0.5, 1.12),
    Breed("British_Shorthair", "#8f99a6 #a7a9b0", "#b9c0c9", "pointed", "plain", False, "#e0a13c", 0.46, 1.2),
    Breed("newfoundland", "#4a3d3c #3b3539", "#5c4d4a", "flop", "plain", True, "#6b4a2e", 0.58, 1.1),
    Breed("Bombay", "#3a363f #423c46", "#4a4550", "pointed", "plain", False, "#e6b73c", 0.42, 1.06),
    Breed("saint_bernard", "#b5672f #a85c2c", "#fdf6ea", "flop", "blaze", True, "#4f3526", 0.6, 1.1),
    Breed("Persian", "#f3e6d0 #e9c79c", "#fbf3e4", "pointed", "plain", True, "#d98a36", 0.36, 1.24),
    Breed("german_shorthaired", "#7a4a32 #6b3f2c", "#8d5b40", "flop", "plain", False, "#a8742e", 0.6, 0.96),
)
