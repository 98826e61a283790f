"""Whether the loop closes: a tiny model learns a task from a built dataset, and its pictures are decoded and scored.

    python benchmarks/train_tiny.py [--steps 900] [--images 2000] [--resolution 32] [--work DIR] [--json]

Draws scenes of 64 x 64 pixels with balls, boxes and cones, writes them as COCO, builds segmentation (a white
mask of the class that the instruction names) with `taskpaint build`, trains `--preset tiny` from nothing, and
evaluates on scenes it has not seen, before and after, beside the target itself (oracle) and the unchanged source
(copy). Set OMP_NUM_THREADS to the cores that are free: more threads than cores make torch crawl.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from taskpaint.engines.build import BuildOptions, build
from taskpaint.manifests.recipe_file import parse_recipe
from taskpaint.training.edit import Artist, EditOptions
from taskpaint.training.evaluate import baselines, evaluate, questions_of
from taskpaint.training.predictors import FromModel
from taskpaint.training.settings import read_settings
from taskpaint.training.train import train

SIDE = 64
SHAPES = {"ball": (230, 120, 40), "box": (60, 90, 220), "cone": (70, 180, 70)}
RECIPE = """
sources:
  - {source: coco, path: shapes, split: train2017}
  - {source: coco, path: shapes, split: val2017}
tasks:
  - {task: segmentation, options: {style: mask, mask_color: white, absent: 0}}
splits: {by: source}
"""


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--resolution", type=int, default=32)
    parser.add_argument("--rows", type=int, default=200, help="rows to evaluate on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, help="folder to keep what is made")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        found = measure(chosen.work or Path(made), chosen)
    if chosen.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{found['steps']} steps, {found['seconds']:.0f} s, loss {found['loss'][0]:.4f} to {found['loss'][1]:.4f}")
    print(f"{'task':16} {'metric':10} {'before':>8} {'after':>8} {'copy':>8} {'oracle':>8}")
    for task, metric, *values in found["table"]:
        print(f"{task:16} {metric:10} " + " ".join(f"{value:8.3f}" for value in values))


def measure(work: Path, chosen: argparse.Namespace) -> dict[str, object]:
    """Draw, build, train, evaluate."""
    write_shapes(work / "shapes", "train2017", chosen.images, chosen.seed)
    write_shapes(work / "shapes", "val2017", 300, chosen.seed + 1)
    build([parse_recipe(RECIPE, "shapes")], work / "data", BuildOptions(root=work, workers=1))
    common = {"dataset": work / "data", "preset": "tiny", "resolution": chosen.resolution, "seed": chosen.seed}
    quiet = {"validate_every": 250, "validation_rows": 16, "checkpoint_every": 250}
    before = train(read_settings({**common, "out": work / "before", "steps": 1, "validate_every": 0}))
    began = time.monotonic()
    after = train(read_settings({**common, **quiet, "out": work / "after", "steps": chosen.steps}), say)
    seconds = time.monotonic() - began
    catalogue, rows = questions_of(work / "data", "validation", limit=chosen.rows)
    options = EditOptions(steps=10, guidance=1.0, image_guidance=1.0, seed=chosen.seed, batch_size=32)
    models = {name: FromModel(Artist.load(run.out), options) for name, run in (("before", before), ("after", after))}
    judged = evaluate(catalogue, rows, {**models, **baselines()})
    table = [
        [task, metric, *(by_name[name].get(metric, float("nan")) for name in ("before", "after", "copy", "oracle"))]
        for task, by_name in judged.metrics.items()
        for metric in by_name["oracle"]
    ]
    loss = [after.first_loss, after.last_loss]
    return {"steps": chosen.steps, "seconds": seconds, "loss": loss, "rows": judged.rows, "table": table}


def say(line: str) -> None:
    """Progress, at once."""
    print(line, flush=True)


def write_shapes(folder: Path, split: str, count: int, seed: int) -> None:
    """Scenes with two shapes of different kinds on a grey ground, as COCO."""
    draw = np.random.default_rng((seed, count))
    (folder / split).mkdir(parents=True, exist_ok=True)
    (folder / "annotations").mkdir(exist_ok=True)
    numbers = {name: number for number, name in enumerate(SHAPES, start=1)}
    records, annotations = [], []
    for image in range(1, count + 1):
        scene = np.clip(draw.normal(draw.integers(90, 170), 10, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8)
        sides = draw.permutation([16, 47])
        for name, x in zip(draw.permutation(list(SHAPES))[:2], sides, strict=False):
            radius = int(draw.integers(9, 14))
            center = (int(x), int(draw.integers(16, 48)))
            outline = corners(name, center, radius)
            tint = np.clip(np.array(SHAPES[name]) + draw.integers(-25, 26, 3), 0, 255)
            cv2.fillPoly(scene, [outline], [int(level) for level in tint])
            left, top, width, height = cv2.boundingRect(outline)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": numbers[name],
                    "bbox": [left, top, width, height],
                    "segmentation": [outline.ravel().tolist()],
                    "area": float(cv2.contourArea(outline)),
                    "iscrowd": 0,
                }
            )
        Image.fromarray(scene).save(folder / split / f"{image:012d}.jpg", quality=95, subsampling=0)
        records.append({"id": image, "file_name": f"{image:012d}.jpg", "width": SIDE, "height": SIDE})
    categories = [{"id": number, "name": name} for name, number in numbers.items()]
    content = {"images": records, "annotations": annotations, "categories": categories}
    (folder / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))


def corners(name: str, center: tuple[int, int], radius: int) -> np.ndarray:
    """(N, 2) int32 corners of a shape."""
    if name == "ball":
        return cv2.ellipse2Poly(center, (radius, radius), 0, 0, 360, 10)
    x, y = center
    if name == "box":
        square = [
            (x - radius, y - radius),
            (x + radius, y - radius),
            (x + radius, y + radius),
            (x - radius, y + radius),
        ]
        return np.array(square, np.int32)
    return np.array([(x, y - radius), (x + radius, y + radius), (x - radius, y + radius)], np.int32)


if __name__ == "__main__":
    main()
