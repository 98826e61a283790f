"""What can go wrong with a single call; a run as a whole stops with a LanguageModelError.

CallFault
├── TryAgain        busy, broken or unreachable for now
├── BadRequest      the server does not take the request in this form
└── CallFailed      this call has no answer, for the reason given; others may
"""

from __future__ import annotations

import random

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.5, 60.0


class CallFault(Exception):
    """Base of what happens to a call."""


class TryAgain(CallFault):
    """Trying the same call later may help.

    Attributes:
        wait_s: seconds that the server asked to wait; None when it said nothing.
        limited: the server turned the call away because there were too many (429).
    """

    def __init__(self, reason: str, wait_s: float | None = None, limited: bool = False) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.limited = limited

    def wait_or_backoff_s(self, tries: int) -> float:
        """Seconds to wait before the next try: what the server asked, else doubled with each try, with jitter."""
        if self.wait_s is not None:
            return self.wait_s
        return min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2 ** max(0, tries - 1)) * random.uniform(0.75, 1.25)


class BadRequest(CallFault):
    """The server does not take the request in this form (400, 422)."""


class CallFailed(CallFault):
    """This call has no answer."""
