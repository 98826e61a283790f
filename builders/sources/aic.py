"""AI Challenger 2017, human keypoints: 14 joints a person.

210,000 photographs to train and 30,000 to validate, 700,000 people. In the original file a visibility of 1 means
visible, 2 hidden and 3 not labelled, boxes are edges and `image_id` is the file's name without its extension; in
the converted ones all is as COCO has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ...manifests.errors import BadItem
from ..reading.coco_values import are_finite, is_text
from ..reading.json_stream import stream_json
from ..sample import Feature, FileBytes, Sample
from ..source import Entry, Reject, Source
from ._coco_people import read_people
from ._people import AIC_SKELETON, features_of, instances_of, photograph_with_size

_FOLDERS: Final = {
    "train": ("ai_challenger_keypoint_train_20170902", "keypoint_train", "20170902"),
    "validation": ("ai_challenger_keypoint_validation_20170911", "keypoint_validation", "20170911"),
}
_CONVERTED: Final = {"train": "aic_train.json", "validation": "aic_val.json"}
_VISIBILITY: Final = {1: 2, 2: 1, 3: 0}
"""Theirs to COCO's."""


class Aic(Source):
    """AI Challenger's human keypoints, in the original or in COCO's form."""

    name = "aic"
    title = "AI Challenger 2017 human keypoints (14 joints)"
    homepage = "https://github.com/AIChallenger/AI_Challenger_2017"
    license = "AI Challenger terms: research only"
    splits = ("train", "validation")
    features = Feature.KEYPOINTS
    tree = """  aic/
    ai_challenger_keypoint_train_20170902/                    (validation: ai_challenger_keypoint_validation_20170911/)
      keypoint_train_annotations_20170902.json                (or ../annotations/aic_train.json, aic_val.json)
      keypoint_train_images_20170902/000252aea98840a550dac9a78c476ecb9f47ffa1.jpg …"""

    def inputs(self) -> list[Path]:
        self._photographs()
        return [self._annotations()]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        file = self._annotations()
        entries = self._converted(file, reject) if file.name in _CONVERTED.values() else self._original(file, reject)
        for name, record in entries:
            try:
                self.file(name)
            except BadItem as fault:
                reject(name, str(fault))
                continue
            stem = name.removesuffix(".jpg")
            yield Entry(
                id=stem,
                image_key=f"aic/{stem}",
                features=features_of(record["people"]),
                record={"file": name, **record},
            )

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        self.file(record["file"])  # refuses a name that climbs out
        file = self._photographs() / record["file"]
        photograph = FileBytes(file)
        if "size" in record:
            size_wh = (record["size"][0], record["size"][1])
        else:
            photograph, size_wh = photograph_with_size(file)
        instances = instances_of(record["people"], AIC_SKELETON, size_wh=size_wh)
        return Sample(entry_id, photograph, *size_wh, instances=instances)

    def _annotations(self) -> Path:
        folder, start, date = _FOLDERS[self.split]
        original, converted = f"{start}_annotations_{date}.json", _CONVERTED[self.split]
        return self.require(f"{folder}/{original}", original, f"annotations/{converted}", converted)

    def _photographs(self) -> Path:
        folder, start, date = _FOLDERS[self.split]
        return self.require(f"{folder}/{start}_images_{date}", f"{start}_images_{date}", folder=True)

    def _converted(self, file: Path, reject: Reject) -> Iterator[tuple[str, dict[str, Any]]]:
        for image in read_people(file, len(AIC_SKELETON.joints), reject):
            yield image.name, {"size": [image.width, image.height], "people": image.people}

    def _original(self, file: Path, reject: Reject) -> Iterator[tuple[str, dict[str, Any]]]:
        for _, value in stream_json(file):
            found = value if isinstance(value, dict) else {}
            stem, boxes, poses = (found.get(key) for key in ("image_id", "human_annotations", "keypoint_annotations"))
            if not is_text(stem) or not isinstance(boxes, dict) or not isinstance(poses, dict):
                reject(f"{stem!s:.80}", "record lacks image_id, human_annotations or keypoint_annotations")
                continue
            people = []
            for human in sorted(boxes.keys() | poses.keys(), key=lambda name: (len(name), name)):
                try:
                    people.append(_person(boxes.get(human), poses.get(human)))
                except BadItem as fault:
                    reject(stem, f"{human!s:.80}: {fault}")
            yield f"{stem}.jpg", {"people": people}


def _person(box: Any, numbers: Any) -> dict[str, Any]:
    """One person of the original form.

    Raises:
        BadItem: the box or the joints are broken.
    """
    if box is not None and (not isinstance(box, list) or len(box) != 4 or not are_finite(box)):
        raise BadItem(f"box {box!s:.80} is not four finite numbers")
    if box is not None and (box[2] <= box[0] or box[3] <= box[1]):
        raise BadItem(f"box {box} has no area")
    joints = _joints(numbers) if numbers is not None else []
    if box is None and not joints:
        raise BadItem("neither a box nor labelled joints")
    return {"k": joints, "b": box}


def _joints(numbers: Any) -> list[float]:
    count = len(AIC_SKELETON.joints)
    if not isinstance(numbers, list) or len(numbers) != 3 * count or not are_finite(numbers):
        raise BadItem(f"keypoints are not {count} times three finite numbers")
    if not set(numbers[2::3]) <= _VISIBILITY.keys():
        raise BadItem("keypoints hold a visibility other than 1, 2 and 3")
    if all(mark == 3 for mark in numbers[2::3]):
        return []
    joints: list[float] = []
    for x, y, mark in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True):
        joints += [x, y, _VISIBILITY[mark]] if mark != 3 else [0, 0, 0]
    return joints
