"""What calls cost: tokens and US dollars, before and after.

Before a call its tokens are not known: a token is taken as four characters, about right for English (OpenAI's rule of
thumb); other scripts take more. Prices are the user's to say.
"""

from __future__ import annotations

from dataclasses import dataclass

from .call import Call
from .plan import Plan, Request
from .prompt import judging_call, writing_call, writing_overhead

CHARACTERS_A_TOKEN = 4
_OUTPUT_RANGE = (0.7, 2.5)
"""Length of an answer, as a share of that of as many copies of its template."""


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars a million tokens, read and written; None when not known."""

    read: float | None = None
    written: float | None = None

    def of(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """Dollars for so many tokens; None when a price is missing."""
        if self.read is None or self.written is None:
            return None
        return (prompt_tokens * self.read + completion_tokens * self.written) / 1e6


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would take.

    Attributes:
        calls: all calls, the judge's too.
        cached: of these, calls whose answers are there already.
        prompt_tokens: read by the models, for calls that are not cached.
        completion_tokens: least and most that they write; models that think before they answer write more.
        dollars: least and most; None when a price is missing.
    """

    calls: int
    cached: int
    prompt_tokens: int
    completion_tokens: tuple[int, int]
    dollars: tuple[float, float] | None


def estimated_tokens(call: Call) -> int:
    """About how many tokens a call takes, read and written."""
    return call.characters() // CHARACTERS_A_TOKEN + 400


def writing_tokens(request: Request, model: str) -> tuple[int, int, int]:
    """Tokens read, and least and most written, for one request."""
    read = writing_call(request, model, {}).characters() // CHARACTERS_A_TOKEN
    copies = request.count * len(request.parent.text)
    around = writing_overhead(request.count)
    least, most = (int(share * copies + around) // CHARACTERS_A_TOKEN for share in _OUTPUT_RANGE)
    return read, least, most


def judging_tokens(request: Request, model: str) -> tuple[int, int, int]:
    """The same for the judge, when every paraphrase reaches it."""
    read = judging_call(request, [request.parent.text] * request.count, model).characters() // CHARACTERS_A_TOKEN
    return read, request.count * 12, request.count * 30


def add_up(plan: Plan) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Tokens of a whole plan, for writing and for judging."""
    writing, judging = [0, 0, 0], [0, 0, 0]
    for request in plan:
        for totals, tokens in ((writing, writing_tokens(request, "")), (judging, judging_tokens(request, ""))):
            for place, value in enumerate(tokens):
                totals[place] += value
    return (writing[0], writing[1], writing[2]), (judging[0], judging[1], judging[2])
