"""How fast calls may go: limits of calls and tokens a minute, and a pause of all workers at once."""

from __future__ import annotations

import asyncio
import time


class Pace:
    """Token buckets that all workers of a run share.

    A bucket holds one second's worth, so that no minute sees more than 61 seconds' worth. What a call costs in tokens
    is estimated before it and settled after it.

    Args:
        calls_a_minute, tokens_a_minute: limits; None for none.
    """

    def __init__(self, calls_a_minute: float | None = None, tokens_a_minute: float | None = None) -> None:
        self._calls = _Bucket(calls_a_minute / 60) if calls_a_minute else None
        self._tokens = _Bucket(tokens_a_minute / 60) if tokens_a_minute else None
        self._paused_until = 0.0
        self._turn = asyncio.Lock()

    async def admit(self, tokens: int) -> None:
        """Wait until a call of about so many tokens may start; first come, first served."""
        async with self._turn:
            while (wait_s := self._wait_s(tokens, time.monotonic())) > 0:
                await asyncio.sleep(wait_s)
            if self._calls is not None:
                self._calls.take(1)
            if self._tokens is not None:
                self._tokens.take(tokens)

    def pause(self, seconds: float) -> None:
        """Let no call start for so long, nor for less than was asked before."""
        self._paused_until = max(self._paused_until, time.monotonic() + seconds)

    def settle(self, estimated: int, used: int) -> None:
        """Put right what a call was thought to cost."""
        if self._tokens is not None:
            self._tokens.take(used - estimated)

    def _wait_s(self, tokens: int, now: float) -> float:
        waits = [self._paused_until - now]
        if self._calls is not None:
            waits.append(self._calls.wait_s(1, now))
        if self._tokens is not None:
            waits.append(self._tokens.wait_s(tokens, now))
        return max(waits)


class _Bucket:
    """Fills at a steady rate up to one second's worth, or one piece; a call larger than that leaves a debt."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._capacity = self._level = max(1.0, rate)
        self._filled_at = time.monotonic()

    def wait_s(self, amount: float, now: float) -> float:
        self._level = min(self._capacity, self._level + (now - self._filled_at) * self._rate)
        self._filled_at = now
        return (min(amount, self._capacity) - self._level) / self._rate

    def take(self, amount: float) -> None:
        self._level -= amount
