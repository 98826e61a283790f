"""The diversity report as one HTML page that needs nothing else: tables, and plots drawn as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ..manifests.house_style import house_style
from .bank_report import BASELINE, BankReport
from .mood import MOODS
from .report_plots import bars, dumbbells, shares

_STYLE = """
:root { --base: #9a948a; }
@media (prefers-color-scheme: dark) { :root { --base: #7d776b; } }
body { margin: 0 auto; max-width: 1280px; padding: 32px 24px 80px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 36px 0 6px; }
h3 { font-size: 14px; margin: 18px 0 4px; }
p { max-width: 80ch; margin: 0 0 12px; color: var(--muted); }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: 16px 18px;
  overflow-x: auto; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(460px, 100%), 1fr)); gap: 16px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--muted); border-bottom: 1px solid var(--line); }
th, td { padding: 4px 8px 4px 0; vertical-align: top; } td.n, th.n { text-align: right; white-space: nowrap; }
tr + tr td { border-top: 1px solid var(--line); }
details { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; margin: 8px 0; }
summary { cursor: pointer; padding: 10px 18px; font-weight: 600; }
summary span { color: var(--muted); font-weight: 400; }
details > div { padding: 0 18px 16px; overflow-x: auto; }
svg { display: block; max-width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 12px; }
svg .muted { fill: var(--muted); } svg .grid { stroke: var(--line); } svg .accent { fill: var(--accent); }
svg .base { fill: var(--base); } svg .link { stroke: var(--base); stroke-width: 2; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 13px; color: var(--muted); margin: 0 0 8px; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 6px; }
"""
MOOD_COLORS = ("#3b6fb6", "#d9822b", "#3f9a6b", "#c2578f", "#7a63b8", "#b7a02c", "#8a8f98", "#c9ccd1")


def report_page(reports: Sequence[BankReport], title: str = "Instruction banks") -> str:
    """The page as HTML text.

    Args:
        reports: one a task, at least one.
        title: of the page.
    """
    labels = [report.task for report in reports]
    moods = [[report.moods[mood] for mood in MOODS] for report in reports]
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{sum(r.templates for r in reports):,} templates for {len(reports)} tasks.</p>",
        "<h2>Variety beside a ten-template baseline</h2>",
        f"<p>{_comparison(reports[0].drawn)}</p>",
        _legend([("whole bank", "var(--accent)"), (f"first {BASELINE} templates a section", "var(--base)")]),
        '<div class="pair">',
        _card(
            "distinct-2 (right is more varied)",
            dumbbells(labels, [(r.baseline.distinct_2, r.filled.distinct_2) for r in reports]),
        ),
        _card(
            "self-BLEU (left is more varied)",
            dumbbells(labels, [(r.baseline.self_bleu, r.filled.self_bleu) for r in reports]),
        ),
        "</div>",
        "<h2>Moods</h2>",
        "<p>Share of templates by simple signs: polite words, a greeting, a question, I or we, a verb first, no finite"
        " verb.</p>",
        _legend(list(zip(MOODS, MOOD_COLORS, strict=True))),
        _card("", shares(labels, moods, MOOD_COLORS)),
        "<h2>Tasks</h2>",
        _card("", _table(_HEAD, [_row(report) for report in reports])),
        "<h2>Task by task</h2>",
        *map(_details, reports),
    ]
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'\">"
        f"<title>{escape(title)}</title><style>{house_style()}{_STYLE}</style></head>"
    )
    return f"{head}<body>{''.join(body)}</body></html>\n"


def _comparison(drawn: int) -> str:
    return (
        f"For each task, {drawn} instructions are drawn from the whole bank and {drawn} from the first {BASELINE} "
        "templates of each section; sections take turns, and both get the same slot values in the same order. "
        "distinct-2 is the share of pairs of adjacent words that differ, self-BLEU the mean BLEU-4 of each instruction "
        "against all others. Equal numbers matter: distinct-2 falls and self-BLEU rises as a corpus grows."
    )


_HEAD = (
    "task", "templates", "sections", "smallest", "slots held", "slot orders", "words", "CLIP tokens", "distinct-1",
    "distinct-2", "baseline", "self-BLEU", "baseline", "nearest neighbor",
)  # fmt: skip


def _row(report: BankReport) -> list[str]:
    least, mean, most = report.words
    return [
        report.task,
        f"{report.templates:,}",
        str(report.sections),
        str(report.smallest_section),
        f"{report.full_slots:.0%}",
        f"{report.slot_orders} of {report.orders_possible}" if report.orders_possible else "–",
        f"{least}–{mean:.1f}–{most}",
        "–" if report.most_clip_tokens is None else f"≤ {report.most_clip_tokens}",
        f"{report.filled.distinct_1:.3f}",
        f"{report.filled.distinct_2:.3f}",
        f"{report.baseline.distinct_2:.3f}",
        f"{report.filled.self_bleu:.3f}",
        f"{report.baseline.self_bleu:.3f}",
        f"{report.nearest:.2f}",
    ]


def _details(report: BankReport) -> str:
    words = [str(number) for number in range(1, len(report.word_bins) + 1)]
    tenths = [f"{number / 10:.1f}" for number in range(len(report.nearest_bins))]
    alike = [[f"{value:.2f}", section, f"{one}\n{other}"] for value, section, one, other in report.alike]
    odd = [[f"{value:.2f}", section, text] for value, section, text in report.odd]
    return (
        f"<details><summary>{escape(report.task)} <span>{report.templates:,} templates</span></summary><div>"
        '<div class="pair">'
        f"<div><h3>Words in a template</h3>{bars(words, report.word_bins)}</div>"
        f"<div><h3>Similarity to the nearest neighbor</h3>{bars(tenths, report.nearest_bins)}</div></div>"
        f"<h3>Most alike</h3>{_table(('similarity', 'section', 'templates'), alike)}"
        f"<h3>Oddest</h3>{_table(('nearest', 'section', 'template'), odd)}</div></details>"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    numeric = [bool(rows) and all(row[column][:1] in "0123456789–≤" for row in rows) for column in range(len(head))]
    kinds = [' class="n"' if one else "" for one in numeric]
    cells = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(head, kinds, strict=True))
    lines = [
        "".join(
            f"<td{kind}>{escape(cell).replace(chr(10), '<br>')}</td>" for cell, kind in zip(row, kinds, strict=True)
        )
        for row in rows
    ]
    return f"<table><tr>{cells}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    marks = (f'<span><i style="background:{color}"></i>{escape(name)}</span>' for name, color in entries)
    return f'<div class="legend">{"".join(marks)}</div>'


def _card(title: str, inner: str) -> str:
    heading = f"<h3>{escape(title)}</h3>" if title else ""
    return f'<div class="card">{heading}{inner}</div>'
