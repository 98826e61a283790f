"""Yes and no: does {yes} still go with presence and {no} with absence?"""

from __future__ import annotations

import re

_CLAUSE = re.compile(r"[.?!;:,–—]| and | or | but ")
_UNLESS = re.compile(r"(_(?:yes|no)_[^.;:]*?),? unless ([^.;:,]*)")
_ABSENT = re.compile(
    r"\b(?:not|no|none|cannot|absen\w+|missing|without|fail\w*|lacks?|lacking|nothing|never|negative|false|nope|nowhere|"
    r"free of|gone|(?:does|is|do|are|ca|wo|did)n'?t|not found)\b"
)
_PRESENT = re.compile(
    r"\b(?:if|yes|shows?|showing|finding|match|contains?|present|presence|includes?|features?|found|find|see|sees|seen|visible|true|success|"
    r"positive|has|have|with|there|spot|spotted|appears?|when|yep|yeah|hit|depicts?)\b"
)
_OTHERWISE = re.compile(r"\b(?:otherwise|else|failing that|if not|when not|or not|in any other case)\b")


def polarity_fault(text: str) -> str | None:
    """What is the wrong way round, or None; the text has its slots written _yes_ and _no_.

    The sentence is cut into clauses. A clause with a color and a condition tells which case the color stands for; a
    clause with a color alone takes the condition of the clause before it, if that has no color of its own; that is
    weaker evidence, and it takes both colors to refuse a sentence on it.
    """
    sides = {"yes": 0, "no": 0}
    before = 0
    for clause in _CLAUSE.split(_UNLESS.sub(r"\1 if not \2", text)):
        side = 2 * _side(clause)
        named = [slot for slot in sides if f"_{slot}_" in clause]
        for slot in named:
            sides[slot] = sides[slot] or side or before
        if len(named) == 1 and _OTHERWISE.search(clause):
            sides[named[0]] = -sides["no" if named[0] == "yes" else "yes"] or -2
        before = 0 if named else (side // 2 or before)
    if sides["yes"] - sides["no"] > -2:
        return None
    return "{yes} stands for absence or {no} for presence here, and it is the other way round."


def _side(clause: str) -> int:
    """1 for presence, -1 for absence, 0 for neither."""
    if _ABSENT.search(clause):
        return -1
    return 1 if _PRESENT.search(clause) else 0
