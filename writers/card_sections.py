"""The card's text, section by section: what the dataset is and what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..manifests.licenses import Terms
from ..manifests.recipe import HELD_OUT_INSTRUCTIONS
from .card_facts import CardFacts
from .card_markdown import code, escape, link, paragraphs, table


def opening(facts: CardFacts) -> list[str]:
    """Title, description, and the warnings that nobody should miss."""
    manifest = facts.manifest
    total, tasks = sum(manifest["splits"].values()), len(facts.tasks())
    held = f"{total:,} triplets of an instruction, a source image and a target image"
    lines = [f"# {escape(str(manifest['name']))}", ""]
    lines += paragraphs(str(manifest.get("description") or ""))
    lines += [
        f"{held}{f', for {tasks} tasks' if tasks > 1 else ''}. Targets are drawn from annotations, so that each can be "
        "decoded back into the annotation beside it. Built with taskpaint.",
        "",
    ]
    warnings = facts.licenses().warnings
    if warnings:
        lines += ["> [!WARNING]", *(f"> - {escape(warning)}" for warning in warnings), ""]
    return lines


def usage(facts: CardFacts) -> list[str]:
    """How to load it, its columns and its splits."""
    filled = [split for split, count in facts.manifest["splits"].items() if count]
    lines = [
        "## Use",
        "",
        "```python",
        "from datasets import load_dataset",
        "",
        f'rows = load_dataset("{facts.repo}", split="{filled[0] if filled else "train"}", streaming=True)',
        "row = next(iter(rows))",
        'row["input_image"], row["edit_prompt"], row["edited_image"]',
        "```",
        "",
        "The image columns have the names that diffusers' InstructPix2Pix script expects. `params` says what was "
        "asked, `annotation` is the ground truth that the target encodes, both JSON; `license`, `source_dataset`, "
        "`source_split` and `source_id` say where each photograph comes from.",
        "",
        *table(["split", "triplets"], facts.manifest["splits"].items(), right=1),
    ]
    if HELD_OUT_INSTRUCTIONS in facts.manifest["splits"]:
        repeated = escape(str(facts.manifest["recipe"]["instructions"]["held_out_of"]))
        lines += [
            f"`{HELD_OUT_INSTRUCTIONS}` shows the triplets of `{repeated}` again, worded with templates that no other "
            "split uses: the difference between the two is what unseen wording costs.",
            "",
        ]
    return lines


def tasks(facts: CardFacts) -> list[str]:
    """Counts and a picture of each task."""
    counts = facts.tasks()
    if not counts:
        return []
    described: Mapping[str, Any] = facts.manifest.get("tasks", {})
    rows: list[list[str | int]] = [
        [code(task), escape(described.get(task, {}).get("summary", "")), count] for task, count in counts.items()
    ]
    lines = ["## Tasks", "", *table(["task", "what is asked", "triplets"], rows, right=1)]
    if facts.pictures:
        lines += ["One triplet of each task, source on the left, target on the right:", ""]
        shown = [
            [f"![{escape(task)}]({picture.path})", f"{code(task)}<br>{escape(picture.instruction)}"]
            for task, picture in facts.pictures.items()
        ]
        lines += table(["", "instruction"], shown)
    return lines


def decoding(facts: CardFacts) -> list[str]:
    """How targets are read back, and what a decoded target reaches."""
    described = facts.manifest.get("tasks", {})
    lines = [
        "## How targets decode",
        "",
        "A target is read back into its annotation with nothing but itself, the source image and `params`:",
        "",
        "```python",
        "import json",
        "",
        "import numpy as np",
        "from taskpaint.builders.registry import find_task",
        "",
        'source, target = (np.asarray(row[name].convert("RGB")) for name in ("input_image", "edited_image"))',
        'find_task(row["task"]).decode(target, source, json.loads(row["params"]))',
        "```",
        "",
        "The same call reads what a model has drawn, which is how it is scored against `annotation`.",
        "",
    ]
    rows = [
        [code(task), code(limit["metric"]), _bound(limit)]
        for task in facts.tasks()
        for limit in described.get(task, {}).get("limits", [])
    ]
    if rows:
        lines += [
            "`taskpaint verify` counts a target as broken unless the decoded annotation reaches these figures:",
            "",
        ]
        lines += table(["task", "figure", "bound"], rows)
    return lines


def _bound(limit: Mapping[str, Any]) -> str:
    least, most = limit.get("at_least"), limit.get("at_most")
    return " and ".join(
        f"{words} {value:g}" for words, value in (("at least", least), ("at most", most)) if value is not None
    )


def sources(facts: CardFacts) -> list[str]:
    """Sources with their licences and what these allow."""
    combined = facts.licenses()
    listed = list(facts.manifest.get("sources", {}).values())
    known = {source.get("dataset", ""): source for source in listed}
    lines = ["## Sources and licences", ""]
    if counted := facts.source_rows():
        rows: list[list[str | int]] = []
        for (dataset, split, text), count in counted.items():
            about, terms = known.get(dataset, {}), combined.terms[dataset]
            title = link(about.get("title", dataset), about.get("homepage", ""))
            rows.append([title, escape(split), escape(text) or "not stated", *_allowed(terms), count])
        lines += table(["source", "split", "licence", "may be shared", "commercial use", "triplets"], rows, right=1)
    else:
        stated = [
            [link(one["title"], one["homepage"]), escape(one["split"]), escape(one["license"]), one["images"]]
            for one in listed
        ]
        lines += table(["source", "split", "licence", "images"], stated, right=1)
    lines += [f"- {escape(warning)}" for warning in combined.warnings]
    lines += [""] if combined.warnings else []
    if left_out := facts.manifest.get("left_out"):
        lines += [f"Left out of the recipe because they were not at hand: {escape(', '.join(left_out))}.", ""]
    return [*lines, "Images keep the licence of their source; it stands in every row.", ""]


def _allowed(terms: Terms) -> list[str]:
    words = {True: "yes", False: "no", None: "not known"}
    alike = f", under {escape(terms.share_alike)}" if terms.redistribution and terms.share_alike else ""
    return [words[terms.redistribution] + alike, words[terms.commercial]]


def license_file(facts: CardFacts) -> str:
    """LICENSE.md: no one licence covers a dataset of many sources, so each is named."""
    return "\n".join(
        [
            f"# Licences of {escape(str(facts.manifest['name']))}",
            "",
            "Images and annotations keep the licence of the dataset that they come from; the column `license` of each "
            "row names it.",
            "",
            *sources(facts)[2:-2],
        ]
    )
