"""How well the checks of candidate instructions tell good from bad, and how fast they are.

    python benchmarks/checks.py [--json] [--misses]

The list is tests/paraphrase/labelled_paraphrases.jsonl, labelled by hand. The half "tuning" was looked at while the
vocabulary was written, the half "held-out" was not. Speed: candidates a second of one process for one section, the
near-duplicate index growing with every candidate that is accepted.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from pathlib import Path

from taskpaint.paraphrase.checks.checker import CHECKS, Checker
from taskpaint.paraphrase.checks.refusal import Refusal
from taskpaint.paraphrase.templates import load_bank, section

LABELLED = Path(__file__).parent.parent / "tests" / "paraphrase" / "labelled_paraphrases.jsonl"
CANDIDATES = 10_000


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--misses", action="store_true", help="print what is told wrongly, too")
    chosen = parser.parse_args()
    cases = [json.loads(line) for line in LABELLED.read_text(encoding="utf-8").splitlines()]
    verdicts = [(case, verdict(case)) for case in cases]
    figures = {half: precision(verdicts, half) for half in ("tuning", "held-out", "both")}
    rates = {"candidates": CANDIDATES, "accepted": 0, "per_second": 0.0} | speed()
    if chosen.json:
        print(json.dumps({"precision": figures, "speed": rates}, indent=2))
        return
    print(f"{'half':10} {'bad':>5} {'caught':>8} {'good':>5} {'refused':>8}   caught by check")
    for half, found in figures.items():
        by_check = ", ".join(f"{name} {found['by_check'].get(name, 0)}" for name in CHECKS)
        print(
            f"{half:10} {found['bad']:5} {found['caught']:8.1%} {found['good']:5} {found['refused']:8.1%}   {by_check}"
        )
    print(f"speed: {rates['per_second']:.0f} candidates a second, {rates['accepted']} of {CANDIDATES} accepted")
    if chosen.misses:
        for case, refusal in verdicts:
            if (refusal is None) != case["good"]:
                reason = refusal.reason if refusal else f"not refused; {case['why']}"
                print(f"{case['half']}, {case['task']}.{case['section']}: {case['text']!r}: {reason}")


def verdict(case: dict[str, object]) -> Refusal | None:
    """What the checks say of one labelled line."""
    task, name = str(case["task"]), str(case["section"])
    slots = section(load_bank(task), name)[0].slots
    return Checker(task, name, slots, accepted=case.get("accepted", ())).refusal(str(case["text"]))


def precision(verdicts: list[tuple[dict[str, object], Refusal | None]], half: str) -> dict[str, object]:
    """Shares of bad lines caught and good lines refused, and which check caught how many."""
    shown = [(case, refusal) for case, refusal in verdicts if half in ("both", case["half"])]
    bad = [refusal for case, refusal in shown if not case["good"]]
    good = [refusal for case, refusal in shown if case["good"]]
    return {
        "bad": len(bad),
        "caught": sum(one is not None for one in bad) / len(bad),
        "good": len(good),
        "refused": sum(one is not None for one in good) / len(good),
        "by_check": Counter(one.check for one in bad if one is not None),
    }


def speed() -> dict[str, float]:
    """Check candidates put together from clauses at random; loading the tokenizer is not counted."""
    candidates = made_up(random.Random(0), CANDIDATES)
    checker = Checker("segmentation", "overlay", ("object", "color"))
    checker.refusal(candidates[0])
    accepted = 0
    begun = time.perf_counter()
    for text in candidates:
        if checker.refusal(text) is None:
            checker.accept(text)
            accepted += 1
    return {"per_second": len(candidates) / (time.perf_counter() - begun), "accepted": accepted}


def made_up(draw: random.Random, count: int) -> list[str]:
    """Sentences that ask to paint an object, most of them sound, some of them alike."""
    heads = ["Please", "Could you", "Hey,", "I want you to", "Kindly", "Now", "For my slides,", "When you can,", "Just"]
    verbs = [
        "paint",
        "color",
        "shade",
        "tint",
        "highlight",
        "cover",
        "coat",
        "mark",
        "dye",
        "recolor",
        "fill",
        "segment",
    ]
    ways = ["carefully", "evenly", "all over", "with a steady hand", "as exactly as you can", "in one go", "throughout"]
    rests = ["leave the rest alone", "keep everything else as it is", "change nothing else", "touch no other pixels"]
    ends = ["thank you", "that would help a lot", "I need it soon", "it should look neat", "my boss will love this"]
    sentences = []
    for _ in range(count):
        parts = [draw.choice(heads), draw.choice(verbs), "{object}", draw.choice(ways), "in {color}"]
        tail = draw.sample([draw.choice(rests), draw.choice(ends)], draw.randint(0, 2))
        sentences.append(", ".join([" ".join(parts), *tail]) + draw.choice(".!"))
    return sentences


if __name__ == "__main__":
    main()
