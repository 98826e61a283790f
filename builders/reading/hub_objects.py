"""Objects and joints as the columns of Hugging Face datasets hold them, brought to one form. Untrusted.

`objects` is a list of structs, or (as `datasets` turns that around) a struct of lists. Boxes come in three forms:
coco [left, top, width, height] and voc [left, top, right, bottom] in pixels, yolo [centre x, centre y, width, height]
in shares of the image.
"""

from __future__ import annotations

from typing import Any, Literal

from ...manifests.errors import BadItem
from ..sample import Joint
from .coco_values import are_finite, checked_box, checked_segmentation

BoxForm = Literal["coco", "voc", "yolo"]


def rows_of_objects(value: Any) -> list[dict[str, Any]]:
    """A list of structs from either form; empty for null.

    Raises:
        BadItem: it is neither form, or its lists differ in length.
    """
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return value
    if not isinstance(value, dict):
        raise BadItem(f"objects are a {type(value).__name__}, neither a list of structs nor a struct of lists")
    lists = {key: items for key, items in value.items() if isinstance(items, list)}
    lengths = {key: len(items) for key, items in lists.items()}
    if len(set(lengths.values())) > 1:
        raise BadItem(f"the lists of the objects differ in length: {lengths}")
    count = next(iter(lengths.values()), 0)
    return [{key: items[at] for key, items in lists.items()} for at in range(count)]


def box_xyxy(box: Any, form: BoxForm, width: int, height: int) -> tuple[float, float, float, float]:
    """A box as left, top, right and bottom edges in pixels, clipped to the image.

    Raises:
        BadItem: not four finite numbers, no area, wholly outside, or (yolo) no shares of the image.
    """
    if not isinstance(box, list) or len(box) != 4 or not are_finite(box):
        raise BadItem(f"box {box!r} is not four finite numbers")
    first, second, third, fourth = box
    if form == "voc":
        third, fourth = third - first, fourth - second
    elif form == "yolo":
        if min(box) < -0.5 or max(box) > 1.5:
            raise BadItem(f"box {box!r} is not in shares of the image; correct the option `boxes`")
        third, fourth = third * width, fourth * height
        first, second = first * width - third / 2, second * height - fourth / 2
    left, top, right, bottom = checked_box([first, second, third, fourth], width, height)
    return left, top, right, bottom


def segmentation_of(value: Any, form: BoxForm, width: int, height: int) -> Any:
    """Polygons or run lengths as COCO has them; None when there are none.

    A single polygon as a flat list, and points as pairs, are understood too; yolo's coordinates are shares.

    Raises:
        BadItem: it is none of these.
    """
    if isinstance(value, bytes) or value is None or value == []:
        return None
    if isinstance(value, dict):
        counts, size = value.get("counts"), value.get("size")
        runs = counts.decode("ascii", "replace") if isinstance(counts, bytes) else counts
        return checked_segmentation({"counts": runs, "size": size}, width, height)
    if not isinstance(value, list):
        raise BadItem(f"segmentation is a {type(value).__name__}, neither polygons nor run lengths")
    polygons = value if isinstance(value[0], list) else [value]
    if all(isinstance(point, list) and len(point) == 2 for point in polygons):
        polygons = [polygons]
    flat = [_flat(polygon) for polygon in polygons]
    if form == "yolo":
        flat = [[number * (height if at % 2 else width) for at, number in enumerate(polygon)] for polygon in flat]
    return checked_segmentation(flat, width, height)


def _flat(polygon: Any) -> list[Any]:
    if isinstance(polygon, list) and polygon and all(isinstance(point, list) and len(point) == 2 for point in polygon):
        polygon = [number for point in polygon for number in point]
    if not isinstance(polygon, list) or not are_finite(polygon):
        raise BadItem("a polygon holds something that is no finite number")
    return polygon


def figures_of(value: Any, joints: int) -> list[tuple[Joint, ...]]:
    """Figures of one keypoints cell: one figure or a list of them, each flat or as points, with visibility or without.

    Without visibility a joint at (0, 0) is unlabelled. Figures without any labelled joint are left out.

    Args:
        value: the cell.
        joints: how many joints a figure has.

    Raises:
        BadItem: the numbers do not fit that count.
    """
    if value is None or value == []:
        return []
    if not isinstance(value, list):
        raise BadItem(f"keypoints are a {type(value).__name__}, not a list")
    if not isinstance(value[0], list):
        figures = [value]
    elif isinstance(value[0][0] if value[0] else None, list):
        figures = [_joined(figure) for figure in value]
    elif len(value) == joints and all(isinstance(point, list) and len(point) in (2, 3) for point in value):
        figures = [_joined(value)]
    else:
        figures = value
    found = [_figure(figure, joints) for figure in figures]
    return [figure for figure in found if any(joint.visibility for joint in figure)]


def _joined(points: Any) -> list[Any]:
    if not isinstance(points, list) or not all(isinstance(point, list) for point in points):
        raise BadItem("keypoints are not lists of points")
    return [number for point in points for number in point]


def _figure(numbers: Any, joints: int) -> tuple[Joint, ...]:
    if not isinstance(numbers, list) or not are_finite(numbers) or len(numbers) not in (2 * joints, 3 * joints):
        raise BadItem(f"keypoints are not {joints} times two or three finite numbers")
    if len(numbers) == 2 * joints:
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        return tuple(Joint(x, y, 2 if x or y else 0) for x, y in pairs)
    if not set(numbers[2::3]) <= {0, 1, 2}:
        raise BadItem("keypoints hold a visibility other than 0, 1 and 2")
    triples = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    return tuple(Joint(x, y, int(visibility)) for x, y, visibility in triples)


class Vocabulary:
    """Class ids and names of a column, whether it holds numbers or names.

    Attributes:
        names: of the classes known so far, by id.
    """

    def __init__(self, given: tuple[str, ...], noted: list[str]) -> None:
        """given: names by the user; noted: by the dataset. Either gives meaning to numbers; names need neither."""
        self._fixed = bool(given or noted)
        self.names: dict[int, str] = dict(enumerate(given or noted))
        self._ids = {name: number for number, name in self.names.items()}

    def id_of(self, value: Any) -> int:
        """The id of a class, by number or name; a new name gets the next id unless the names are fixed.

        Raises:
            BadItem: the class is not in the vocabulary.
        """
        if isinstance(value, int) and not isinstance(value, bool):
            if value not in self.names:
                raise BadItem(f"class number {value} has no name; give the names in the options")
            return value
        if not isinstance(value, str) or not value.strip():
            raise BadItem(f"class {value!r} is neither a number nor a name")
        if value not in self._ids:
            if self._fixed:
                raise BadItem(f"class {value!r} is not among the names")
            self._ids[value] = len(self._ids)
            self.names[self._ids[value]] = value
        return self._ids[value]

    def dump(self) -> dict[str, str]:
        """For the index's header."""
        return {str(number): name for number, name in self.names.items()}
