"""From a half-trained model to a fine-tuned one, through the commands of alignment, with the metrics before and after.

    python benchmarks/align_loop.py --work DIR [--steps 300] [--items 200] [--edits 8] [--json]

`train` a tiny model and stop it early, `align generate` several edits of rows it has seen, `align serve` them, let a
scripted chooser answer, `align export` what it chose, `train --stage alignment`, and `evaluate` both models on scenes
that neither has seen. The chooser stands in for a person: it goes through the page's own HTTP interface, sees source
and edits in the order and with the names that a person sees, and picks the edit whose mask, read back, fits the true
one best, or none where none reaches an IoU of a half. A second chooser, for comparison, picks one of the edits by
chance: what fine-tuning gives without a choice. Set OMP_NUM_THREADS to the cores that are free.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from learn import TINY, build_data, write_world
from learn_pictures import draw_choices
from taskpaint.manifests.images import decode_rgb
from taskpaint.training.evaluate import judge, questions_of, read_questions
from taskpaint.training.predictors import Question

METRICS: Final = ("miou", "ciou", "giou", "p@0.5")
UNSEEN: Final = ("--set", "validate_every=0", "--quiet")
DRAWN: Final = ("--text-guidance", "1,2", "--image-guidance", "1", "--steps", "6")
TUNED: Final = (
    *("--resolution", TINY["resolution"], "--learning-rate", "0.0003", "--set", "aspect=square"),
    *("--set", "workers=0", "--set", "train_text_encoder=true"),
)
JUDGED: Final = (
    *("--task", "segmentation", "--split", "validation", "--no-baselines", "--json"),
    *("--steps", "10", "--guidance", "1", "--image-guidance", "1"),
)
Chooser = Callable[[Question, Sequence[bytes]], list[int]]


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300, help="of the half-trained model")
    parser.add_argument("--tuning", type=int, default=200, help="steps of fine-tuning")
    parser.add_argument("--items", type=int, default=200, help="rows to draw edits of")
    parser.add_argument("--edits", type=int, default=8, help="of each row")
    parser.add_argument("--share", type=float, default=1.0, help="of the scenes of learn.py")
    parser.add_argument("--work", type=Path, help="folder to keep what is made; a world of learn.py in it is used")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        found = measure(chosen.work or Path(made), chosen)
    if chosen.json:
        print(json.dumps(found, indent=2))
        return
    print(f"\n| metric | {' | '.join(found['table'])} |\n|---|{'---:|' * len(found['table'])}")
    for metric in METRICS:
        print(f"| {metric} | " + " | ".join(f"{one[metric]:.3f}" for one in found["table"].values()) + " |")
    print({name: value for name, value in found.items() if name != "table"})


def measure(work: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """All of it."""
    write_world(work / "world", chosen.share)
    data = build_data(work, "fixed")
    half, drawn, place = work / "half", work / "edits", work / "alignment"
    place.mkdir(exist_ok=True)
    began = time.monotonic()
    tiny = ["--preset", "tiny", "--resolution", TINY["resolution"], "--task", "segmentation"]
    taskpaint("train", data, "-o", half, *tiny, "--steps", chosen.steps, *UNSEEN)
    amount = ["--task", "segmentation", "--limit", chosen.items, "--edits", chosen.edits, "--quiet"]
    taskpaint("align", "generate", half, data, "-o", drawn, *amount, *DRAWN)
    catalogue, rows = questions_of(data, "train", ["segmentation"])
    wanted = {json.loads(line)["id"] for line in (drawn / "items.jsonl").read_text("utf-8").splitlines()}
    questions = {one.row["id"]: one for one in read_questions(catalogue, rows) if one.row["id"] in wanted}
    draw = random.Random(0)
    choosers: dict[str, Chooser] = {"best": pick_best, "chance": lambda _, edits: [draw.randrange(len(edits))]}
    table = {"before": evaluated(data, half)}
    picked: dict[str, int] = {}
    for name, chooser in choosers.items():
        run, out, tuned = place / f"run-{name}", place / f"chosen-{name}", place / f"tuned-{name}"
        for old in (run, out, tuned):
            shutil.rmtree(old, ignore_errors=True)
        shutil.copytree(drawn, run)
        picked[name] = choose_all(run, questions, chooser)
        taskpaint("align", "export", run, "-o", out, "--quiet")
        gently = ["--stage", "alignment", "--steps", chosen.tuning, *TUNED, *UNSEEN]
        taskpaint("train", out, "-o", tuned, "--base", half, *gently)
        table[f"after, {name} chosen"] = evaluated(data, tuned)
    draw_choices(place / "run-best").save(place / "picked.png")
    report = json.loads(taskpaint("align", "report", place / "run-best", "--json"))
    return {"table": table, "picked": picked, "seconds": time.monotonic() - began, "report": report}


def evaluated(data: Path, model: Path) -> dict[str, float]:
    """The metrics of segmentation on the validation split."""
    told = taskpaint("evaluate", data, "--model", model, *JUDGED)
    figures: dict[str, float] = json.loads(told)["metrics"]["segmentation"]["model"]
    return figures


def pick_best(question: Question, edits: Sequence[bytes]) -> list[int]:
    """The edit whose decoded mask fits best, if it fits at all."""
    ious = [judge(question, decode_rgb(edit)).compared["iou"] for edit in edits]
    best = max(range(len(ious)), key=ious.__getitem__)
    return [best] if ious[best] >= 0.5 else []


def choose_all(run: Path, questions: dict[str, Question], chooser: Chooser) -> int:
    """Serve the run and answer every item, as the page does; how many edits were picked."""
    command = [sys.executable, "-m", "taskpaint.cli", "align", "serve", str(run), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline().rstrip("/\n").rpartition(":")[2])
        page = Page(port)
        state = page.post("/api/enter", {"name": "scripted chooser"})
        count = asked = 0
        while item := state["item"]:
            edits = [page.get(f"/image/{name}") for name in item["candidates"]]
            picks = chooser(questions[item["id"]], edits)
            count += len(picks)
            choice = {"id": f"choice-{asked:06d}", "item": item["id"], "kind": "pick", "picks": picks, "seconds": 1}
            state, asked = page.post("/api/choice", choice), asked + 1
    finally:
        server.terminate()
        server.wait(30)
    return count


class Page:
    """The browser's side of the page."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._headers = {"Content-Type": "application/json"}

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send JSON; the cookie of the first answer is kept."""
        self._connection.request("POST", path, json.dumps(body), self._headers)
        answer = self._connection.getresponse()
        if cookie := answer.getheader("Set-Cookie"):
            self._headers["Cookie"] = cookie.partition(";")[0]
        return dict(json.loads(self._read(answer)))

    def get(self, path: str) -> bytes:
        """Fetch a picture."""
        self._connection.request("GET", path, headers=self._headers)
        return self._read(self._connection.getresponse())

    def _read(self, answer: http.client.HTTPResponse) -> bytes:
        data = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"the page answered {answer.status}: {data[:200]!r}")
        return data


def taskpaint(*words: object) -> str:
    """Run a command as it stands in the documentation, show it, and return what it prints."""
    told = [str(word) for word in words]
    print("taskpaint " + " ".join(told), file=sys.stderr, flush=True)
    ran = subprocess.run([sys.executable, "-m", "taskpaint.cli", *told], stdout=subprocess.PIPE, text=True)
    if ran.returncode:
        raise SystemExit(f"taskpaint {told[0]} ended with {ran.returncode}")
    return ran.stdout


if __name__ == "__main__":
    main()
