"""All checks of candidates for one section, in order, with a memory of what was accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .duplicates import NearDuplicates
from .meaning import describes, meaning_fault
from .refusal import Refusal
from .sentence import sentence_fault
from .shape import shape_fault
from .slots import slots_fault
from .tokens import tokens_fault

CHECKS = ("shape", "slots", "grammar", "meaning", "tokens", "duplicate")
"""Names of the checks, in the order they run."""


class Checker:
    """Checks candidates for one section of a bank.

    Args:
        task, section: what the candidates ask for; a section that the vocabulary does not know gets the checks that
            hold everywhere.
        slots: the slots that every candidate must use.
        language: BCP 47 tag. Meaning and grammar are checked in English; elsewhere only what needs no words.
        accepted: texts that are there already, which candidates must not repeat.
    """

    def __init__(
        self, task: str, section: str, slots: tuple[str, ...], language: str = "en", accepted: Iterable[str] = ()
    ) -> None:
        self._duplicates = NearDuplicates()
        for text in accepted:
            self._duplicates.add(text)
        self._has_meaning = language.lower().partition("-")[0] == "en" and describes(task, section)
        self._checks: tuple[tuple[str, Callable[[str], str | None]], ...] = (
            ("shape", lambda text: shape_fault(text, language)),
            ("slots", lambda text: slots_fault(text, slots)),
            ("grammar", lambda text: sentence_fault(text, task, section, slots, language)),
            ("meaning", lambda text: meaning_fault(text, task, section) if self._has_meaning else None),
            ("tokens", lambda text: tokens_fault(text, task, section, slots)),
            ("duplicate", self._duplicates.fault),
        )
        assert tuple(name for name, _ in self._checks) == CHECKS

    def refusal(self, text: str) -> Refusal | None:
        """The first check that the text fails, or None when it may enter the bank.

        Raises:
            UsageError: open_clip is not installed, whose tokenizer counts the tokens.
        """
        for name, check in self._checks:
            reason = check(text)
            if reason is not None:
                return Refusal(name, reason)
        return None

    def accept(self, text: str) -> None:
        """Remember a text, so that later candidates must differ from it."""
        self._duplicates.add(text)

    def passed_checks(self) -> tuple[str, ...]:
        """Names of the checks that a text without a refusal has passed, for the bank's field `checks`."""
        return CHECKS if self._has_meaning else tuple(name for name in CHECKS if name != "meaning")
