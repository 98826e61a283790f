"""Grow an instruction bank with a language model: tasks -> briefs -> requests -> answers -> bank."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..builders.registry import find_task, task_names
from ..manifests.errors import UsageError
from ..manifests.extras import load_extra
from ..paraphrase.llm.batch import Batches
from ..paraphrase.llm.brief import Brief, briefs_of
from ..paraphrase.llm.cache import AnswerCache
from ..paraphrase.llm.call import Call
from ..paraphrase.llm.caller import Caller
from ..paraphrase.llm.cost import Estimate, add_up
from ..paraphrase.llm.endpoint import Endpoint
from ..paraphrase.llm.intake import Intake, refused_file
from ..paraphrase.llm.pace import Pace
from ..paraphrase.llm.plan import Plan, sections_of
from ..paraphrase.llm.prompt import judging_call
from ..paraphrase.llm.run import Models, Run
from ..paraphrase.llm.store import open_store
from ..paraphrase.llm.styles import StyleChoices, language_name
from ..paraphrase.llm.submissions import Submissions
from ..paraphrase.llm.tally import Tally
from .banks import bank_of


@dataclass(frozen=True)
class ParaphraseOptions:
    """How to grow a bank.

    Attributes:
        bank: JSONL file to add to; may be new.
        cache: SQLite file; None for `<bank>.cache.sqlite` beside the bank.
        tasks: names; empty for all that ship or are installed and have something to paraphrase.
        per_task, per_request, languages, styles, seed: as in `Plan`.
        concurrency: calls in flight.
        calls_a_minute, tokens_a_minute: limits, or None.
        retries: how often a call is tried again.
        batch: by the Batch API. wait: until its batches are done. poll_s: seconds between looks.
    """

    bank: Path
    cache: Path | None = None
    tasks: Sequence[str] = ()
    per_task: int = 100
    per_request: int = 10
    languages: Sequence[str] = ("en",)
    styles: StyleChoices = field(default_factory=StyleChoices)
    seed: int = 0
    concurrency: int = 8
    calls_a_minute: float | None = None
    tokens_a_minute: float | None = None
    retries: int = 5
    batch: bool = False
    wait: bool = True
    poll_s: float = 30.0

    @property
    def cache_file(self) -> Path:
        """Where answers are kept."""
        return self.cache or self.bank.with_name(self.bank.name + ".cache.sqlite")


@dataclass
class ParaphraseReport:
    """What a run came to.

    Attributes:
        bank, refused_file, cache: the files.
        finished: whether the bank has every answer of the plan.
        The rest is as in `Tally`.
    """

    bank: str
    refused_file: str
    cache: str
    finished: bool
    requests: int
    requests_finished: int
    requests_in_batches: int
    calls: int
    cached: int
    accepted: int
    refused: dict[str, int]
    failed: dict[str, int]
    prompt_tokens: int
    completion_tokens: int
    calls_without_token_counts: int
    dollars: float | None


@dataclass
class Watch:
    """Whom to tell. tally: after every group of answers; notice: in words, now and then."""

    tally: Callable[[Tally], None] = lambda tally: None
    notice: Callable[[str], None] = lambda text: None


def plan_of(options: ParaphraseOptions) -> Plan:
    """The requests that the options mean.

    Raises:
        UsageError: an unknown task or language, or a task with nothing to paraphrase.
    """
    for tag in options.languages:
        language_name(tag)
    briefs: list[Brief] = []
    for name in options.tasks or task_names():
        task = find_task(name)
        found = briefs_of(name, task.summary, bank_of(task))
        if not found and options.tasks:
            raise UsageError(f"task {name} has nothing to paraphrase; its instructions come from the dataset")
        briefs += found
    languages = tuple(dict.fromkeys(options.languages))
    return Plan(briefs, options.per_task, options.per_request, languages, options.styles, options.seed)


def estimate(options: ParaphraseOptions, models: Models) -> Estimate:
    """What a run would take; reads the cache if there is one, writes nothing."""
    plan = plan_of(options)
    writing, judging = add_up(plan)
    calls, cached = len(plan), 0
    read, least, most = writing
    known = _cached_writing(options, models, plan)
    if known:
        cached = known
        read, least, most = (round(count * (calls - cached) / calls) for count in writing)
    low, high = models.prices.of(read, least), models.prices.of(read, most)
    if models.judge:
        calls += len(plan)
        low = _sum(low, models.judge_prices.of(judging[0], judging[1]))
        high = _sum(high, models.judge_prices.of(judging[0], judging[2]))
        read, least, most = read + judging[0], least + judging[1], most + judging[2]
    dollars = None if low is None or high is None else (low, high)
    return Estimate(calls, cached, read, (least, most), dollars)


def paraphrase(
    options: ParaphraseOptions, models: Models, endpoint: Endpoint, watch: Watch | None = None
) -> ParaphraseReport:
    """Grow the bank.

    Raises:
        UsageError, TemplateError: an option, the cache or the bank does not hold.
        LanguageModelError: the server cannot be used.
        OutputError: bank or refusals cannot be written.
    """
    watch = watch or Watch()
    plan = plan_of(options)
    if importlib.util.find_spec("open_clip") is None:
        load_extra("open_clip", "score")  # says what is missing before a call is paid for
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(contextlib.closing(open_store(options.cache_file))) for _ in range(2)]
        intake = Intake(connections[1], options.cache_file, options.bank, models.writer, sections_of(plan))
        intake.begin()
        cache = AnswerCache(connections[0])
        grower = _Grower(options, models, endpoint, watch, plan, cache, intake)
        if options.batch:
            tally = asyncio.run(grower.batches(Submissions(connections[0], cache, models.base_url)))
        else:
            tally = asyncio.run(grower.live())
    return _report(options, tally)


@dataclass
class _Grower:
    options: ParaphraseOptions
    models: Models
    endpoint: Endpoint
    watch: Watch
    plan: Plan
    cache: AnswerCache
    intake: Intake

    def __post_init__(self) -> None:
        self.tally = Tally(len(self.plan))

    async def live(self) -> Tally:
        """Ask call by call."""
        pace = Pace(self.options.calls_a_minute, self.options.tokens_a_minute)
        async with Caller(self.endpoint, pace, self.options.retries, self.watch.notice) as caller:
            return await self._run(caller).run()

    async def batches(self, submissions: Submissions) -> Tally:
        """Ask by batches: the writer, then the judge; what is answered is taken in before, between and after."""
        await self._run(None).run()
        cached = self.tally.cached
        phases: list[tuple[str, Callable[[], Iterable[Call]]]] = [(self.models.writer, self._writing_calls)]
        if self.models.judge:
            phases.append((self.models.judge, self._judging_calls))
        for model, calls in phases:
            batches = Batches(
                self.endpoint, self.cache, submissions, model, self._paid, self.tally.fail, self.options.retries,
                self.options.poll_s, notice=self.watch.notice,
            )  # fmt: skip
            try:
                finished = await batches.answer_all(calls, self.options.wait)
            finally:
                self.cache.release_all()
                await batches.close()
            await self._run(None).run()
            if not finished:
                break
        self.tally.cached = cached
        return self.tally

    def _run(self, caller: Caller | None) -> Run:
        return Run(
            self.plan, self.models, self.cache, self.intake, caller, self.options.concurrency, self.tally,
            self.watch.tally,
        )  # fmt: skip

    def _paid(self, model: str, key: str) -> None:
        answer = self.cache.find(key)
        assert answer is not None
        prices = self.models.prices if model == self.models.writer else self.models.judge_prices
        self.tally.paid(answer, prices)

    def _writing_calls(self) -> Iterator[Call]:
        return (self.models.writing(request) for request in self.plan)

    def _judging_calls(self) -> Iterable[Call]:
        for request in self.plan:
            key = self.models.writing(request).key(self.models.base_url)
            answer = None if self.intake.has(key) else self.cache.find(key)
            if answer is not None:
                candidates = self.intake.judgeable(request, answer.text)
                if candidates:
                    yield judging_call(request, [text for _, text in candidates], self.models.judge)


def _cached_writing(options: ParaphraseOptions, models: Models, plan: Plan) -> int:
    if not options.cache_file.exists() or not models.writer:
        return 0
    with contextlib.closing(open_store(options.cache_file)) as connection:
        cache = AnswerCache(connection)
        return sum(cache.find(models.writing(request).key(models.base_url)) is not None for request in plan)


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _report(options: ParaphraseOptions, tally: Tally) -> ParaphraseReport:
    return ParaphraseReport(
        bank=str(options.bank),
        refused_file=str(refused_file(options.bank)),
        cache=str(options.cache_file),
        finished=tally.finished == tally.requests,
        requests=tally.requests,
        requests_finished=tally.finished,
        requests_in_batches=tally.batched,
        calls=tally.calls,
        cached=tally.cached,
        accepted=tally.outcome.accepted,
        refused=dict(tally.outcome.refused),
        failed=dict(tally.failed),
        prompt_tokens=tally.prompt_tokens,
        completion_tokens=tally.completion_tokens,
        calls_without_token_counts=tally.uncounted,
        dollars=tally.dollars,
    )
