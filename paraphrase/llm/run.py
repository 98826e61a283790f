"""Asks all requests of a plan, many at a time, and hands the answers on as they come."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .cache import Answer, AnswerCache, Standing
from .call import Call
from .caller import Caller
from .cost import Prices
from .faults import CallFailed
from .intake import Answered, Intake
from .plan import Plan, Request
from .prompt import judging_call, writing_call
from .reading import Verdict, read_verdicts
from .tally import Tally

_GROUP = 64
_POLL_S = 0.2
_PATIENCE = 3
_SAME_FAILURES_TOLD = 20


@dataclass(frozen=True)
class Models:
    """Who writes and who judges.

    Attributes:
        writer: the server's name of the model that writes.
        judge: of the model that judges; empty for none.
        base_url: the server's address, part of every cache key.
        sampling: of the writer; only what the user set.
        prices, judge_prices: US dollars a million tokens.
    """

    writer: str
    base_url: str
    judge: str = ""
    sampling: dict[str, float | int] = field(default_factory=dict)
    prices: Prices = field(default_factory=Prices)
    judge_prices: Prices = field(default_factory=Prices)

    def writing(self, request: Request) -> Call:
        """The call that answers a request."""
        return writing_call(request, self.writer, self.sampling)


class Run:
    """One run over a plan; memory does not grow with the number of answers.

    Args:
        plan: what to ask.
        models: whom to ask.
        cache: keeps the answers.
        intake: takes them in.
        caller: makes the calls; None to use the answers that are there and no more.
        concurrency: calls in flight.
        tally: counts on; what is finished, cached or batched is counted anew.
        watch: told after every group of answers.
    """

    def __init__(
        self,
        plan: Plan,
        models: Models,
        cache: AnswerCache,
        intake: Intake,
        caller: Caller | None,
        concurrency: int,
        tally: Tally,
        watch: Callable[[Tally], None] = lambda tally: None,
    ) -> None:
        self.tally = tally
        self._plan, self._models, self._cache, self._intake = plan, models, cache, intake
        self._caller, self._concurrency, self._watch = caller, concurrency, watch
        self._answers: asyncio.Queue[Answered | None] = asyncio.Queue(2 * _GROUP)
        self._waiting: list[Request] = []

    async def run(self) -> Tally:
        """Ask, check and write everything.

        Raises:
            LanguageModelError: the server cannot be used; answers up to then are kept and taken in.
            TemplateError, OutputError: the bank cannot be written.
        """
        self.tally.finished = self.tally.cached = self.tally.batched = 0
        taking = asyncio.create_task(self._take_in())
        renewing = asyncio.create_task(self._renew_claims())
        try:
            await self._ask(iter(self._plan), taking)
            while self._waiting:
                again, self._waiting = self._waiting, []
                await self._ask(iter(again), taking)
                if self._waiting:
                    await asyncio.sleep(_POLL_S)
        finally:
            renewing.cancel()
            self._cache.release_all()
            if not taking.done():
                await self._answers.put(None)
            await taking
        return self.tally

    async def _ask(self, requests: Iterator[Request], taking: asyncio.Task[None]) -> None:
        """Work through the requests with all workers; the first fault ends them all."""
        workers = [asyncio.create_task(self._work(requests)) for _ in range(self._concurrency)]
        under_way = {*workers}
        try:
            while under_way:
                done, rest = await asyncio.wait({*under_way, taking}, return_when=asyncio.FIRST_COMPLETED)
                under_way = rest - {taking}
                for task in done:
                    task.result()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, requests: Iterator[Request]) -> None:
        for request in requests:
            call = self._models.writing(request)
            key = call.key(self._models.base_url)
            if self._intake.has(key):
                self.tally.finished += 1
                self.tally.cached += 1
                continue
            with contextlib.suppress(_Later):
                try:
                    await self._answer_and_judge(request, call, key)
                except CallFailed as fault:
                    self._note_failure(str(fault))
                except _Busy:
                    self._waiting.append(request)

    async def _answer_and_judge(self, request: Request, call: Call, key: str) -> None:
        answer = await self._answer(call, key, self._models.prices)
        verdicts = None
        if self._models.judge:
            verdicts = await self._judge(request, answer.text)
        await self._answers.put(Answered(request, key, answer.text, answer.answered_at, verdicts))

    async def _judge(self, request: Request, reply: str) -> dict[int, Verdict]:
        candidates = await asyncio.to_thread(self._intake.judgeable, request, reply)
        if not candidates:
            return {}
        call = judging_call(request, [text for _, text in candidates], self._models.judge)
        answer = await self._answer(call, call.key(self._models.base_url), self._models.judge_prices)
        verdicts = read_verdicts(answer.text, len(candidates))
        return {place: verdict for (place, _), verdict in zip(candidates, verdicts, strict=True)}

    async def _answer(self, call: Call, key: str, prices: Prices) -> Answer:
        """The kept answer, or a new one."""
        kept = self._cache.find(key)
        if kept is not None:
            self.tally.cached += 1
            return kept
        if self._caller is None:
            self.tally.batched += 1
            raise _Later
        standing = self._cache.claim(key, call.model)
        if standing is Standing.BATCHED:
            self.tally.batched += 1
            raise _Later
        if standing is not Standing.MINE:
            raise _Busy
        try:
            reply = await self._caller.answer(call, key, patience=self._concurrency + _PATIENCE)
        except BaseException:
            self._cache.release(key)
            raise
        answer = self._cache.keep(key, reply)
        self.tally.paid(answer, prices)
        return answer

    def _note_failure(self, reason: str) -> None:
        told = reason in self.tally.failed or len(self.tally.failed) < _SAME_FAILURES_TOLD
        self.tally.fail(reason if told else "other reasons")

    async def _take_in(self) -> None:
        """Take answers in, as many at once as there are, until a None comes."""
        more = True
        while more:
            group = [await self._answers.get()]
            while len(group) < _GROUP and not self._answers.empty():
                group.append(self._answers.get_nowait())
            more = None not in group
            answers = [one for one in group if one is not None]
            if answers:
                self.tally.outcome.add(await asyncio.to_thread(self._intake.take, answers))
                self.tally.finished += len(answers)
            self._watch(self.tally)

    async def _renew_claims(self) -> None:
        while True:
            await asyncio.sleep(self._cache.lease_s / 3)
            self._cache.renew()


class _Later(Exception):
    """The answer has to come from a batch."""


class _Busy(Exception):
    """Another run is asking."""
