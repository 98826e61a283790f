"""Whether the loop closes: a tiny model learns several tasks from a built dataset, and its pictures are decoded.

    python benchmarks/learn.py --work DIR                   # four tasks at once: table, curves and pictures
    python benchmarks/learn.py --work DIR --part answers    # classification: one class, white for yes, black for no
    python benchmarks/learn.py --work DIR --part wording    # paraphrased against fixed instructions
    python benchmarks/learn.py --share 0.01 --steps 5       # seconds, to see that it runs

Draws 18,000 scenes of 64 x 64 pixels (`small_scenes.py`), writes them in the layouts of COCO and NYU Depth v2, builds
segmentation, keypoints, depth and classification with `taskpaint build`, trains `--preset tiny` from nothing with
`taskpaint train`, and evaluates on scenes that it has not seen, beside the target itself (oracle) and the unchanged
source (copy). The answers part draws 7,000 more rooms, in which no shape tells whether another is there, learns
segmentation and then whether there is a box. The wording part learns segmentation alone, from datasets that differ in
nothing but their sentences, and asks with sentences that neither has seen. With --work, what is there already is kept,
and a stopped run goes on.

Set OMP_NUM_THREADS to the cores that are free: more threads than cores make torch crawl.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import small_scenes
from learn_pictures import draw_metrics, draw_rows
from taskpaint.engines.build import BuildOptions, build
from taskpaint.manifests.recipe import HELD_OUT_INSTRUCTIONS
from taskpaint.manifests.recipe_file import parse_recipe
from taskpaint.training.edit import Artist, EditOptions
from taskpaint.training.evaluate import Evaluation, baselines, evaluate, questions_of, read_questions
from taskpaint.training.predictors import FromModel, Question
from taskpaint.training.settings import read_settings
from taskpaint.training.train import train

RECIPE: Final = """
name: small-scenes
seed: 7
sources:
  - source: coco
    name: rooms
    path: rooms
    tasks:
      - {{task: segmentation, options: {{style: mask, mask_color: white, absent: 0, min_area: 0.005}}}}
      - {{task: classification, options: {{style: fill, negatives: 0.3, palette: instructdiffusion}}}}
  - source: coco
    name: people
    path: people
    tasks:
      - task: keypoints
        options: {{count: [1, 1], radius: 0.13, min_person: 16, palette: instructdiffusion-keypoints}}
  - source: nyu_depth_v2
    name: depths
    path: depths
    tasks: [{{task: depth, options: {{style: gray}}}}]
splits: {{validation: 0.04}}
instructions: {{mode: {mode}, held_out: 0.2}}
"""
WORDING: Final = """
name: pairs
seed: 7
sources: [{{source: coco, name: pairs, path: pairs}}]
tasks: [{{task: segmentation, options: {{style: mask, mask_color: white, absent: 0}}}}]
splits: {{validation: 0.08}}
instructions: {{mode: {mode}, held_out: 0.2}}
"""
ANSWERS: Final = """
name: halls
seed: 7
sources: [{{source: coco, name: halls, path: halls}}]
tasks:
  - {{task: segmentation, options: {{style: mask, mask_color: white, absent: 0, min_area: 0.005}}}}
  - {{task: classification, options: {{classes: [box], answers: [white, black]}}}}
splits: {{validation: 0.08}}
instructions: {{mode: {mode}}}
"""
TINY: Final[dict[str, Any]] = {"preset": "tiny", "resolution": 24}
FIRST: Final[dict[str, Any]] = {
    **TINY,
    "tasks": ("segmentation", "keypoints", "depth"),
    "weights": {"keypoints": 1.5, "depth": 0.5},
    "dropout": 0.0,
    "validate_every": 300,
    "validation_rows": 96,
    "checkpoint_every": 100,
}
SECOND: Final[dict[str, Any]] = {
    "resolution": 24,
    "aspect": "square",
    "train_text_encoder": True,
    "tasks": ("segmentation", "keypoints", "depth"),
    "weights": {"segmentation": 0.6, "keypoints": 2.5, "depth": 0.3},
    "batch_size": 16,
    "learning_rate": 1.5e-3,
    "schedule": "cosine",
    "warmup_steps": 50,
    "dropout": 0.0,
    "ema": 0.99,
    "workers": 0,
    "validate_every": 400,
    "validation_rows": 96,
    "checkpoint_every": 100,
    "sampling_steps": 10,
    "guidance": 1.0,
    "image_guidance": 1.0,
}
"""Nothing of a preset is left in the model that it made, so what the preset says stands here again."""
THIRD: Final[dict[str, Any]] = {
    **SECOND,
    "tasks": None,
    "weights": {"segmentation": 0.5, "depth": 0.3, "classification": 2.0},
    "learning_rate": 1e-3,
    "validate_every": 200,
}
SEEING: Final[dict[str, Any]] = {
    **TINY,
    "tasks": ("segmentation",),
    "dropout": 0.0,
    "validate_every": 200,
    "validation_rows": 96,
    "checkpoint_every": 100,
}
ANSWERING: Final[dict[str, Any]] = {
    **SECOND,
    "tasks": None,
    "weights": {"segmentation": 0.3},
    "learning_rate": 6e-4,
    "noise_offset": 1.0,
    "validate_every": 100,
}
ANSWER_STAGES: Final = {"seeing": (SEEING, 800), "answering": (ANSWERING, 600)}
STAGES: Final = {"first": (FIRST, 1500), "second": (SECOND, 1700), "model": (THIRD, 1100)}
SHOWN: Final = {"segmentation": "miou", "keypoints": "pck@0.1", "depth": "delta1", "classification": "accuracy"}
SHOWN_ROWS, DRAWN_STEPS = 2, 10


def main() -> None:
    """Print the tables, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("tasks", "answers", "wording"), default="tasks")
    parser.add_argument(
        "--steps",
        type=int,
        help="of each stage; 1500, 1700 and 1100 for the tasks, 800 and 600 for the answers, 600 for each wording",
    )
    parser.add_argument("--share", type=float, default=1.0, help="of the 18,000 scenes")
    parser.add_argument("--rows", type=int, default=0, help="rows to evaluate on; 0 for all")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each wording")
    parser.add_argument("--work", type=Path, help="folder to keep what is made")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        work = chosen.work or Path(made)
        write_world(work / "world", chosen.share)
        parts = {"tasks": learn_tasks, "answers": learn_answers, "wording": compare_wordings}
        found = parts[chosen.part](work, chosen)
    if chosen.json:
        print(json.dumps(found, indent=2))
        return
    for title, (head, *lines) in found["tables"].items():
        print(f"\n{title}\n\n| {' | '.join(head)} |\n|{'---|' * 2}{'---:|' * (len(head) - 2)}")
        for line in lines:
            print("| " + " | ".join(one if isinstance(one, str) else f"{one:.3f}" for one in line) + " |")


def write_world(folder: Path, share: float) -> None:
    """Draw the scenes, if they are not there."""
    counts = [max(30, round(share * count)) for count in (7000, 5500, 5500)]
    writers = (small_scenes.write_rooms, small_scenes.write_figures, small_scenes.write_depths)
    for seed, (name, write, count) in enumerate(zip(("rooms", "people", "depths"), writers, counts, strict=True), 1):
        if not (folder / name).exists():
            write(folder / name, count, seed)


def build_data(work: Path, mode: str, recipe: str = RECIPE, name: str = "") -> Path:
    """The dataset with instructions of a mode, rephrased or fixed; the pictures are the same."""
    out = work / (name or mode)
    build([parse_recipe(recipe.format(mode=mode), "learn")], out, BuildOptions(root=work / "world", workers=1))
    return out


def learn_tasks(work: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """Four tasks, each with its fixed sentence: three from nothing, more of them with more people, then all four.

    A picture of one colour shows through any noise, so classification gives little reason to read: it comes last.
    """
    data = build_data(work, "fixed")
    seconds = run_stages(STAGES, data, work, chosen.steps)
    head = ["task", "metric", "three tasks", "four tasks", "copy", "oracle"]
    models = {"three tasks": work / "second", "four tasks": work / "model"}
    shown: dict[str, list[tuple[Question, Any]]] = {}

    def keep(question: Question, name: str, drawn: Any, _: float) -> None:
        mine = shown.setdefault(f"{name} {question.row['task']}", [])
        if name in models and len(mine) < SHOWN_ROWS:
            mine.append((question, drawn))

    judged = judge_models(models, data, "validation", chosen.rows, on_drawn=keep)
    drew = {task: "three tasks" if task in FIRST["tasks"] else "four tasks" for task in SHOWN}
    draw_rows([one for task in SHOWN for one in shown.get(f"{drew[task]} {task}", [])]).save(work / "drawn.png")
    draw_metrics([work / name / "metrics.csv" for name in STAGES], SHOWN).save(work / "metrics.png")
    lines = [
        [task, metric, *(by_name[name].get(metric, float("nan")) for name in head[2:])]
        for task, by_name in judged.metrics.items()
        for metric in by_name["oracle"]
    ]
    lines += answers_apart(judged, data, head[2:])
    return {"seconds": seconds, "rows": judged.rows, "tables": {"unseen scenes": [head, *lines]}}


def run_stages(stages: Mapping[str, tuple[Mapping[str, Any], int]], data: Path, work: Path, steps: int | None) -> float:
    """Train each stage from the one before, the first from nothing; the seconds it took."""
    began, base = time.monotonic(), ""
    for name, (settings, its_steps) in stages.items():
        given = {**settings, "dataset": data, "out": work / name, "steps": steps or its_steps}
        train(read_settings({**given, "base": base} if base else given), say)
        base = str(work / name)
    return time.monotonic() - began


def learn_answers(work: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """Whether there is a box, white for yes and black for no, learned after and beside segmentation."""
    halls = work / "world" / "halls"
    if not halls.exists():
        small_scenes.write_rooms(halls, max(60, round(7000 * chosen.share)), 5, small_scenes.draw_hall)
    data = build_data(work, "fixed", ANSWERS, "halls")
    seconds = run_stages(ANSWER_STAGES, data, work, chosen.steps)
    head = ["task", "metric", "model", "copy", "oracle"]
    shown: list[tuple[Question, Any]] = []

    def keep(question: Question, name: str, drawn: Any, _: float) -> None:
        if name == "model" and question.row["task"] == "classification" and len(shown) < 2 * SHOWN_ROWS:
            shown.append((question, drawn))

    judged = judge_models({"model": work / "answering"}, data, "validation", chosen.rows, on_drawn=keep)
    draw_rows(shown).save(work / "answers.png")
    lines: list[list[Any]] = [
        ["classification", metric, *(judged.metrics["classification"][who][metric] for who in head[2:])]
        for metric in judged.metrics["classification"]["oracle"]
    ]
    lines += answers_apart(judged, data, head[2:])
    return {"seconds": seconds, "rows": judged.rows, "tables": {"unseen halls": [head, *lines]}}


def answers_apart(judged: Evaluation, data: Path, predictors: Sequence[str]) -> list[list[Any]]:
    """Accuracy where the class is in the picture and where it is not: who always says yes has 1 and 0."""
    catalogue, rows = questions_of(data, judged.split, ["classification"])
    present = {one.row["id"]: json.loads(one.row["annotation"])["present"] for one in read_questions(catalogue, rows)}
    lines: list[list[Any]] = []
    for is_there, name in ((True, "accuracy where it is"), (False, "accuracy where it is not")):
        values = {
            who: [one.figures["accuracy"] for one in judged.scores
                  if one.predictor == who and present.get(one.row["id"]) is is_there]
            for who in predictors
        }  # fmt: skip
        lines.append(["classification", name, *(sum(one) / max(1, len(one)) for one in values.values())])
    return lines


def compare_wordings(work: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """Segmentation learned from one sentence and from many, asked with known and with unknown sentences."""
    pairs = work / "world" / "pairs"
    if not pairs.exists():
        small_scenes.write_rooms(pairs, max(60, round(4000 * chosen.share)), 4, small_scenes.draw_pair)
    data = {mode: build_data(work, mode, WORDING, f"pairs-{mode}") for mode in ("fixed", "rephrased")}
    asked = {
        "its one sentence": (data["fixed"], "validation"),
        "the paraphrases": (data["rephrased"], "validation"),
        "held-out sentences": (data["fixed"], HELD_OUT_INSTRUCTIONS),
    }
    head = ["learned from", "seed", *asked]
    tables: dict[str, list[list[Any]]] = {"segmentation mIoU": [head], "segmentation gIoU": [head]}
    for seed in range(chosen.seeds):
        for mode in ("fixed", "rephrased"):
            out = work / f"wording-{mode}-{seed}"
            settings = {**TINY, "seed": seed, "validate_every": 300, "validation_rows": 48, "checkpoint_every": 150}
            train(read_settings({**settings, "dataset": data[mode], "out": out, "steps": chosen.steps or 600}), say)
            found = [judge_models({"model": out}, *where, chosen.rows) for where in asked.values()]
            for metric, lines in zip(("miou", "giou"), tables.values(), strict=True):
                figures = [one.metrics["segmentation"]["model"][metric] for one in found]
                lines.append([mode, str(seed), *figures])
    return {"tables": tables}


def judge_models(
    models: Mapping[str, Path], data: Path, split: str, limit: int, tasks: Sequence[str] | None = None, **more: Any
) -> Evaluation:
    """What `taskpaint evaluate` says of each, with both baselines."""
    catalogue, rows = questions_of(data, split, tasks, limit=limit)
    options = EditOptions(steps=DRAWN_STEPS, guidance=1.0, image_guidance=1.0, batch_size=32)
    predictors = {name: FromModel(Artist.load(str(folder)), options) for name, folder in models.items()}
    return evaluate(catalogue, rows, {**predictors, **baselines()}, **more)


def say(line: str) -> None:
    """Progress, at once."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
