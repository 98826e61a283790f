"""The dataset card: README.md with the YAML that the Hub and `datasets` read, LICENSE.md, and pictures in card/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..manifests.folder import write_bytes
from . import card_history, card_sections
from .card_facts import CardFacts, ScoreLine
from .card_head import card_head, head_text
from .card_pictures import task_pictures
from .card_survey import CardSurvey, survey_rows

KEPT_MARK: Final = "<!-- taskpaint writes the text above anew; what you write below this line is kept. -->"


def write_card(
    root: Path, manifest: Mapping[str, Any], scores: Sequence[ScoreLine] = (), survey: CardSurvey | None = None
) -> None:
    """Write the card of a dataset folder.

    Args:
        root: the folder; its shards are there.
        manifest: what it holds.
        scores: of its sidecar.
        survey: of all shards; then only those that it takes its pictures from need be there.

    Raises:
        DatasetFolderError: a shard cannot be read.
        OSError: the folder cannot be written.
    """
    files = card_files(card_facts(root, manifest, scores, survey))
    pictures = root / "card"
    pictures.mkdir(exist_ok=True)
    for old in pictures.glob("*.jpg"):
        if f"card/{old.name}" not in files:
            old.unlink()
    for name, data in files.items():
        write_bytes(root / name, data)


def card_facts(
    root: Path, manifest: Mapping[str, Any], scores: Sequence[ScoreLine] = (), survey: CardSurvey | None = None
) -> CardFacts:
    """Gather what the card says: counts and pictures from the shards, notes from an earlier card.

    Raises:
        DatasetFolderError: a shard cannot be read.
    """
    shards = [root / "data" / f"{shard['name']}.parquet" for shard in manifest["shards"]]
    survey = survey or (survey_rows(shards) if shards else CardSurvey())
    return CardFacts(manifest, survey, task_pictures(survey), tuple(scores), notes=_notes(root))


def card_files(facts: CardFacts) -> dict[str, bytes]:
    """Path in the folder -> content: README.md, LICENSE.md and the pictures."""
    pictures = {picture.path: picture.data for picture in facts.pictures.values()}
    license_text = card_sections.license_file(facts)
    return {"README.md": card_text(facts).encode(), "LICENSE.md": license_text.encode(), **pictures}


def card_text(facts: CardFacts) -> str:
    """README.md."""
    combined = facts.licenses()
    head = card_head(facts.manifest, tuple(facts.tasks()), tuple(combined.terms), combined, facts.folder)
    lines = [
        head_text(head),
        *card_sections.opening(facts),
        *card_sections.usage(facts),
        *card_sections.tasks(facts),
        *card_sections.sources(facts),
        *card_sections.decoding(facts),
        *card_history.scores(facts),
        *card_history.cuts(facts),
        *card_history.rewordings(facts),
        *card_history.regroupings(facts),
        *card_history.making(facts),
        *card_history.limits(facts),
        *card_history.citation(facts),
        KEPT_MARK,
    ]
    return "\n".join(lines) + "\n" + facts.notes


def _notes(root: Path) -> str:
    """What stands below the mark of the card that is there."""
    try:
        _, mark, notes = (root / "README.md").read_text(encoding="utf-8").partition(KEPT_MARK + "\n")
    except (FileNotFoundError, UnicodeDecodeError):
        return ""
    return notes if mark else ""
