"""The report's sections: one for each rule, and one for the scores that no rule asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...manifests.folder import DatasetFolder
from ..scorer import Column
from ..survival import Cell, ScoredRows, Survival
from .charts import Edge, histogram, scatter, survival_curve
from .examples import Example, edges_of, read_examples
from .markup import Markup, element, join, number


@dataclass(frozen=True)
class Cut:
    """What the report is about; see `write_report`."""

    folder: DatasetFolder
    columns: Mapping[str, Column]
    rows: ScoredRows
    survival: Survival
    pictures: int

    def edges(self, column: str, task: str) -> list[Edge]:
        """The cuts on a score in a task."""
        found = []
        for cell in self.survival.cells:
            rule = self.survival.rules[cell.rule]
            if rule.column == column and cell.task == task and np.isfinite(cell.threshold):
                found.append(Edge(rule.comparison, cell.threshold, rule.absolute))
        return found


def rule_section(cut: Cut, position: int) -> Markup:
    """A rule: its score's distribution and survival curve in every task, and examples at its edge."""
    rule = cut.survival.rules[position]
    cells = [cell for cell in cut.survival.cells if cell.rule == position and np.isfinite(cell.threshold)]
    column = cut.columns[rule.column]
    origin = f" From {rule.origin}." if rule.origin else ""
    scatters = [chart for cell in cells if (chart := _scatter(cut, cell))]
    return element(
        "section",
        element("h2", element("span", f"Rule {position + 1}", class_="count"), " ", element("code", str(rule))),
        element("p", f"{rule.column}: {column.description}{_stop(column.description)}{origin}", class_="aside"),
        element("div", *(_charts(cut, cell) for cell in cells), class_="tasks"),
        element("div", *scatters, class_="scatters") if scatters else None,
        *_examples(cut, position),
        id=f"rule-{position + 1}",
    )


def other_scores(cut: Cut) -> Markup:
    """Histograms of the scores that no rule asks for, folded away."""
    asked = {rule.column for rule in cut.survival.rules}
    parts = []
    for name in (name for name in cut.rows.scores if name not in asked and "phash" not in name):  # a hash is no amount
        charts = [chart for task in cut.rows.task_names if (chart := _histogram(cut, name, task))]
        if charts:
            words = f"{cut.columns[name].description}{_stop(cut.columns[name].description)}"
            title = element("summary", element("code", name), element("span", words))
            parts.append(element("details", title, element("div", *charts, class_="charts")))
    return element("section", element("h2", "Other scores"), *parts) if parts else Markup("")


def _stop(sentence: str) -> str:
    return "" if sentence.endswith(".") or not sentence else "."


def _charts(cut: Cut, cell: Cell) -> Markup:
    """The score's distribution in a task beside its survival curve."""
    rule = cut.survival.rules[cell.rule]
    values = rule.values(cut.rows.scores[rule.column][cut.rows.rows_of(cell.task)])
    edge = Edge(rule.comparison, cell.threshold)
    name = f"abs({rule.column})" if rule.absolute else rule.column
    words = f"Share of {cell.task} rows that a threshold on {name} would keep"
    curve = survival_curve(words, values[np.isfinite(values)], edge)
    return element(
        "div", _histogram(cut, rule.column, cell.task), _figure(f"{cell.task}: share kept", curve), class_="task"
    )


def _histogram(cut: Cut, column: str, task: str) -> Markup | None:
    mine = cut.rows.rows_of(task)
    values = cut.rows.scores[column][mine]
    known = np.isfinite(values)
    if not known.any():
        return None
    kept = cut.survival.kept[mine][known]
    chart = histogram(f"Histogram of {column} in {task}", values[known], kept, cut.edges(column, task))
    return _figure(f"{task}: {column}", chart)


def _scatter(cut: Cut, cell: Cell) -> Markup | None:
    """Source against target, for scores that both have; drawn once where several rules ask for one of the three."""
    rules, task = cut.survival.rules, cell.task
    family = _family(rules[cell.rule].column, list(cut.rows.scores))
    if family is None:
        return None
    source, target, gap = family
    asking = (one.rule for one in cut.survival.cells if one.task == task and rules[one.rule].column in family)
    if next(asking) != cell.rule:
        return None
    mine = cut.rows.rows_of(task)
    across, up = cut.rows.scores[source][mine], cut.rows.scores[target][mine]
    known = np.isfinite(across) & np.isfinite(up)
    if not known.any():
        return None
    stem = source.removeprefix("source_")
    chart = scatter(
        f"{stem} of source and target in {task}",
        across[known],
        up[known],
        cut.survival.kept[mine][known],
        source_edges=cut.edges(source, task),
        target_edges=cut.edges(target, task),
        gap_edges=cut.edges(gap, task),
    )
    return _figure(f"{task}: {stem} of source and target", chart)


def _family(column: str, columns: Sequence[str]) -> tuple[str, str, str] | None:
    """The scores of source and target and their gap that a column is one of: "aesthetics_gap_v1" goes with
    "source_aesthetics_v1" and "target_aesthetics_v1"."""
    stem = column.removeprefix("source_").removeprefix("target_").replace("_gap", "", 1)
    source, target = f"source_{stem}", f"target_{stem}"
    if not {source, target} <= set(columns):
        return None
    gap = next((name for name in columns if "_gap" in name and name.replace("_gap", "", 1) == stem), f"{stem}_gap")
    return (source, target, gap) if column in (source, target, gap) else None


def _figure(words: str, chart: Markup) -> Markup:
    return element("figure", element("figcaption", words), chart)


def _examples(cut: Cut, position: int) -> list[Markup]:
    if not cut.pictures:
        return []
    edges = edges_of(cut.rows, cut.survival, position, cut.pictures)
    found = read_examples(cut.folder, cut.rows, [*edges.dropped, *edges.kept])
    sheets = (("Dropped, nearest to the edge", edges.dropped), ("Kept, nearest to the edge", edges.kept))
    return [
        join(element("h3", title), element("ul", *(_card(cut, position, r, found[r]) for r in some), class_="sheet"))
        for title, some in sheets
        if some
    ]


def _card(cut: Cut, position: int, row: int, example: Example) -> Markup:
    rule = cut.survival.rules[position]
    score = float(cut.rows.scores[rule.column][row])
    by = int(cut.survival.dropped_by[row])
    elsewhere = None if by in (-1, position) else element("span", f"dropped by rule {by + 1}", class_="elsewhere")
    task = cut.rows.task_names[int(cut.rows.task[row])]
    pair = (_half(example.source, "source"), _half(example.target, "target"))
    facts = (element("b", number(score)), element("span", task), elsewhere, element("code", example.id))
    return element(
        "li",
        element("div", *pair, class_="pair"),
        element("p", example.instruction, class_="instruction", dir="auto"),
        element("p", *facts, class_="facts"),
    )


def _half(picture: str, side: str) -> Markup:
    if not picture.startswith("data:"):
        return element("span", f"{side} does not open: {picture}", class_="broken")
    return Markup(f'<img alt="{side}" loading="lazy" src="{picture}">')
