"""Classes of a sample: which ones are known not to be in the image."""

from __future__ import annotations

from collections.abc import Callable

from ..sample import Sample


def absent_names(sample: Sample, wanted: Callable[[str], bool]) -> list[str]:
    """Names known not to be in the image, in the source's order.

    Args:
        sample: says so outright, or by its object labels, or by its label map.
        wanted: whether a name may be asked for.
    """
    if sample.absent:
        return [name for name in sample.absent if wanted(name)]
    for labels in sample.labels:
        if labels.facet == "object":
            return [name for name in labels.vocabulary if name not in labels.present and wanted(name)]
    if sample.label_map is not None:
        present = sample.label_map.counts()
        return [name for value, name in sample.label_map.names.items() if value not in present and wanted(name)]
    return []
