"""Writes pet portraits in the layout of Oxford-IIIT Pet: images, trimaps, head boxes, lists."""

from __future__ import annotations

from pathlib import Path
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray

from .breeds import BREEDS
from .files import write_jpeg, write_lines, write_png
from .names import PET_BREEDS
from .pets import PetPicture, draw_pet

SIZES = ((400, 400), (500, 375), (375, 500), (450, 450))
BORDER_PX = 4
PET, BACKGROUND, BORDER = 1, 2, 3
HEADER = (
    "#Image CLASS-ID SPECIES BREED ID",
    "#ID: 1:37 Class ids",
    "#SPECIES: 1:Cat 2:Dog",
    "#BREED ID: 1-25:Cat 1:12:Dog",
    "#All images with 1st letter as captial are cat images",
    "#images with small first letter are dog images",
)


def write_pets(folder: Path, count: int, seed: int) -> None:
    """Write count portraits; every third is for testing. As in the real set, test images have no head box.

    Args:
        folder: gets images and annotations below it.
    """
    for name in ("images", "annotations/trimaps", "annotations/xmls"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    order = Random(f"{seed}/pets").sample(BREEDS, len(BREEDS))
    rows: list[tuple[str, bool]] = []
    for index in range(count):
        breed = order[index % len(order)]
        name, test = f"{breed.name}_{index // len(order) + 1}", index % 3 == 2
        width, height = SIZES[index % len(SIZES)]
        picture = draw_pet(Random(f"{seed}/pets/{index}"), breed, width, height)
        write_jpeg(folder / "images" / f"{name}.jpg", picture.rgb)
        write_png(folder / "annotations" / "trimaps" / f"{name}.png", trimap(picture.mask))
        if not test:
            text = _xml(name, picture, "cat" if breed.cat else "dog")
            write_lines(folder / "annotations" / "xmls" / f"{name}.xml", [text])
        rows.append((name, test))
    rows.sort(key=lambda row: row[0].lower())
    lines = {test: [_list_line(name) for name, held in rows if held == test] for test in (False, True)}
    write_lines(folder / "annotations" / "list.txt", [*HEADER, *(_list_line(name) for name, _ in rows)])
    write_lines(folder / "annotations" / "trainval.txt", lines[False])
    write_lines(folder / "annotations" / "test.txt", lines[True])


def trimap(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return 1 on the pet, 2 on the background, 3 on a border of BORDER_PX pixels; (H, W) uint8."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (BORDER_PX + 1, BORDER_PX + 1))
    grown = cv2.dilate(mask.astype(np.uint8), kernel)
    shrunk = cv2.erode(mask.astype(np.uint8), kernel)
    values = np.where(mask, np.uint8(PET), np.uint8(BACKGROUND))
    return np.where(grown != shrunk, np.uint8(BORDER), values).astype(np.uint8)


def _list_line(name: str) -> str:
    """Return "name class species breed": breeds are numbered from 1 among cats and among dogs."""
    breed = name.rsplit("_", 1)[0]
    cat = breed[0].isupper()
    same = [other for other in PET_BREEDS if other[0].isupper() == cat]
    return f"{name} {PET_BREEDS.index(breed) + 1} {1 if cat else 2} {same.index(breed) + 1}"


def _xml(name: str, picture: PetPicture, species: str) -> str:
    height, width = picture.mask.shape
    left, top, right, bottom = picture.head_xyxy
    return (
        f"<annotation><folder>OXIIIT</folder><filename>{name}.jpg</filename>"
        "<source><database>OXFORD-IIIT Pet Dataset</database><annotation>OXIIIT</annotation>"
        "<image>flickr</image></source>"
        f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size><segmented>0</segmented>"
        f"<object><name>{species}</name><pose>Frontal</pose><truncated>0</truncated><occluded>0</occluded>"
        f"<bndbox><xmin>{left + 1}</xmin><ymin>{top + 1}</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox>"
        "<difficult>0</difficult></object></annotation>"
    )
