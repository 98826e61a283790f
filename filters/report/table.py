"""The survival table: what each rule did to each task."""

from __future__ import annotations

from ..survival import Cell, Survival
from .markup import Markup, element, number, share

_HEAD = ("task", "cuts at", "rows", "drops", "left", "", "drops alone", "no score")


def survival_table(survival: Survival) -> Markup:
    """One block of rows for each rule, one row for each task that it applies to."""
    blocks = [_block(survival, position) for position in range(len(survival.rules))]
    head = element("thead", element("tr", *(element("th", name, scope="col") for name in _HEAD)))
    words = element(
        "p",
        "Rules work in order: “drops” counts rows that the rules above it had left, “drops alone” what the rule "
        "would drop without the others.",
        class_="aside",
    )
    table = element("div", element("table", head, *blocks), class_="scroll")
    return element("section", element("h2", "What is left"), words, table)


def _block(survival: Survival, position: int) -> Markup:
    rule = survival.rules[position]
    cells = [cell for cell in survival.cells if cell.rule == position]
    link = element("a", f"{position + 1}. {rule}", href=f"#rule-{position + 1}")
    title = element("tr", element("th", link, colspan=len(_HEAD), scope="rowgroup", class_="rule-name"))
    if not cells:
        none = element("td", "applies to no row of this dataset", colspan=len(_HEAD))
        return element("tbody", title, element("tr", none))
    return element("tbody", title, *(_row(cell, rule.comparison) for cell in cells))


def _row(cell: Cell, comparison: str) -> Markup:
    meter = element("meter", share(cell.left, cell.rows), min=0, max=max(cell.rows, 1), value=cell.left)
    return element(
        "tr",
        element("th", cell.task, scope="row"),
        element("td", f"{comparison} {number(cell.threshold)}", class_="at"),
        *(element("td", f"{count:,}") for count in (cell.rows, cell.dropped, cell.left)),
        element("td", meter, " ", share(cell.left, cell.rows), class_="share"),
        *(element("td", f"{count:,}") for count in (cell.alone, cell.missing)),
    )
