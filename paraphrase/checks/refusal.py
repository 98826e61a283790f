"""Why a candidate was refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """The first check that a candidate failed.

    Attributes:
        check: the check's name, one of `checker.CHECKS`.
        reason: one sentence that names the offending word.
    """

    check: str
    reason: str
