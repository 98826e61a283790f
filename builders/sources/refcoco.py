"""RefCOCO, RefCOCO+ and RefCOCOg: sentences that each mean one object of a COCO photograph.

| | photographs | refs | sentences | split by |
|---|---|---|---|---|
| RefCOCO | 19,994 | 50,000 | 142,210 | unc, google |
| RefCOCO+ | 19,992 | 49,856 | 141,564 | unc |
| RefCOCOg | 25,799 | 49,822 | 95,010 | umd, google |

The test of unc is in two: testA of people, testB of other things. The splits of google put one photograph into
several splits. Refs are pickles of Python 2, read without running anything in them. The `file_name` of a ref names
no file, and the photograph is the one that instances.json gives for the annotation.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from ...manifests.errors import SourceLayoutError
from ..reading.safe_pickle import load_plain
from ._referring import ReferringOptions, ReferringSource

_SPLIT_BY: Final = {"refcoco": ("unc", "google"), "refcoco+": ("unc",), "refcocog": ("umd", "google")}


class RefcocoOptions(ReferringOptions):
    """Options of the RefCOCO source."""

    dataset: Literal["", "refcoco", "refcoco+", "refcocog"] = Field(
        "", description="empty: the one that the given folder is called after, else refcoco"
    )
    split_by: Literal["", "unc", "google", "umd"] = Field(
        "", description="who made the splits; empty: unc, or umd for refcocog, if the file is there, else google"
    )


class Refcoco(ReferringSource):
    """RefCOCO, RefCOCO+ or RefCOCOg from the folder that holds them, or from its own."""

    name = "refcoco"
    title = "RefCOCO, RefCOCO+ and RefCOCOg (referring expressions)"
    homepage = "https://github.com/lichengunc/refer"
    license = "annotations: Google Refexp CC BY 4.0, others not stated; photographs under their Flickr licences"
    tree = """  refer/data/                                  (or refcoco/ itself, with the option `images`)
    refcoco/refs(unc).p                        (refcoco+/refs(unc).p, refcocog/refs(umd).p, refs(google).p)
    refcoco/instances.json
    images/train2014/COCO_train2014_000000000009.jpg …   (or images/mscoco/images/train2014/, mscoco/train2014/,
                                               train2017/; elsewhere: the option `images`)"""
    options_type = RefcocoOptions

    def refs_file(self) -> Path:
        assert isinstance(self.options, RefcocoOptions)
        dataset = self.options.dataset or (self.path.name if self.path.name in _SPLIT_BY else "refcoco")
        makers = (self.options.split_by,) if self.options.split_by else _SPLIT_BY[dataset]
        folders = (f"{dataset}/", "", f"{dataset}/annotations/", "annotations/")
        return self.require(*(f"{folder}refs({maker}).p" for folder in folders for maker in makers))

    def stored_refs(self) -> Iterable[Any]:
        refs = load_plain(self.refs_file())
        if not isinstance(refs, list):
            raise SourceLayoutError(f"{self.refs_file()} holds a {type(refs).__name__}, not a list of refs")
        return refs
