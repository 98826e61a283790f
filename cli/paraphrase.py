"""taskpaint paraphrase"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options, paraphrase_stats, report
from .growth import GrowthLine, print_estimate, print_growth

if TYPE_CHECKING:
    from ..engines.paraphrase import ParaphraseOptions
    from ..paraphrase.llm.endpoint import Endpoint
    from ..paraphrase.llm.run import Models

app = typer.Typer(invoke_without_command=True)
app.command("stats")(paraphrase_stats.stats)
app.command("stats")(paraphrase_stats.stats)
_ManyTexts = list[str] | None


@app.callback()
def paraphrase(
    context: typer.Context,
    task: Annotated[
        _ManyTexts, typer.Option(help="Task to paraphrase; all without it.", metavar="NAME", show_default=False)
    ] = None,
    per_task: Annotated[int, typer.Option(min=1, help="Paraphrases to ask for, each task and language.")] = 100,
    bank: Annotated[Path, typer.Option(help="JSONL file to add to; may be new.")] = Path("instructions.jsonl"),
    cache: Annotated[
        Path | None, typer.Option(help="SQLite file that keeps the answers; beside the bank.", show_default=False)
    ] = None,
    model: Annotated[str, typer.Option(help="The server's name of the model that writes.", show_default=False)] = "",
    judge: Annotated[
        str, typer.Option(help="A model that judges whether the meaning is kept.", metavar="MODEL", show_default=False)
    ] = "",
    base_url: Annotated[
        str | None,
        typer.Option(help="Server with OpenAI's protocol; OPENAI_BASE_URL, else OpenAI.", show_default=False),
    ] = None,
    key_env: Annotated[
        str, typer.Option(help="Environment variable that holds the key.", metavar="NAME")
    ] = "OPENAI_API_KEY",
    language: Annotated[str, typer.Option(help="Languages, as de,zh,pt-BR.", metavar="TAG,…")] = "en",
    mood: Annotated[str, typer.Option(help="Moods, as question,terse; all without it.", metavar="NAME,…")] = "",
    length: Annotated[str, typer.Option(help="Lengths: short, medium, long; all without it.", metavar="NAME,…")] = "",
    vocabulary: Annotated[
        str, typer.Option(help="Vocabularies: plain, standard, technical; all without it.", metavar="NAME,…")
    ] = "",
    viewpoint: Annotated[
        str, typer.Option(help="Viewpoints: command, wish, result; all without it.", metavar="NAME,…")
    ] = "",
    persona: Annotated[
        _ManyTexts,
        typer.Option(
            help="Who speaks, in your words; a list of sixteen without it.", metavar="TEXT", show_default=False
        ),
    ] = None,
    per_request: Annotated[int, typer.Option(min=1, max=50, help="Paraphrases in one answer.")] = 10,
    temperature: Annotated[
        float | None, typer.Option(min=0, max=2, help="Sampling temperature; the server's own.", show_default=False)
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Longest answer, in tokens; the server's own.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Which styles and templates are drawn.")] = 0,
    concurrency: Annotated[int, typer.Option(min=1, max=512, help="Calls in flight.")] = 8,
    rpm: Annotated[float | None, typer.Option(min=0.1, help="Most calls a minute.", show_default=False)] = None,
    tpm: Annotated[float | None, typer.Option(min=1, help="Most tokens a minute.", show_default=False)] = None,
    retries: Annotated[int, typer.Option(min=0, max=50, help="How often a call is tried again.")] = 5,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds until a call counts as lost.")] = 120.0,
    price_in: Annotated[
        float | None, typer.Option(min=0, help="US dollars a million tokens read.", show_default=False)
    ] = None,
    price_out: Annotated[
        float | None, typer.Option(min=0, help="US dollars a million tokens written.", show_default=False)
    ] = None,
    judge_price_in: Annotated[
        float | None, typer.Option(min=0, help="The same for the judge.", show_default=False)
    ] = None,
    judge_price_out: Annotated[
        float | None, typer.Option(min=0, help="The same for the judge.", show_default=False)
    ] = None,
    batch: Annotated[bool, typer.Option("--batch", help="Use the Batch API.")] = False,
    batch_wait: Annotated[
        bool, typer.Option("--batch-wait/--no-wait", help="Wait for batches, or collect them in a later run.")
    ] = True,
    batch_poll: Annotated[float, typer.Option(min=0.05, help="Seconds between looks at a batch.")] = 30.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print calls, tokens and price; ask nothing.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Grow an instruction bank with a language model; each candidate is checked.

    What the checks refuse stands in BANK.refused.jsonl with its reason. Answers are kept in a SQLite file: a run that
    was stopped goes on, and one that is repeated costs nothing. The key comes from the environment alone.

    [bold]Examples[/bold]

      taskpaint paraphrase --task segmentation --per-task 200 --model gpt-4.1-mini --dry-run

      taskpaint paraphrase --base-url http://localhost:8000/v1 --model qwen --language en,de --bank mine.jsonl
    """
    if context.invoked_subcommand is not None:
        return
    from ..engines.paraphrase import ParaphraseOptions
    from ..paraphrase.llm.cost import Prices
    from ..paraphrase.llm.endpoint import OPENAI_URL, Endpoint
    from ..paraphrase.llm.run import Models
    from ..paraphrase.llm.styles import PERSONAS, StyleChoices

    moods, lengths, vocabularies, viewpoints = map(options.names, (mood, length, vocabulary, viewpoint))
    styles = StyleChoices(moods, lengths, vocabularies, viewpoints, tuple(persona or PERSONAS))
    how = ParaphraseOptions(
        bank, cache, task or (), per_task, per_request, options.names(language), styles, seed, concurrency, rpm, tpm,
        retries, batch, batch_wait, batch_poll,
    )  # fmt: skip
    endpoint = Endpoint.from_environment(base_url, key_env, timeout)
    # OpenAI's newer models know only the newer name of this parameter, other servers often only the older.
    limit_name = "max_completion_tokens" if endpoint.base_url == OPENAI_URL else "max_tokens"
    sampling: dict[str, float | int] = {
        **({} if temperature is None else {"temperature": temperature}),
        **({} if max_tokens is None else {limit_name: max_tokens}),
    }
    prices, judge_prices = Prices(price_in, price_out), Prices(judge_price_in, judge_price_out)
    models = Models(model, endpoint.base_url, judge, sampling, prices, judge_prices)
    if dry_run:
        _dry_run(how, models, as_json)
        return
    if not model:
        raise typer.BadParameter("say which model is to write", param_hint="--model")
    _grow(how, models, endpoint, as_json, quiet)


def _grow(how: ParaphraseOptions, models: Models, endpoint: Endpoint, as_json: bool, quiet: bool) -> None:
    from ..engines.paraphrase import Watch, paraphrase

    with (
        report.stoppable("answers so far are kept, run the same command again to go on"),
        GrowthLine(quiet or as_json) as line,
    ):
        done = paraphrase(how, models, endpoint, Watch(line.update, line.notice))
    if as_json:
        report.print_json(vars(done))
    elif not quiet:
        print_growth(done)
    if done.failed:
        reasons = "; ".join(f"{count:,} × {reason}" for reason, count in done.failed.items())
        report.say(f"taskpaint: {sum(done.failed.values()):,} calls failed ({reasons}); run the same command again")
        raise typer.Exit(1)


def _dry_run(how: ParaphraseOptions, models: Models, as_json: bool) -> None:
    from dataclasses import asdict

    from ..engines.paraphrase import estimate

    found = estimate(how, models)
    if as_json:
        report.print_json(asdict(found))
    else:
        print_estimate(found)
