"""CelebAMask-HQ: the parts of 30,000 faces of 1024 pixels, each part a mask of 512 pixels.

A face has a file for each of its parts, "00000_hair.png" and so on; they are laid over one another in the order of the
official script, and enlarged to the photograph's size. The release does not say whose left is meant, the face's or the
viewer's, so both eyes are one class, and so are eyebrows and ears.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import BadItem
from ...manifests.images import read_header, read_map
from ..sample import Feature, FileBytes, LabelMap, Sample
from ..source import Entry, Reject, Source

_PARTS: Final = {
    "skin": "skin",
    "nose": "nose",
    "eye_g": "eyeglasses",
    "l_eye": "eye",
    "r_eye": "eye",
    "l_brow": "eyebrow",
    "r_brow": "eyebrow",
    "l_ear": "ear",
    "r_ear": "ear",
    "mouth": "inside of the mouth",
    "u_lip": "upper lip",
    "l_lip": "lower lip",
    "hair": "hair",
    "hat": "hat",
    "ear_r": "earring",
    "neck_l": "necklace",
    "neck": "neck",
    "cloth": "clothing",
}
"""File name's ending -> words; later ones lie on top, as in the release's g_mask.py."""
_VALUES: Final = {name: value for value, name in enumerate(dict.fromkeys(_PARTS.values()), start=1)}
_FACES_A_FOLDER: Final = 2000


class CelebaMaskHq(Source):
    """CelebAMask-HQ from its official folders."""

    name = "celebamask_hq"
    title = "CelebAMask-HQ (parts of faces)"
    homepage = "https://github.com/switchablenorms/CelebAMask-HQ"
    license = "non-commercial research"
    splits = ("all",)
    features = Feature.SEMANTIC
    tree = """  celebamask_hq/
    CelebA-HQ-img/0.jpg …
    CelebAMask-HQ-mask-anno/0/00000_hair.png …      (folders 0 to 14, 2,000 faces each)"""

    def inputs(self) -> list[Path]:
        return [self._folder("CelebA-HQ-img"), self._folder("CelebAMask-HQ-mask-anno")]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        photographs, masks = self.inputs()
        parts: dict[int, list[str]] = {}
        for file in masks.glob("*/*.png"):
            digits, _, part = file.stem.partition("_")
            if part not in _PARTS or not digits.isdecimal() or file.parent.name != str(int(digits) // _FACES_A_FOLDER):
                reject(file.stem, f"{file.parent.name}/{file.name} is not named like a part's mask")
            else:
                parts.setdefault(int(digits), []).append(part)
        faces = {int(file.stem) for file in photographs.glob("*.jpg") if file.stem.isdecimal()}
        for number in sorted(faces | parts.keys()):
            if number not in faces:
                reject(str(number), f"photograph {number}.jpg is missing in {photographs.name}")
            elif number not in parts:
                reject(str(number), "the face has no masks")
            else:
                known = [part for part in _PARTS if part in parts[number]]
                yield Entry(str(number), f"celeba_hq/{number}", Feature.SEMANTIC, {"parts": known})

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        number = int(entry_id)
        folder = self._folder("CelebAMask-HQ-mask-anno") / str(number // _FACES_A_FOLDER)
        image = FileBytes(self._folder("CelebA-HQ-img") / f"{number}.jpg")
        files = {part: FileBytes(folder / f"{number:05d}_{part}.png") for part in record["parts"]}
        names = {value: name for name, value in _VALUES.items()}
        return Sample(id=entry_id, image=image, label_map=LabelMap(names, partial(_load, image, files)))

    def _folder(self, name: str) -> Path:
        return self.require(name, f"CelebAMask-HQ/{name}", folder=True)


def _load(image: FileBytes, files: Mapping[str, FileBytes]) -> NDArray[np.integer]:
    """(H, W) uint8 classes at the photograph's size; 0 where no part is."""
    header = read_header(image.read())
    values: NDArray[np.uint8] | None = None
    for part, file in files.items():
        mask = read_map(file.read())
        mask = mask[:, :, 0] if mask.ndim == 3 else mask  # the release stores them in three equal channels
        if values is None:
            values = np.zeros(mask.shape, np.uint8)
        if mask.shape != values.shape:
            raise BadItem(f"mask {file.path.name} is {mask.shape[1]}x{mask.shape[0]}, unlike the face's other masks")
        values[mask > 0] = _VALUES[_PARTS[part]]
    if values is None:
        raise BadItem("the face has no masks")
    return np.asarray(
        cv2.resize(values, (header.width, header.height), interpolation=cv2.INTER_NEAREST_EXACT), np.uint8
    )
