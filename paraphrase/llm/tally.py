"""What a run has done so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from .cache import Answer
from .cost import Prices
from .intake import Outcome


@dataclass
class Tally:
    """Counts of one run.

    Attributes:
        requests: in the plan.
        finished: requests whose answers the bank has, from this run or one before.
        calls: answers that this run got from the server, the judge's too.
        cached: answers that were there already.
        failed: reason -> calls without an answer.
        batched: requests that wait for a batch.
        outcome: candidates accepted and refused in this run.
        prompt_tokens, completion_tokens: of this run's calls, as the server counted them.
        uncounted: calls whose tokens the server did not say.
        dollars: what this run's calls cost; None when a price is not known.
    """

    requests: int
    finished: int = 0
    calls: int = 0
    cached: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    batched: int = 0
    outcome: Outcome = field(default_factory=Outcome)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    uncounted: int = 0
    dollars: float | None = 0.0

    def paid(self, answer: Answer, prices: Prices) -> None:
        """An answer that this run got from the server."""
        self.calls += 1
        if answer.prompt_tokens is None or answer.completion_tokens is None:
            self.uncounted += 1
        read, written = answer.prompt_tokens or 0, answer.completion_tokens or 0
        self.prompt_tokens += read
        self.completion_tokens += written
        cost = prices.of(read, written)
        self.dollars = None if cost is None or self.dollars is None else self.dollars + cost

    def fail(self, reason: str) -> None:
        """A call without an answer."""
        self.failed[reason] = self.failed.get(reason, 0) + 1

    @property
    def failures(self) -> int:
        """Calls without an answer."""
        return sum(self.failed.values())
