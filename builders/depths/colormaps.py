"""Colormaps: a level is drawn as a colour, and the colour read back as the level."""

from __future__ import annotations

import base64
from functools import cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ...manifests.images import RGB
from ..marks.palette import Color
from ..number_maps import Runs, packed

ColormapName = Literal["gray", "turbo", "viridis", "inferno", "spectral"]

LEVELS: Final = 255
"""Levels a colormap is drawn with; the last of a palette PNG's 256 colours is left to `RESERVED`."""

RESERVED: Final = Color("magenta", (255, 0, 255))
"""Stands for "no value": at least 187 (Euclidean RGB) from every colour of every colormap here, so one colour
serves all. Distances: gray 208, turbo 213, viridis 230, inferno 187, spectral 191."""

_SPECTRAL_ANCHORS: Final = (
    (158, 1, 66), (213, 62, 79), (244, 109, 67), (253, 174, 97), (254, 224, 139), (255, 255, 191),
    (230, 245, 152), (171, 221, 164), (102, 194, 165), (50, 136, 189), (94, 79, 162),
)  # fmt: skip
"""ColorBrewer's Spectral with 11 classes, as matplotlib's `Spectral` has it."""

# turbo: Mikhailov (2019); viridis and inferno: matplotlib; all rounded to 8 bits, RGB after RGB in base64.
# Rounding gives viridis two pairs of twins, which could not be told apart again: here the green of entry 113
# is one level up and that of entry 129 one level down.
_PACKED: Final = {
    "turbo": (
        "MBI7MhVDMxhKNBtRNR5YNiFfNyRmOCdtOSpzOi15Oy+APDKGPTWLPjiRPzuXPz6cQECiQUOnQUasQkmxQku1Q066RFG/RFTDRFbH"
        "RVnLRVzPRV7TRmHWRmTaRmbdRmngRmvjR27mR3HpR3PrR3buR3jwR3vyRn30RoD2RoL4RoX6Rof7RYr8RYz9RI/+Q5H+QpT/QZb/"
        "QJn/Ppv+PZ7+O6D9OqP8OKX7N6j6Nav4M633Ma/1L7L0LrTyLLfwKrnuKLzrJ77pJcDnI8PkIsXiIMffH8ndHsvaHM3YG9DVGtLS"
        "GtTQGdXNGNfKGNnIGNvFGN3CGN7AGOC9GeK7GeO5GuS2HOa0HeeyH+mvIOqsIuuqJeynJ+6kKu+hLPCeL/GbMvKYNfOUOPSRPPWO"
        "P/aKQ/eHRviESviATvl9Uvp6Vfp2WftzXfxvYfxsZf1paf1mbf5icf5fdf5cef5Zff9WgP9ThP9RiP9Oi/9Lj/9Jkv9Hlv5Emf5C"
        "nP5An/0/of09pPw8p/w6qfs5rPs4r/o3sfk2tPg2t/c1ufY1vPU0vvQ0wfM0w/E0xvA0yO80y+00zew00Oo00uk11Oc11+U12eQ2"
        "2+I23eA339834d0349s45dk459c56dU569M57NE67s8678068cs68sk69Mc69cU69sM698E6+L45+bw5+ro5+7g4+7Y3/LM2/LE2"
        "/a41/aw0/qkz/qcy/qQx/qEw/p4v/pst/pks/pYr/pMq/pAp/Y0n/Yom/Icl/IQj+4Ei+34h+nsf+Xge+XUd+HIc928a9mwZ9WkY"
        "9GYX82MV8mAU8V0T8FsS71gR7VUQ7FMP61AO6k4N6EsM50kM5UcL5EUK4kMK4UEJ3z8I3T0I3DsH2jkH2DcG1jUG1DMF0jEF0C8F"
        "zi0EzCsEyioEyCgDxSYDwyUDwSMCviECvCACuR4Ctx0CtBsBshoBrxgBrBcBqRYBpxQBpBMBoRIBnhABmw8BmA4BlQ0BkgsBjgoB"
        "iwkCiAgChQcCgQYCfgUCegQD"
    ),
    "viridis": (
        "RAFURAJWRQRXRQVZRgdaRghcRgpdRgteRw1gRw5hRxBjRxFkRxNlSBRnSBZoSBdpSBhqSBpsSBttSBxuSB1vSB9wSCBxSCFzSCN0"
        "SCR1SCV2SCZ3SCh4SCl5Ryp6Ryx6Ry17Ry58Ry99RjB+RjJ+RjN/RjSARTWBRTeBRTiCRDmDRDqDRDuEQz2EQz6FQj+FQkCGQkGG"
        "QUKHQUSHQEWIQEaIP0eIP0iJPkmJPkqJPkyKPU2KPU6KPE+KPFCLO1GLO1KLOlOLOlSMOVWMOVaMOFiMOFmMN1qMN1uNNlyNNl2N"
        "NV6NNV+NNGCNNGGNM2KNM2ONMmSOMmWOMWaOMWeOMWiOMGmOMGqOL2uOL2yOLm2OLm6OLm+OLXCOLXGOLHGOLHKOLHOOK3SOK3WO"
        "KnaOKneOKniOKXmOKXqOKXuOKHyOKH2OJ36OJ3+OJ4COJoGOJoKOJoOOJYOOJYSOJYWOJIaOJIeOI4iOI4mOI4qNIouNIoyNIo2N"
        "IY6NIY+NIZCNIZGMIJGMIJKMIJOMH5SMH5WLH5aLH5eLH5iLH5mKH5qKHpuKHpyJHp2JH56JH5+IH6CIH6GIH6GHH6KHIKOGIKSG"
        "IaWFIaaFIqeFIqiEI6mDJKqDJauCJayCJq2BJ62BKK6AKa9/KrB/LLF+LbJ9LrN8L7R8MbV7MrZ6NLZ5Nbd5N7h4OLl3Orp2O7t1"
        "Pbx0P7xzQL1yQr5xRL9wRsBvSMFuSsFtTMJsTsNrUMRqUsVpVMVoVsZnWMdlWshkXMhjXsliYMpgY8tfZcteZ8xcac1bbM1abs5Y"
        "cM9Xc9BWddBUd9FTetFRfNJQf9NOgdNNhNRLhtVJidVIi9ZGjtZFkNdDk9dBldhAmNg+m9k8ndk7oNo5oto3pds2qNs0qtwyrdww"
        "sN0vst0ttd4ruN4put4ovd8mwN8lwt8jxeAhyOAgyuEfzeEd0OEc0uIb1eIa2OIZ2uMZ3eMY3+MY4uQY5eQZ5+QZ6uUa7OUb7+Uc"
        "8eUd9OYe9uYg+OYh++cj/ecl"
    ),
    "inferno": (
        "AAAEAQAFAQEGAQEIAgEKAgIMAgIOAwIQBAMSBAMUBQQXBgQZBwUbCAUdCQYfCgciCwckDAgmDQgpDgkrEAktEQowEgoyFAs0FQs3"
        "Fgs5GAw8GQw+GwxBHAxDHgxFHwxIIQxKIwxMJAxPJgxRKAtTKQtVKwtXLQtZLwpbMQpcMgpeNApfNglhOAliOQljOwlkPQllPglm"
        "QApnQgpoRApoRQppRwtqSQtqSgxrTAxrTQ1sTw1sUQ5sUg5tVA9tVQ9tVxBuWRBuWhFuXBJuXRJuXxNuYRNuYhRuZBVuZRVuZxZu"
        "aRZuahdubBhubRhubxlucRluchpudBpudRtudxxteBxteh1tfB1tfR5tfx5sgB9sgiBshCBrhSFrhyFriCJqiiJqjCNpjSNpjyRp"
        "kCVokiVokyZnlSZnlydmmCdmmihlmylknSlknypjoCpjoitioyxhpSxgpi1gqC5fqS5eqy9erTBdrjBcsDFbsTJaszJatDNZtjRY"
        "tzVXuTVWujZVvDdUvThTvzlSwDpRwTpQwztPxDxOxj1Nxz5MyD9LykBKy0FJzEJIzkNHz0RG0EVF0kZE00dD1EhC1UpB10s/2Ew+"
        "2U092k4821A73VE63lI431M34FU24VY14lc041kz5Fox5Vww5l0v514u6GAt6WEr6mMq62Qp62Yo7Gcm7Wkl7mok72wj724h8G8g"
        "8XEf8XMd8nQc83Yb83gZ9HkY9XsX9X0V9n4U9oAT94IS94QQ+IUP+IcO+IkM+YsL+YwK+Y4J+pAI+pIH+pQH+5YG+5cG+5kG+5sG"
        "+50H/J8H/KEI/KMJ/KUK/KYM/KgN/KoP/KwR/K4S/LAU/LIW/LQY+7Ya+7gd+7of+7wh+74j+sAm+sIo+sQq+sYt+ccv+cky+cs1"
        "+M03+M8699E999NA9tVD9tdG9dlJ9dtM9N1P9N9T9OFW8+Na8+Vd8uZh8uhl8upp8ext8e1x8e918fF58vJ98vSC8/WG8/aK9PiO"
        "9fmS9vqW+Pua+fyd+v2h/P+k"
    ),
}
_END_NAMES: Final = {
    "gray": ("black", "white"),
    "turbo": ("dark purple", "dark red"),
    "viridis": ("dark purple", "yellow"),
    "inferno": ("black", "pale yellow"),
    "spectral": ("dark red", "purple"),
}

_CHUNK = 1 << 14


@cache
def table(name: ColormapName) -> NDArray[np.uint8]:
    """(256, 3) uint8 RGB, all different; read-only."""
    if name == "gray":
        colors = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    elif name == "spectral":
        places = np.linspace(0, len(_SPECTRAL_ANCHORS) - 1, 256)
        channels = np.array(_SPECTRAL_ANCHORS, np.float64).T
        blended = [np.interp(places, np.arange(len(channel)), channel) for channel in channels]
        colors = np.rint(np.stack(blended, axis=1)).astype(np.uint8)
    else:
        colors = np.frombuffer(base64.b64decode(_PACKED[name]), np.uint8).reshape(256, 3)
    colors.flags.writeable = False
    return colors


@cache
def level_colors(name: ColormapName) -> NDArray[np.uint8]:
    """(LEVELS, 3) uint8 RGB: the table without entry 128, so that both ends stay; read-only."""
    colors = np.delete(table(name), 128, axis=0)
    colors.flags.writeable = False
    return colors


def end_names(name: ColormapName) -> tuple[str, str]:
    """What the first and the last colour look like, in words."""
    return _END_NAMES[name]


def nearest_entry(image: RGB, colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The nearest of up to 256 colours, Euclidean RGB; ties go to the first.

    Args:
        image: (H, W, 3) uint8.
        colors: (N, 3) uint8.

    Returns:
        (H, W) uint8 positions in `colors`.
    """
    codes = Runs.of(packed(image))
    found, where = np.unique(codes.numbers, return_inverse=True)  # pictures have far fewer colours than pixels
    pixels = np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1).astype(np.int32)
    known = colors.astype(np.int32)
    length = np.einsum("nc,nc->n", known, known)
    nearest = np.empty(len(found), np.uint8)
    for start in range(0, len(found), _CHUNK):
        part = pixels[start : start + _CHUNK].astype(np.float64)
        # |p - c|² without |p|², which is the same for all c; exact, since every sum is a small integer.
        nearest[start : start + _CHUNK] = (length - 2 * (part @ known.T.astype(np.float64))).argmin(axis=1)
    return codes.spread(nearest[where])
