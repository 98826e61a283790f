"""Licence texts of sources -> what they allow, and what they allow together.

The texts are those of `Source.license`, one sentence each, parts divided by `;`. The table states what a licence's own
text says of passing copies on; it is a help for whoever publishes, no legal advice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_CREATIVE_COMMONS: Final = re.compile(
    r"\bcc[ -]by(?P<nc>[ -]nc)?(?:[ -](?P<kind>sa|nd))?[ -](?P<version>[1-4]\.\d)", re.IGNORECASE
)
_HUB_CREATIVE_COMMONS: Final = frozenset(
    f"cc-{kind}-{version}"
    for kind, versions in (
        ("by", ("2.0", "2.5", "3.0", "4.0")),
        ("by-sa", ("3.0", "4.0")),
        ("by-nc", ("2.0", "3.0", "4.0")),
        ("by-nd", ("4.0",)),
        ("by-nc-nd", ("3.0", "4.0")),
        ("by-nc-sa", ("2.0", "3.0", "4.0")),
    )
    for version in versions
)
"""Creative Commons licences that the Hub has an identifier for (hub documentation, "Licenses")."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a licence says.

    Attributes:
        identifier: the Hub's name of the licence, when it is one that the Hub knows and covers everything; else empty.
        redistribution: whether changed copies may be handed on to anyone; None when that is not known.
        commercial: whether commercial use is allowed; None when that is not known.
        share_alike: the licence that copies must carry in turn; empty when there is no such demand.
    """

    identifier: str = ""
    redistribution: bool | None = None
    commercial: bool | None = None
    share_alike: str = ""


_UNKNOWN: Final = Terms()
# Terms for research only are agreed to one by one: a public copy cannot make its readers agree.
_RESEARCH: Final = Terms(redistribution=False, commercial=False)
_TABLE: Final[tuple[tuple[re.Pattern[str], Terms], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), terms)
    for pattern, terms in (
        (r"\bcc0\b|\bcc-zero\b|public domain", Terms("cc0-1.0", True, True)),
        (r"\bapache(?: licen[cs]e,?)?(?: version)?[ -]2\.0\b", Terms("apache-2.0", True, True)),
        (r"\bmit licen[cs]e\b|^mit$", Terms("mit", True, True)),
        (r"\bbsd[ -]3[ -]clause\b", Terms("bsd-3-clause", True, True)),
        (r"\bbsd[ -]2[ -]clause\b|\bsimplified bsd\b", Terms("bsd-2-clause", True, True)),
        (r"\bbsd style\b", Terms("", True, True)),
        (r"\bodc-by\b", Terms("odc-by", True, True)),
        (r"\bodbl\b", Terms("odbl", True, True, "ODbL")),
        (r"\bcdla-permissive-2\.0\b", Terms("cdla-permissive-2.0", True, True)),
        (r"\bcreativeml[ -]openrail-m\b", Terms("creativeml-openrail-m", True, True)),
        (r"\bresearch(?: and (?:education|teaching))? only\b|\bfor research only\b", _RESEARCH),
        (r"\bnon-commercial research\b|\bimagenet\b", _RESEARCH),
        (r"\b(?:not|others not) stated\b", _UNKNOWN),
        (r"\bflickr\b", _UNKNOWN),
        (r"\bpascal voc terms\b", _UNKNOWN),
        (r"\bsee (?:its|the)\b|\bas stated by\b|\bthat of the\b|\bbelong to\b", _UNKNOWN),
    )
)


def terms_of(text: str) -> Terms:
    """What a source's licence text says; parts of unknown meaning make the answer unknown.

    Whatever any part forbids is forbidden, whatever any part leaves open is open.
    """
    found: list[Terms] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        known = [terms for pattern, terms in _TABLE if pattern.search(part)]
        known += [_creative_commons(match) for match in _CREATIVE_COMMONS.finditer(part)]
        found += known or [_UNKNOWN]
    if not found:
        return _UNKNOWN
    alike = " and ".join(sorted({terms.share_alike for terms in found if terms.share_alike}))
    identifiers = {terms.identifier for terms in found}
    return Terms(
        identifier=found[0].identifier if len(identifiers) == 1 else "",
        redistribution=_worst(terms.redistribution for terms in found),
        commercial=_worst(terms.commercial for terms in found),
        share_alike=alike,
    )


def _creative_commons(match: re.Match[str]) -> Terms:
    words = ["cc", "by", *(["nc"] if match["nc"] else []), *([match["kind"].lower()] if match["kind"] else [])]
    name = "-".join([*words, match["version"]])
    kind = (match["kind"] or "").lower()
    title = f"CC {'-'.join(words[1:]).upper()} {match['version']}"
    return Terms(
        identifier=name if name in _HUB_CREATIVE_COMMONS else "",
        redistribution=kind != "nd",  # a target is an adaptation of its photograph
        commercial=not match["nc"],
        share_alike=title if kind == "sa" else "",
    )


def _worst(answers: Iterable[bool | None]) -> bool | None:
    known = set(answers)
    return False if False in known else (None if None in known else True)


@dataclass(frozen=True, slots=True)
class Combined:
    """What the licences of all sources come to.

    Attributes:
        identifier: the Hub's name of the one licence that covers every source, or "other".
        terms: source -> what its licence says.
        forbidden: sources whose licence forbids handing copies on.
        unknown: sources whose licence leaves that open.
        warnings: one sentence each.
    """

    identifier: str
    terms: dict[str, Terms]
    forbidden: tuple[str, ...]
    unknown: tuple[str, ...]
    warnings: tuple[str, ...]


def combine(licenses: Mapping[str, Iterable[str]]) -> Combined:
    """Combine licences.

    Args:
        licenses: source -> its licence texts, in any order; a source may have several.
    """
    terms = {source: terms_of("; ".join(sorted(texts))) for source, texts in sorted(licenses.items())}
    identifiers = {one.identifier for one in terms.values()}
    forbidden = tuple(source for source, one in terms.items() if one.redistribution is False)
    unknown = tuple(source for source, one in terms.items() if one.redistribution is None)
    single = identifiers.pop() if len(identifiers) == 1 else ""
    return Combined(single or "other", terms, forbidden, unknown, tuple(_warnings(terms, forbidden, unknown)))


def _warnings(terms: Mapping[str, Terms], forbidden: tuple[str, ...], unknown: tuple[str, ...]) -> Iterable[str]:
    if forbidden:
        yield (
            f"The terms of {_listed(forbidden)} do not allow copies to be handed on to anyone who has not agreed to "
            "them; sharing this dataset needs the permission of whoever holds the rights."
        )
    if unknown:
        yield (
            f"Nothing general can be said of {_listed(unknown)}: the licence is not stated, or differs from photograph "
            "to photograph."
        )
    closed = tuple(source for source, one in terms.items() if one.commercial is False)
    if closed and len(closed) < len(terms):
        yield f"{_listed(closed)} may not be used commercially, so the dataset as a whole may not either."
    alike = {source: one.share_alike for source, one in terms.items() if one.share_alike}
    if len(set(alike.values())) > 1:
        named = _listed(tuple(f"{source} {text}" for source, text in alike.items()))
        yield (
            f"Licences conflict: copies must carry the licence of their source ({named}), and no one licence can be "
            "all of these; keep such rows apart by their `license` column."
        )


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
