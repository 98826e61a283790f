"""Gets one call answered: the format the server takes, waiting, trying again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...manifests.errors import LanguageModelError
from .call import AnswerFormat, Call
from .cost import estimated_tokens
from .endpoint import Endpoint
from .faults import BadRequest, CallFailed, TryAgain
from .pace import Pace

if TYPE_CHECKING:
    from openai import AsyncOpenAI

LONGEST_PAUSE_S = 3600.0


class FormatChoice:
    """The answer format that the server takes, found out once a run for each model.

    A server that answers 400 to the first calls may not know the format: the next weaker one is tried. Once a call went
    through, a 400 speaks of that call alone.
    """

    def __init__(self) -> None:
        self._formats: dict[str, AnswerFormat] = {}
        self._proven: set[str] = set()

    def of(self, model: str) -> AnswerFormat:
        """The format to ask for now."""
        return self._formats.get(model, AnswerFormat.SCHEMA)

    def worked(self, model: str) -> None:
        """A call in the present format was answered."""
        self._proven.add(model)

    def refused(self, model: str, used: AnswerFormat, fault: BadRequest) -> None:
        """A call in format `used` was refused; returns when another try makes sense.

        Raises:
            CallFailed: the fault is the call's own.
            LanguageModelError: no format is left.
        """
        if used is not self.of(model):
            return  # another worker moved on in the meantime
        if model in self._proven:
            raise CallFailed(f"the server refused the request: {fault}") from fault
        weaker = used.weaker()
        if weaker is None:
            raise LanguageModelError(
                f"the server takes no request for {model}: {fault}; check --model, --temperature and --max-tokens"
            ) from fault
        self._formats[model] = weaker


class Caller:
    """Makes calls for all workers of a run.

    Args:
        endpoint: the server.
        pace: the limits that the workers share.
        retries: how often a call is tried again. A try after a 429 counts only when no other call got through since.
        notice: told when all workers have to wait for long.
    """

    def __init__(
        self, endpoint: Endpoint, pace: Pace, retries: int, notice: Callable[[str], None] = lambda text: None
    ) -> None:
        self.formats = FormatChoice()
        self._endpoint, self._pace, self._retries, self._notice = endpoint, pace, retries, notice
        self._successes = 0
        self._failed_in_a_row = 0
        self._client: AsyncOpenAI | None = None

    async def __aenter__(self) -> Caller:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.close()

    async def answer(self, call: Call, key: str, patience: int) -> str:
        """The server's reply, as JSON text without the key in it.

        Args:
            call: what to ask.
            key: its cache key, sent as `Idempotency-Key` too: a server that heeds it bills a repeated call once.
            patience: after so many calls without an answer, one after the other, the run is over.

        Raises:
            CallFailed: no answer after all tries, or none to be had.
            LanguageModelError: no call can succeed.
        """
        tries = 0
        while True:
            successes, used = self._successes, self.formats.of(call.model)
            try:
                reply = await self._try(call, key, used)
            except BadRequest as fault:
                self.formats.refused(call.model, used, fault)
            except TryAgain as fault:
                if not fault.limited or successes == self._successes:
                    tries += 1
                if tries > self._retries:
                    raise self._gave_up(fault, patience) from fault
                await self._wait(fault, tries)
            else:
                self._successes += 1
                self._failed_in_a_row = 0
                return reply

    def _gave_up(self, fault: TryAgain, patience: int) -> Exception:
        """What it means that a call failed with all its tries."""
        self._failed_in_a_row += 1
        if self._failed_in_a_row < patience:
            return CallFailed(f"{fault}, tried {self._retries + 1} times")
        return LanguageModelError(
            f"{self._endpoint.base_url} answers no more, {self._failed_in_a_row} calls in a row failed ({fault}); "
            "answers so far are kept, run the same command again to go on"
        )

    async def _try(self, call: Call, key: str, used: AnswerFormat) -> str:
        from openai import OpenAIError

        estimate = estimated_tokens(call)
        client = self._client_now()
        await self._pace.admit(estimate)
        try:
            async with asyncio.timeout(self._endpoint.timeout_s):
                # `chat.completions.create` also copies the body by its types and models the reply, which takes as long.
                reply = await client.post(
                    "/chat/completions",
                    cast_to=str,
                    body=call.body(used),
                    options={"headers": {"Idempotency-Key": key}},
                )
                text = self._endpoint.clean(reply)
        except (OpenAIError, TimeoutError) as error:
            raise self._endpoint.fault_of(error) from None  # the cause may hold the request with the key
        used_tokens = _tokens_of(text)
        self._pace.settle(estimate, estimate if used_tokens is None else used_tokens)
        self.formats.worked(call.model)
        return text

    async def _wait(self, fault: TryAgain, tries: int) -> None:
        wait_s = fault.wait_or_backoff_s(tries)
        if wait_s > LONGEST_PAUSE_S:
            raise LanguageModelError(
                f"{self._endpoint.base_url} asks to wait {wait_s / 3600:.1f} hours ({fault}); answers so far are kept, "
                "run the same command again then"
            )
        if wait_s > 10:
            self._notice(f"waiting {wait_s:.0f} s: {fault}")
        if fault.limited:
            self._pace.pause(wait_s)
        else:
            await asyncio.sleep(wait_s)

    def _client_now(self) -> AsyncOpenAI:
        if self._client is None:
            self._endpoint.check_key()
            self._client = self._endpoint.connect()
        return self._client


def _tokens_of(text: str) -> int | None:
    """Tokens that a reply says it took.

    Raises:
        TryAgain: it is no JSON object with choices: cut off on the way, or some other server's page.
    """
    try:
        reply: Any = json.loads(text)
        if not isinstance(reply["choices"], list):
            raise TypeError
        total = (reply.get("usage") or {}).get("total_tokens")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as fault:
        raise TryAgain("the reply is no chat completion") from fault
    return total if isinstance(total, int) else None
