"""ICDAR 2015 incidental scene text: every word of 1,000 training and 500 test photographs, by its four corners.

Words that nobody can read are "###" in the files: they are words, but no sentence names them. A word is named by
what it says only where no other word of the photograph says the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ...manifests.errors import BadItem
from ...manifests.images import read_header
from ..reading.coco_values import are_finite, checked_box, checked_segmentation
from ..sample import Category, Expression, Feature, FileBytes, Instance, Sample
from ..source import Entry, Reject, Source

_FOLDERS: Final = {
    "train": ("ch4_training_images", "ch4_training_localization_transcription_gt"),
    "test": ("ch4_test_images", "Challenge4_Test_Task1_GT"),
}
_WORD: Final = Category(1, "word")
_UNREADABLE: Final = "###"
_CORNERS: Final = 8
_SHORTEST: Final = 2
"""Characters; a sentence about a single letter could mean a letter of any word."""


class Icdar2015(Source):
    """ICDAR 2015, challenge 4, from its official archives."""

    name = "icdar2015"
    title = "ICDAR 2015 (words in street scenes)"
    homepage = "https://rrc.cvc.uab.es/?ch=4"
    license = "CC BY 4.0"
    splits = ("train", "test")
    features = Feature.INSTANCES | Feature.BOXES | Feature.EXPRESSIONS
    tree = """  icdar2015/
    ch4_training_images/img_1.jpg …                                  (ch4_test_images for split test)
    ch4_training_localization_transcription_gt/gt_img_1.txt …        (Challenge4_Test_Task1_GT)"""

    def inputs(self) -> list[Path]:
        return [self.require(folder, folder=True) for folder in _FOLDERS[self.split]]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        images, texts = self.inputs()
        photographs = {file.stem for file in images.iterdir() if file.suffix.lower() == ".jpg"}
        lists = {file.stem.removeprefix("gt_") for file in texts.glob("gt_*.txt")}
        for stem in sorted(photographs | lists, key=lambda name: (len(name), name)):
            if stem not in lists:
                reject(stem, f"gt_{stem}.txt is missing in {texts.name}")
            elif stem not in photographs:
                reject(stem, f"photograph {stem}.jpg is missing in {images.name}")
            else:
                yield from self._entry(stem, images / f"{stem}.jpg", texts / f"gt_{stem}.txt", reject)

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        images, _ = self.inputs()
        words = record["words"]
        told = Counter(word["text"].casefold() for word in words)
        return Sample(
            id=entry_id,
            image=FileBytes(images / f"{entry_id}.jpg"),
            width=record["size"][0],
            height=record["size"][1],
            instances=tuple(Instance(_WORD, tuple(word["box"]), [word["corners"]]) for word in words),
            expressions=tuple(
                Expression((f"the word {word['text']}", f"the text that says {word['text']}"), (position,))
                for position, word in enumerate(words)
                if len(word["text"]) >= _SHORTEST and told[word["text"].casefold()] == 1
            ),
        )

    def _entry(self, stem: str, photograph: Path, text: Path, reject: Reject) -> Iterator[Entry]:
        try:
            header = read_header(FileBytes(photograph).read())
        except BadItem as fault:
            reject(stem, f"photograph {photograph.name}: {fault}")
            return
        words: list[dict[str, Any]] = []
        whole = True
        content = text.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")
        for number, line in enumerate(content.splitlines(), start=1):
            if line.strip():
                try:
                    words.append(_word(line, header.width, header.height))
                except BadItem as fault:
                    reject(stem, f"{text.name}, line {number}: {fault}")
                    whole = False
        features = (Feature.INSTANCES if words else Feature(0)) | (Feature.BOXES if words and whole else Feature(0))
        named = any(len(word["text"]) >= _SHORTEST for word in words)
        features |= Feature.EXPRESSIONS if named else Feature(0)
        record = {"size": [header.width, header.height], "words": words}
        yield Entry(stem, f"icdar2015/{self.split}/{stem}", features, record)


def _word(line: str, width: int, height: int) -> dict[str, Any]:
    """Corners, box and text of a line "x,y,x,y,x,y,x,y,text"; an unreadable word has no text.

    Raises:
        BadItem: the line does not hold.
    """
    *numbers, text = line.strip().split(",", _CORNERS)
    try:
        corners = [float(number) for number in numbers]
    except ValueError as fault:
        raise BadItem(f"{line.strip()[:60]!r} does not start with eight numbers") from fault
    if len(corners) != _CORNERS or not are_finite(corners):
        raise BadItem(f"{line.strip()[:60]!r} does not start with eight numbers")
    across, down = corners[::2], corners[1::2]
    box = [min(across), min(down), max(across) - min(across), max(down) - min(down)]
    return {
        "box": checked_box(box, width, height),
        "corners": checked_segmentation([corners], width, height)[0],
        "text": "" if text == _UNREADABLE or not text.isprintable() else " ".join(text.split()),
    }
