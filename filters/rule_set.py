"""Rules gathered for one cut: from a YAML file, from presets that come with taskpaint, from the command line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from ..manifests.errors import UsageError
from ..manifests.recipe import Block
from ..manifests.recipe_file import explain
from .rules import BOTH, PICTURES, Rule, parse_rule

_PRESETS = Path(__file__).parent / "presets"
_MOST_BYTES = 1 << 20

Missing = Literal["keep", "drop", "error"]
"""What becomes of a row whose score does not exist."""


class RuleEntry(Block):
    """A rule in a file, when it is more than its text."""

    keep: str
    optional: bool = Field(False, description="left out where the dataset has no such score")


class RuleFile(Block):
    """A file of rules, or a preset."""

    description: str = ""
    published: str = Field("", description="where the constants come from")
    rules: tuple[str | RuleEntry, ...] = Field(min_length=1)
    missing: Missing | None = Field(None, description="of rows whose score does not exist: keep, drop or error")
    picture_tasks: tuple[str, ...] = Field((), description="tasks from outside whose source and target are pictures")


@dataclass(frozen=True)
class RuleSet:
    """The rules of a cut, in order; the first that a row breaks is the one that drops it.

    Attributes:
        missing: what becomes of a row whose score does not exist; None where nobody said.
        pictures: task -> which side of its pair is a picture.
    """

    rules: tuple[Rule, ...] = ()
    missing: Missing | None = None
    pictures: Mapping[str, frozenset[str]] = field(default_factory=lambda: PICTURES)

    def __add__(self, other: RuleSet) -> RuleSet:
        """Both sets of rules; what the other says of missing scores goes first. A rule given twice counts once."""
        seen = {str(rule) for rule in self.rules}
        added = tuple(rule for rule in other.rules if str(rule) not in seen)
        return RuleSet(self.rules + added, other.missing or self.missing, {**self.pictures, **other.pictures})


def preset_names() -> list[str]:
    """Presets that come with taskpaint."""
    return sorted(file.stem for file in _PRESETS.glob("*.yaml"))


def load_preset(name: str) -> RuleSet:
    """A preset's rules.

    Raises:
        UsageError: there is none of that name.
    """
    return _rule_set(preset_file(name), f"preset {name}")


def preset_file(name: str) -> RuleFile:
    """A preset as its file has it.

    Raises:
        UsageError: there is none of that name.
    """
    known = preset_names()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known)}"
        raise UsageError(f"no preset is called {name!r}; {hint}")
    return _checked((_PRESETS / f"{name}.yaml").read_text(encoding="utf-8"), f"preset {name}")


def load_rules(file: Path) -> RuleSet:
    """Read rules from a YAML file.

    Raises:
        UsageError: it cannot be read, or does not hold; names the place.
    """
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(_MOST_BYTES)
    except (OSError, UnicodeDecodeError) as fault:
        raise UsageError(f"rules {file} cannot be read: {fault}") from fault
    return _rule_set(_checked(text, file.name), file.name)


def given_rules(texts: Sequence[str], origin: str) -> RuleSet:
    """Rules given one by one.

    Raises:
        UsageError: one cannot be read.
    """
    return RuleSet(tuple(parse_rule(text, origin) for text in texts))


def _checked(text: str, origin: str) -> RuleFile:
    try:
        value: Any = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as fault:
        mark = getattr(fault, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise UsageError(f"{origin}{line}: not valid YAML: {getattr(fault, 'problem', fault)}") from fault
    if not isinstance(value, dict):
        raise UsageError(f"{origin}: a file of rules is a YAML mapping that begins with `rules:`")
    _no_unquoted_colons(value, origin)
    try:
        return RuleFile.model_validate(value)
    except ValidationError as fault:
        raise UsageError("\n".join(explain(fault, RuleFile, origin, {}))) from fault


def _no_unquoted_colons(value: Mapping[Any, Any], origin: str) -> None:
    """`- edit: target_aesthetics >= 5` without quotes is a mapping to YAML; say so rather than "unknown key"."""
    rules = value.get("rules")
    for position, rule in enumerate(rules if isinstance(rules, list) else [], 1):
        if isinstance(rule, dict) and len(rule) == 1 and not rule.keys() & RuleEntry.model_fields.keys():
            (task, rest), *_ = rule.items()
            raise UsageError(f'{origin}, rule {position}: put quotes around it, YAML reads its colon: "{task}: {rest}"')


def _rule_set(file: RuleFile, origin: str) -> RuleSet:
    rules = []
    for position, entry in enumerate(file.rules, 1):
        text, optional = (entry, False) if isinstance(entry, str) else (entry.keep, entry.optional)
        rules.append(parse_rule(text, f"{origin}, rule {position}", optional=optional))
    pictures = {**PICTURES, **dict.fromkeys(file.picture_tasks, BOTH)}
    return RuleSet(tuple(rules), file.missing, pictures)
