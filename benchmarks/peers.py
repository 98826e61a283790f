"""CPU time of the usual ways to make the same triplets, as multiples of taskpaint's, all in this process.

    pip install --no-deps supervision pydeprecate defusedxml mosaicml-streaming xxhash zstd Brotli python-snappy cramjam
    pip install --no-deps catalogue
    python benchmarks/peers.py --data /datasets

Dependencies are left out because supervision asks for opencv-python, which overwrites opencv-python-headless; what is
not installed is not measured. Before anything is timed, every way's pictures are compared with taskpaint's: the same
size, and on average within a few levels, since resizing and JPEG differ a little.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from floors.item import Item
from floors.regions import OPACITY
from floors.table import ROW_GROUP_ROWS
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask
from speed import made_up
from taskpaint.manifests.extras import declare_torchvision_ops
from taskpaint.manifests.triplet import Triplet
from taskpaint.writers.shards import write_shard
from work import Work, prepare_work

_LEVELS = 8.0


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="a folder with the folder coco; without it, made-up photographs")
    parser.add_argument("--triplets", type=int, default=256, help="of each pipeline and size, at least")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="overlay-native,overlay-512,mask-native,mask-512,disc-native,disc-512")
    parser.add_argument("--ways", default="", help="measure ways only whose names hold one of these words, by commas")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    pa.set_cpu_count(1)
    rows, writers = [], []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        os.environ["TASKPAINT_CACHE"], os.environ["HF_DATASETS_CACHE"] = str(work / "cache"), str(work / "datasets")
        data = options.data or made_up(work / "data")
        sinks = _sinks()
        words = options.ways.split(",")
        ways = {name: way for name, way in _ways().items() if any(word in name for word in words)}
        for key in options.only.split(","):
            found = prepare_work(key, data, work / key / "taskpaint", options.triplets)
            rows.append({"pipeline": key, **_measure(key, found, ways, work / key, options.repeats)})
            writers.append({"pictures of": key, **_measure_sinks(found, sinks, work / key, options.repeats)})
            print(json.dumps([rows[-1], writers[-1]], ensure_ascii=False), file=sys.stderr)
    if options.json:
        print(json.dumps({"build": rows, "write": writers}, indent=2))
        return
    for table in (rows, writers):
        print("| " + " | ".join(table[0]) + " |")
        print("|---|" + "---:|" * (len(table[0]) - 1))
        for row in table:
            print("| " + " | ".join(str(value) for value in row.values()) + " |")
        print()


# The same triplets in other ways.


def pil_map(pipeline: str, items: Sequence[Item], place: Path) -> None:
    """`datasets.map` with a function that returns PIL images: the way of most tutorials."""

    def draw(row: dict[str, Any]) -> dict[str, Any]:
        item = items[row["number"]]
        source, target = _draw_with_pil(pipeline, item)
        return {"input_image": source, "edited_image": target, "edit_prompt": f"Paint {item.id}."}

    _map(items, draw, place)


def pil_map_encoded(pipeline: str, items: Sequence[Item], place: Path) -> None:
    """The same with a function that encodes: JPEG 4:4:4, PNG for masks, the file's own bytes where they may stay."""

    def draw(row: dict[str, Any]) -> dict[str, Any]:
        item = items[row["number"]]
        source, target = _draw_with_pil(pipeline, item)
        kept = Path(item.file).read_bytes() if item.is_native else _pil_bytes(source, "JPEG")
        edited = _pil_bytes(target, "PNG" if pipeline == "mask" or item.lossless else "JPEG")
        prompt = f"Paint {item.id}."
        return {"input_image": {"bytes": kept}, "edited_image": {"bytes": edited}, "edit_prompt": prompt}

    _map(items, draw, place)


def _map(items: Sequence[Item], draw: Callable[[dict[str, Any]], dict[str, Any]], place: Path) -> None:
    import datasets

    features = datasets.Features(
        {"input_image": datasets.Image(), "edited_image": datasets.Image(), "edit_prompt": datasets.Value("string")}
    )
    numbers = datasets.Dataset.from_dict({"number": list(range(len(items)))})
    cache = str(place / "map.arrow")
    drawn = numbers.map(
        draw, features=features, remove_columns=["number"], cache_file_name=cache, load_from_cache_file=False
    )
    drawn.to_parquet(place / "out.parquet")


def annotate(pipeline: str, items: Sequence[Item], place: Path) -> None:
    """supervision's annotators, OpenCV's codecs and pyarrow as it comes."""
    import supervision

    rows = []
    for item in items:
        photo = _sized_by_cv2(item, cv2.imread(item.file))
        scene = np.zeros_like(photo) if pipeline == "mask" else photo.copy()
        colors = [supervision.Color(*color) for color in item.colors]
        if pipeline == "disc":
            radius = round(item.params["radius"])
            for points, color in zip(_points(item), colors, strict=True):
                keypoints = supervision.KeyPoints(xy=np.array([points], np.float32))
                scene = supervision.VertexAnnotator(color=color, radius=radius).annotate(scene, keypoints)
        else:
            mask = _mask_of(item).astype(bool)[None]
            found = supervision.Detections(xyxy=supervision.mask_to_xyxy(mask), mask=mask, class_id=np.zeros(1, int))
            opacity = 1.0 if pipeline == "mask" else OPACITY
            scene = supervision.MaskAnnotator(color=colors[0], opacity=opacity).annotate(scene, found)
        source = Path(item.file).read_bytes() if item.is_native else _cv2_bytes(photo, ".jpg")
        target = _cv2_bytes(scene, ".png" if pipeline == "mask" or item.lossless else ".jpg")
        rows.append({"input_image": {"bytes": source}, "edited_image": {"bytes": target}, "edit_prompt": item.id})
    pq.write_table(pa.Table.from_pylist(rows), place / "out.parquet")


def _draw_with_pil(pipeline: str, item: Item) -> tuple[Image.Image, Image.Image]:
    photo = Image.open(item.file).convert("RGB")
    if not item.is_native:
        photo = photo.crop(item.crop).resize(item.out, Image.Resampling.LANCZOS)
    if pipeline == "disc":
        target = photo.copy()
        pen, radius = ImageDraw.Draw(target), item.params["radius"]
        for points, color in zip(_points(item), item.colors, strict=True):
            for x, y in points:
                pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tuple(color))
        return photo, target
    mask = Image.fromarray(_mask_of(item) * 255)
    color = Image.new("RGB", photo.size, tuple(item.colors[0]))
    if pipeline == "mask":
        return photo, Image.composite(color, Image.new("RGB", photo.size), mask)
    return photo, Image.composite(Image.blend(photo, color, OPACITY), photo, mask)


def _points(item: Item) -> list[Any]:
    """The joints of each name, x and y."""
    return [asked["xy"] for asked in item.annotation["points"]]


def _mask_of(item: Item) -> Any:
    """(H, W) uint8 of the class, as pycocotools' users make it: one object after the other."""
    width, height = item.size
    mask = np.zeros((height, width), np.uint8)
    for region in json.loads(item.facts):
        rles = coco_mask.frPyObjects(region, height, width)
        mask |= coco_mask.decode(coco_mask.merge(rles) if isinstance(rles, list) else rles)
    if item.is_native:
        return mask
    left, top, right, bottom = item.crop
    return cv2.resize(mask[top:bottom, left:right], item.out, interpolation=cv2.INTER_NEAREST_EXACT)


def _sized_by_cv2(item: Item, photo: Any) -> Any:
    if item.is_native:
        return photo
    left, top, right, bottom = item.crop
    return cv2.resize(photo[top:bottom, left:right], item.out, interpolation=cv2.INTER_AREA)


def _pil_bytes(picture: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **({"quality": 95, "subsampling": 0} if kind == "JPEG" else {}))
    return buffer.getvalue()


def _cv2_bytes(bgr: Any, suffix: str) -> bytes:
    jpeg = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return bytes(cv2.imencode(suffix, bgr, jpeg if suffix == ".jpg" else [])[1])


# The same pictures into other files.


def _sinks() -> dict[str, Callable[[list[dict[str, Any]], Path], None]]:
    sinks: dict[str, Callable[[list[dict[str, Any]], Path], None]] = {"plain pyarrow": _to_pyarrow}
    for name, sink, module in (("webdataset", _to_tar, "webdataset"), ("MDS", _to_mds, "streaming")):
        if _is_there(module):
            sinks[name] = sink
    return sinks


def _to_pyarrow(rows: list[dict[str, Any]], place: Path) -> None:
    pq.write_table(pa.Table.from_pylist(rows), place / "plain.parquet")


def _to_tar(rows: list[dict[str, Any]], place: Path) -> None:
    import webdataset

    with webdataset.TarWriter(str(place / "out.tar")) as tar:
        for row in rows:
            rest = {name: value for name, value in row.items() if "image" not in name}
            pictures = {"input.jpg": row["input_image"]["bytes"], "edited.jpg": row["edited_image"]["bytes"]}
            tar.write({"__key__": row["id"], **pictures, "json": rest})


def _to_mds(rows: list[dict[str, Any]], place: Path) -> None:
    from streaming import MDSWriter

    columns = {name: "bytes" if "image" in name else "str" for name in rows[0] if name not in ("width", "height")}
    columns.pop("image_key")
    columns["input_image"] = columns["edited_image"] = "bytes"
    shutil.rmtree(place / "mds", ignore_errors=True)
    with MDSWriter(out=str(place / "mds"), columns=columns, hashes=["sha256"]) as writer:
        for row in rows:
            writer.write({name: row[name]["bytes"] if kind == "bytes" else row[name] for name, kind in columns.items()})


# Measuring.


def _ways() -> dict[str, Callable[[str, Sequence[Item], Path], None]]:
    import datasets

    datasets.disable_progress_bars()
    logging.disable(logging.WARNING)
    ways = {"datasets.map, PIL images": pil_map, "datasets.map, encoded": pil_map_encoded}
    return {**ways, "supervision and OpenCV": annotate} if _is_there("supervision") else ways


def _is_there(module: str) -> bool:
    declare_torchvision_ops()  # MDS imports torchvision
    try:
        __import__(module)
    except ImportError as fault:
        print(f"{module} is not measured: {fault}")
        return False
    return True


def _measure(
    key: str,
    found: Work,
    ways: dict[str, Callable[[str, Sequence[Item], Path], None]],
    place: Path,
    repeats: int,
) -> dict[str, Any]:
    pipeline = key.partition("-")[0]
    items = [item for shard in found.shards for item in found.items[shard.name]]
    rows = [row for shard in found.shards for row in found.rows[shard.name]]
    for name, way in ways.items():
        way(pipeline, items, place)
        _compare(name, pq.read_table(place / "out.parquet").to_pylist(), rows)
    others = {name: lambda way=way: way(pipeline, items, place) for name, way in ways.items()}
    turns = _in_turns(lambda: [found.run(shard) for shard in found.shards], others, len(rows), repeats)
    return {"triplets": len(rows), **turns}


def _measure_sinks(
    found: Work, sinks: dict[str, Callable[[list[dict[str, Any]], Path], None]], place: Path, repeats: int
) -> dict[str, Any]:
    rows = [row for shard in found.shards for row in found.rows[shard.name]]
    triplets = [Triplet.from_row(row) for row in rows]
    others = {name: lambda sink=sink: sink(rows, place) for name, sink in sinks.items()}
    return _in_turns(lambda: write_shard(place / "own.parquet", triplets, ROW_GROUP_ROWS), others, len(rows), repeats)


def _in_turns(own: Callable[[], Any], others: dict[str, Callable[[], None]], rows: int, repeats: int) -> dict[str, str]:
    """taskpaint's CPU milliseconds a row, and the others' as multiples; each the quickest of its turns, see `speed`."""
    sides = {"": own, **others}
    turns = [{name: _cpu(side) for name, side in sides.items()} for _ in range(repeats)]
    taskpaint, *rest = (min(turn[name] for turn in turns) for name in sides)
    ratios = {name: f"× {least / taskpaint:.1f}" for name, least in zip(others, rest, strict=True)}
    return {"taskpaint, ms": f"{1000 * taskpaint / rows:.2f}", **ratios}


def _cpu(work: Callable[[], Any]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _compare(name: str, theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> None:
    """Refuse to measure what makes other pictures."""
    for mine, other in zip(ours, theirs, strict=True):
        for column in ("input_image", "edited_image"):
            a, b = (np.asarray(Image.open(io.BytesIO(row[column]["bytes"])).convert("RGB")) for row in (mine, other))
            if a.shape != b.shape or np.abs(a.astype(np.int16) - b).mean() > _LEVELS:
                raise SystemExit(f"{mine['id']}: {column} of {name} is another picture; the ratio would mean nothing")


if __name__ == "__main__":
    main()
