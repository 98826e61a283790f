"""The card's text, section by section: how the dataset was made and what is known against it."""

from __future__ import annotations

from typing import Any, Final

import yaml

from .card_facts import CardFacts, ScoreLine
from .card_markdown import code, escape, fenced, table


def scores(facts: CardFacts) -> list[str]:
    """What `taskpaint score` measured."""
    if not facts.scores:
        return []
    rows: list[list[str | int]] = [
        [code(one.name), escape(one.description), one.better or "neither", *_values(one), one.rows]
        for one in facts.scores
    ]
    head = ["score", "what it is", "better", "10 %", "median", "90 %", "triplets"]
    cautions = {one.caution: one.name for one in facts.scores if one.caution}
    lines = ["## Scores", "", "A tenth, a half and nine tenths of the triplets lie below these values.", ""]
    lines += table(head, rows, right=4)
    lines += [f"- {code(name)}: {escape(caution)}" for caution, name in cautions.items()]
    return [*lines, ""] if cautions else lines


def _values(one: ScoreLine) -> list[str]:
    return [f"{value:.4g}" for value in (one.tenth, one.median, one.ninth)]


def cuts(facts: CardFacts) -> list[str]:
    """The rules that `taskpaint filter` cut by."""
    found = facts.manifest.get("cuts", [])
    lines = ["## Filtered", ""]
    for cut in found:
        left = cut["parent"]["rows"] - cut["dropped"]
        lines += [f"{left:,} of {cut['parent']['rows']:,} triplets were left where every rule held:", ""]
        lines += [f"- {code(rule)}" for rule in cut["rules"]]
        lines += [f"- {code(rule)} was forced: {escape(caution)}" for rule, caution in cut["forced"].items()]
        lines.append("")
    return lines if found else []


def rewordings(facts: CardFacts) -> list[str]:
    """What `taskpaint reword` drew anew."""
    lines: list[str] = []
    for rewording in facts.manifest.get("rewordings", []):
        block = rewording["instructions"]
        banks = f", with {escape(', '.join(bank['name'] for bank in block['banks']))}" if block["banks"] else ""
        lines += [
            "## Reworded",
            "",
            f"Instructions of {escape(', '.join(rewording['tasks']))} were drawn again, {escape(block['mode'])}, with "
            f"seed {rewording['seed']}{banks}; images and ids are as they were.",
            "",
        ]
    return lines


_REGROUPED: Final = {
    "merge": "Merged from",
    "split": "Split anew from",
    "sample": "Drawn by chance from",
    "dedup": "Freed of duplicates, from",
}


def regroupings(facts: CardFacts) -> list[str]:
    """What `taskpaint merge`, `split`, `sample` and `dedup` did, and how each of several parents was made."""
    lines: list[str] = []
    for found in facts.manifest.get("regroupings", []):
        options = ", ".join(f"{name} {value}" for name, value in found["options"].items() if value not in (None, []))
        rows = [[escape(one["name"]), one["manifest_sha256"][:12], one["rows"]] for one in found["parents"]]
        lines += ["## " + _REGROUPED[found["operation"]], ""]
        lines += [*table(["dataset", "manifest", "triplets"], rows, right=1), f"Options: {escape(options)}.", ""]
        lines += [f"- {count:,} triplets left out: {escape(reason)}" for reason, count in found["left_out"].items()]
        lines += [""] if found["left_out"] else []
        for one in found["parents"]:
            if recipe := one.get("recipe"):
                text = yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True)
                lines += [f"<details><summary>Recipe of {escape(one['name'])}</summary>", "", *fenced(text, "yaml")]
                lines += ["</details>", ""]
    return lines


def making(facts: CardFacts) -> list[str]:
    """Versions, counts by stream, and the recipe in full."""
    manifest = facts.manifest
    versions = ", ".join(f"{name} {version}" for name, version in manifest.get("versions", {}).items())
    lines = ["## How it was made", ""]
    if versions:
        lines += [
            f"Seed {manifest.get('seed', 0)}; {escape(versions)}. The same recipe, seed and sources give the same "
            "bytes again, with any number of workers.",
            "",
        ]
    if counts := manifest.get("counts"):
        rows = [
            [code(label), count["planned"], count["built"], count["bad"], count["skipped"]]
            for label, count in counts.items()
        ]
        lines += ["<details><summary>What each stream planned and built</summary>", ""]
        lines += table(["stream", "planned", "built", "broken", "not applicable"], rows, right=4)
        lines += ["</details>", ""]
    if recipe := manifest.get("recipe"):
        text = yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True)
        lines += ["<details><summary>Recipe</summary>", "", *fenced(text, "yaml"), "</details>", ""]
    return lines


def limits(facts: CardFacts) -> list[str]:
    """What the manifest itself says against the dataset."""
    manifest = facts.manifest
    recipe = manifest.get("recipe") or {}
    instructions = recipe.get("instructions") or {}
    found = [
        "Targets show what the sources' annotators marked: what they missed is missing, boundaries are theirs.",
        "Sources and tasks are mixed as the tables say, and what the sources show too seldom is seldom here.",
        "Photographs appear more than once, for several tasks, always in the same split.",
    ]
    if instructions:
        words = "always the same few sentences" if instructions.get("mode") == "fixed" else "drawn from templates"
        languages = ", ".join(instructions.get("languages", ["en"]))
        found.append(f"Instructions are {words} ({escape(languages)}); people ask in more ways than that.")
    if (recipe.get("output") or {}).get("photo_format") == "jpeg":
        quality = recipe["output"].get("jpeg_quality")
        found.append(
            f"Targets that are a photograph with marks are JPEG 4:4:4 of quality {quality}, decodable within the "
            "figures above and not to the last bit."
        )
    if sizing := _sizing(recipe.get("image") or {}):
        found.append(sizing)
    broken = sum(count["bad"] for count in manifest.get("counts", {}).values())
    if broken:
        found.append(f"{broken:,} planned triplets could not be built because an image or annotation is broken.")
    return ["## Known limits", "", *(f"- {sentence}" for sentence in found), ""]


def _sizing(image: dict[str, Any]) -> str:
    resize = image.get("resize", "native")
    if resize == "native":
        return ""
    return f"Images are resized ({escape(str(resize))}, {int(image.get('size', 0))} pixels); small objects lose detail."


def citation(facts: CardFacts) -> list[str]:
    """How to cite it, and its sources."""
    name = str(facts.manifest["name"])
    key = "".join(letter for letter in name if letter.isascii() and letter.isalnum()) or "dataset"
    title = "".join(letter for letter in name if letter not in "{}\\%#$&\n")
    digests = [str(shard.get("sha256", ""))[:12] for shard in facts.manifest["shards"][:1]]
    note = f"first shard {digests[0]}" if digests and digests[0] else "built with taskpaint"
    entry = (
        f"@misc{{{key},\n  title = {{{title}}},\n  howpublished = {{Built with taskpaint}},\n  note = {{{note}}}\n}}"
    )
    return ["## Citation", "", *fenced(entry, "bibtex"), "Cite its sources too; their pages say how.", ""]
