"""taskpaint align"""

from __future__ import annotations

import typer

from . import align_export, align_make, align_report, align_score, align_serve

app = typer.Typer(
    no_args_is_help=True,
    help="People pick the best of several edits; their picks become the next dataset.",
)
app.command("generate")(align_make.generate)
app.command("import")(align_make.import_)
app.command("score")(align_score.score)
app.command("serve")(align_serve.serve)
app.command("report")(align_report.report_)
app.command("export")(align_export.export)
