"""gRefCOCO: sentences that mean one object of a COCO photograph, several, or none.

278,232 sentences, of which 80,022 mean several objects and 32,202 none, on 19,994 photographs. `ann_id` is a list;
[-1], with `no_target`, means none. The photograph is the one that instances.json gives for the annotations.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..reading.json_stream import stream_json
from ._referring import ReferringSource


class Grefcoco(ReferringSource):
    """gRefCOCO from the folder that holds it, or from its own."""

    name = "grefcoco"
    title = "gRefCOCO (referring expressions with any number of targets)"
    homepage = "https://github.com/henghuiding/gRefCOCO"
    license = "annotations CC BY-NC-SA 4.0; photographs under their Flickr licences"
    splits = ("train", "val", "testA", "testB")
    tree = """  data/                                        (or grefcoco/ itself, with the option `images`)
    grefcoco/grefs(unc).json
    grefcoco/instances.json
    images/train2014/COCO_train2014_000000000009.jpg …   (or images/mscoco/images/train2014/, mscoco/train2014/,
                                               train2017/; elsewhere: the option `images`)"""

    def refs_file(self) -> Path:
        folders = ("grefcoco/", "", "grefcoco/annotations/", "annotations/")
        return self.require(*(f"{folder}grefs(unc).json" for folder in folders))

    def stored_refs(self) -> Iterable[Any]:
        return (value for _, value in stream_json(self.refs_file()))
