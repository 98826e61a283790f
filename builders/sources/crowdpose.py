"""CrowdPose: people in crowds, 14 joints each, in COCO's form.

20,000 photographs with about 80,000 people: 10,000 to train, 2,000 to validate, 8,000 to test. `num_keypoints`
counts only the first 12 joints, and the file's skeleton is that of COCO's 17 joints; neither is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...manifests.errors import BadItem
from ..sample import Feature, FileBytes, Sample
from ..source import Entry, Reject, Source
from ._coco_people import read_people
from ._people import CROWDPOSE_SKELETON, features_of, instances_of


class Crowdpose(Source):
    """CrowdPose from its official folders."""

    name = "crowdpose"
    title = "CrowdPose (people in crowds, 14 joints)"
    homepage = "https://github.com/Jeff-sjtu/CrowdPose"
    license = "CrowdPose terms: non-commercial research only"
    splits = ("train", "val", "test", "trainval")
    features = Feature.KEYPOINTS
    tree = """  crowdpose/
    json/crowdpose_train.json            (or annotations/mmpose_crowdpose_train.json)
    images/100000.jpg …"""

    def inputs(self) -> list[Path]:
        self.require("images", folder=True)
        return [self._annotations()]

    def scan(self, reject: Reject) -> Iterator[Entry]:
        for image in read_people(self._annotations(), len(CROWDPOSE_SKELETON.joints), reject):
            try:
                self.file(image.name)
            except BadItem as fault:
                reject(image.name, str(fault))
                continue
            yield Entry(
                id=str(image.id),
                image_key=f"crowdpose/{image.id}",
                features=features_of(image.people),
                record={"file": image.name, "size": [image.width, image.height], "people": image.people},
            )

    def sample(self, entry_id: str, record: Mapping[str, Any]) -> Sample:
        width, height = record["size"]
        return Sample(
            id=entry_id,
            image=FileBytes(self.file(f"images/{record['file']}")),
            width=width,
            height=height,
            instances=instances_of(record["people"], CROWDPOSE_SKELETON),
        )

    def _annotations(self) -> Path:
        names = (f"crowdpose_{self.split}.json", f"mmpose_crowdpose_{self.split}.json")
        return self.require(*(f"{folder}{name}" for folder in ("json/", "annotations/", "") for name in names))
