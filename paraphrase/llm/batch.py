"""Answers by way of the Batch API: half the price at OpenAI, and up to a day to wait.

A submission is written down before the server hears of it, and carries its name in the batch's metadata. A run that is
killed in between leaves a submission without a batch; the next one asks the server for a batch of that name before it
sends the calls again.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TypeVar

from ...manifests.errors import LanguageModelError
from .cache import AnswerCache, Standing
from .call import Call
from .caller import FormatChoice
from .endpoint import Endpoint
from .faults import BadRequest, CallFailed, CallFault, TryAgain
from .submissions import Submission, Submissions

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types import Batch

MOST_CALLS, MOST_BYTES = 50_000, 50_000_000  # OpenAI's limits are 50,000 and 200 MB; a file is held in memory
_PATH: Literal["/v1/chat/completions"] = "/v1/chat/completions"
_NAME = "taskpaint_submission"
_ENDED = ("completed", "failed", "expired", "cancelled")
_KEPT_AT_ONCE = 200
_SHOWN = 300
_CLOCKS_APART_S = 86_400
_T = TypeVar("_T")


class Batches:
    """Sends calls in batches and collects their answers.

    Args:
        endpoint: the server.
        cache, submissions: where calls and batches are kept.
        model: who is to answer.
        paid: told model and key of each answer that comes.
        failed: told why a call has no answer.
        retries: rounds of sending what failed again, and tries of each request to the server.
        poll_s: seconds between looks at a batch.
        most_calls: calls in a batch.
        notice: told what happens to batches.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        cache: AnswerCache,
        submissions: Submissions,
        model: str,
        paid: Callable[[str, str], None],
        failed: Callable[[str], None],
        retries: int,
        poll_s: float = 30.0,
        most_calls: int = MOST_CALLS,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        endpoint.check_key()
        self._endpoint, self._cache, self._submissions = endpoint, cache, submissions
        self._paid, self._failed, self._notice = paid, failed, notice
        self._retries, self._poll_s, self._most_calls = retries, poll_s, most_calls
        self._formats = FormatChoice()
        self._client: AsyncOpenAI = endpoint.connect()
        self._model = model
        self._reasons: list[str] = []

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def answer_all(self, calls: Callable[[], Iterable[Call]], wait: bool) -> bool:
        """Get answers to all calls that have none.

        Args:
            calls: gives the calls, the same each time.
            wait: until the batches are done; else send them, collect what is done, and return.

        Returns:
            Whether nothing is under way any more.

        Raises:
            LanguageModelError: the server does not take batches, or not these.
        """
        under_way = await self.collect()
        for _ in range(self._retries + 1):
            self._reasons.clear()
            sent = await self._send(calls())
            under_way = under_way or sent > 0
            while under_way and wait:
                under_way = await self.collect()
                if under_way:
                    await asyncio.sleep(self._poll_s)
            if under_way:
                return False
            if not self._reasons:
                return True
        for reason in self._reasons:
            self._failed(reason)
        return True

    async def collect(self) -> bool:
        """Look at every submission once; returns whether any is still under way."""
        under_way = False
        for submission in self._submissions.open():
            batch = await self._batch_of(submission)
            if batch is None:
                under_way = under_way or not submission.abandoned  # another run is creating it right now
            elif batch.status in _ENDED:
                await self._collect(submission, batch)
            else:
                under_way = True
        return under_way

    async def _batch_of(self, submission: Submission) -> Batch | None:
        """The server's batch. There is none while another run creates it, and when the server never heard of it."""
        if submission.batch_id is not None:
            return await self._steadily(partial(self._client.batches.retrieve, submission.batch_id))
        if not submission.abandoned:
            return None
        batch = await self._find(submission)
        if batch is None:
            freed = self._submissions.close(submission.id)
            self._notice(f"a batch of {freed} calls never reached the server; they will be sent again")
        else:
            self._submissions.created(submission.id, batch.id)
        return batch

    async def _send(self, calls: Iterable[Call]) -> int:
        """Send every call that nobody answered or claimed; returns how many."""
        sent, more = 0, iter(calls)
        while True:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "calls.jsonl"
                with file.open("wb") as opened:
                    keys = self._fill(opened, more)
                if not keys:
                    return sent
                await self._submit(file, keys)
                sent += len(keys)

    def _fill(self, opened: IO[bytes], calls: Iterator[Call]) -> list[str]:
        """Claim calls and write them to a batch's file until it is full; returns their keys."""
        keys: list[str] = []
        size = 0
        while len(keys) < self._most_calls and size < MOST_BYTES and (call := next(calls, None)) is not None:
            key = call.key(self._endpoint.base_url)
            if self._cache.claim(key, call.model) is not Standing.MINE:
                continue
            line = {"custom_id": key, "method": "POST", "url": _PATH, "body": call.body(self._formats.of(call.model))}
            size += opened.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            keys.append(key)
            if len(keys) % 1000 == 0:
                self._cache.renew()
        return keys

    async def _submit(self, file: Path, keys: list[str]) -> None:
        identity = self._submissions.begin(keys, self._model, self._formats.of(self._model))
        content = file.read_bytes()
        uploaded = await self._steadily(
            lambda: self._client.files.create(file=(f"taskpaint-{identity}.jsonl", content), purpose="batch")
        )
        batch = await self._create(identity, uploaded.id)
        self._submissions.created(identity, batch.id)
        self._notice(f"batch {batch.id} with {len(keys):,} calls is sent")

    async def _create(self, identity: str, file_id: str) -> Batch:
        """Create the batch; after a lost reply, look whether the server has it already."""
        tries = 0
        while True:
            try:
                return await self._once(
                    lambda: self._client.batches.create(
                        input_file_id=file_id, endpoint=_PATH, completion_window="24h", metadata={_NAME: identity}
                    )
                )
            except TryAgain as fault:
                tries += 1
                if tries > self._retries:
                    raise self._gave_up(fault) from fault
                await asyncio.sleep(fault.wait_or_backoff_s(tries))
            for open_one in self._submissions.open():
                if open_one.id == identity and (batch := await self._find(open_one)) is not None:
                    return batch

    async def _find(self, submission: Submission) -> Batch | None:
        """The server's batch of that name, if it has one."""

        async def look() -> Batch | None:
            async for batch in self._client.batches.list(limit=100):
                if (batch.metadata or {}).get(_NAME) == submission.id:
                    return batch
                if batch.created_at < submission.created_at - _CLOCKS_APART_S:
                    break
            return None

        return await self._steadily(look)

    async def _collect(self, submission: Submission, batch: Batch) -> None:
        """Keep what a finished batch answered, and free the rest of its calls."""
        answered = 0
        faults: list[CallFault] = []
        for file_id in (batch.output_file_id, batch.error_file_id):
            if file_id:
                answered += await self._read_file(submission, file_id, faults)
        freed = self._submissions.close(submission.id)
        self._notice(f"batch {batch.id} is {batch.status}: {answered:,} answers, {freed:,} calls without one")
        if batch.status == "failed" and batch.errors is not None and batch.errors.data:
            said = self._endpoint.clean(batch.errors.data[0].message or "no reason given")
            raise LanguageModelError(f"{self._endpoint.base_url} refused the batch: {said}")
        if not answered and faults and isinstance(faults[0], BadRequest):
            self._formats.refused(submission.model, submission.answer_format, faults[0])
        missing = [f"the batch is {batch.status} and has no answer to the call"] * (freed - len(faults))
        self._reasons += [str(fault) for fault in faults] + missing

    async def _read_file(self, submission: Submission, file_id: str, faults: list[CallFault]) -> int:
        answered = 0
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "answers.jsonl"
            await self._steadily(lambda: self._download(file_id, file))
            group: list[tuple[str, str]] = []
            with file.open("rb") as opened:
                for line in opened:
                    reply = _reply(self._endpoint.clean(line.decode("utf-8", "replace")))
                    if isinstance(reply, tuple):
                        group.append(reply)
                    else:
                        faults.append(reply)
                    if len(group) >= _KEPT_AT_ONCE:
                        answered += self._keep(submission, group)
                        group = []
            answered += self._keep(submission, group)
        return answered

    def _keep(self, submission: Submission, group: list[tuple[str, str]]) -> int:
        kept = self._submissions.keep(submission.id, group)
        for model, key in kept:
            self._formats.worked(model)
            self._paid(model, key)
        return len(kept)

    async def _download(self, file_id: str, file: Path) -> None:
        async with self._client.files.with_streaming_response.content(file_id) as response:
            with file.open("wb") as opened:
                async for chunk in response.iter_bytes():
                    opened.write(chunk)

    async def _steadily(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        tries = 0
        while True:
            try:
                return await self._once(ask)
            except TryAgain as fault:
                tries += 1
                if tries > self._retries:
                    raise self._gave_up(fault) from fault
                await asyncio.sleep(fault.wait_or_backoff_s(tries))

    async def _once(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        from openai import OpenAIError

        try:
            return await ask()
        except OpenAIError as error:
            fault = self._endpoint.fault_of(error)
        if isinstance(fault, BadRequest | CallFailed):
            fault = LanguageModelError(f"{self._endpoint.base_url} refused the batch: {fault}")
        raise fault

    def _gave_up(self, fault: TryAgain) -> LanguageModelError:
        return LanguageModelError(
            f"{self._endpoint.base_url} answers no more ({fault}); run the same command again to go on"
        )


def _reply(line: str) -> tuple[str, str] | CallFault:
    """Key and reply of an answered call, or why a call has none. A line: custom_id, response or error."""
    try:
        value: Any = json.loads(line)
        response: Any = value.get("response")
        error: Any = value.get("error")
        if response is not None:
            status: Any = response.get("status_code")
            body: Any = response.get("body")
            if status == 200 and isinstance(body.get("choices"), list):
                return str(value["custom_id"]), json.dumps(body, ensure_ascii=False)
            message = (body.get("error") or {}).get("message") or "no reason given"
            return (BadRequest if status in (400, 422) else CallFailed)(f"status {status}: {message}"[:_SHOWN])
        message = error.get("message") or error.get("code")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return CallFailed("a line of the batch's answers cannot be read")
    return CallFailed(str(message)[:_SHOWN])
