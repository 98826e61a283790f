"""Write the report: what was cut, by what, with pictures; one file that needs no network and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...manifests.errors import OutputError
from ...manifests.folder import DatasetFolder, write_text
from ...manifests.house_style import content_hash, load_page
from ..scorer import Column
from ..survival import ScoredRows, Survival
from .markup import Markup, element, join, share
from .sections import Cut, other_scores, rule_section
from .table import survival_table

_TEMPLATE = Path(__file__).with_name("page.html")


def write_report(
    file: Path,
    *,
    name: str,
    folder: DatasetFolder,
    columns: Mapping[str, Column],
    rows: ScoredRows,
    survival: Survival,
    notes: Sequence[str] = (),
    pictures: int = 12,
) -> None:
    """Write the report of a cut; the same cut gives the same bytes.

    Args:
        file: the HTML file.
        name: of the dataset.
        folder: the dataset, for the pictures of the examples.
        columns: what each score is.
        rows: with every score that is to be shown.
        survival: what the rules left.
        notes: sentences that people should read, above everything else.
        pictures: examples on each side of a rule's edge.

    Raises:
        OutputError: the file cannot be written.
        DatasetFolderError: a shard of the dataset cannot be read.
    """
    cut = Cut(folder, columns, rows, survival, pictures)
    sections = (rule_section(cut, position) for position in range(len(survival.rules)))
    body = join(
        _masthead(name, cut, notes),
        element("main", survival_table(survival), *sections, other_scores(cut)),
    )
    template = load_page(_TEMPLATE)
    page = (
        template.replace("STYLE_HASH", content_hash(template, "style"))
        .replace("<!--TITLE-->", join(f"{name}: filter report"))
        .replace("<!--BODY-->", body)
    )
    _write(file, page)


def _masthead(name: str, cut: Cut, notes: Sequence[str]) -> Markup:
    total, left = len(cut.rows), int(cut.survival.kept.sum())
    lead = element(
        "p",
        element("strong", f"{left:,} of {total:,}"),
        f" rows are left, {share(left, total)}; {total - left:,} are dropped by "
        f"{len(cut.survival.rules)} {'rule' if len(cut.survival.rules) == 1 else 'rules'}.",
        class_="lead",
    )
    told = element("ul", *(element("li", note) for note in notes), class_="notes") if notes else None
    brand = element("p", element("b", "taskpaint"), " filter report", class_="brand")
    keys = (("kept", "left in the end"), ("dropped", "dropped by some rule"), ("line", "where a rule cuts"))
    legend = element(
        "p", *(element("span", element("i", class_=f"key {key}"), words) for key, words in keys), class_="legend"
    )
    return element("header", brand, element("h1", name, dir="auto"), lead, told, legend, class_="masthead")


def _write(file: Path, page: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(file, page)
    except OSError as fault:
        raise OutputError(
            f"{file} cannot be written ({fault.strerror or fault}); choose another place for the report with --report"
        ) from fault
