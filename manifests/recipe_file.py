"""Recipe files: YAML in, a Recipe out, and every complaint with its line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from .errors import RecipeError
from .recipe import Recipe, SourceEntry, TaskEntry

Location = tuple[str | int, ...]

SHIPPED = Path(__file__).parent / "recipes"

_NEEDED = {
    "tuple_type": "a list",
    "too_short": "a longer list",
    "dict_type": "a block of keys with values",
    "model_type": "a block of keys with values",
}
"""Pydantic's words for these are Python's."""

_MAX_VALUES = 50_000
"""Aliases can make a small file stand for billions of values; no recipe needs so many."""


@dataclass(frozen=True)
class RecipeFile:
    """A recipe and where each of its values stands.

    Attributes:
        recipe: the checked recipe.
        origin: file name for messages.
        lines: line number from 1 of every value, by its path of keys and positions.
    """

    recipe: Recipe
    origin: str
    lines: dict[Location, int] = field(default_factory=dict)

    def error(self, location: Location, message: str) -> RecipeError:
        """An error that names the line of `location`, or of its nearest parent."""
        return RecipeError(f"{_place(self.origin, self.lines, location)}: {message}")


def shipped_recipes() -> dict[str, Path]:
    """The recipes that come with taskpaint, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def load_recipe(name_or_path: str) -> RecipeFile:
    """Read a recipe file, or a shipped recipe by its name.

    Raises:
        RecipeError: no such recipe, not YAML, or it does not hold; names the line and the remedy.
    """
    shipped = shipped_recipes()
    path = shipped.get(name_or_path, Path(name_or_path))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        known = ", ".join(shipped)
        raise RecipeError(
            f"recipe {name_or_path!r} is neither a readable file nor a shipped recipe; shipped are: {known}"
        ) from fault
    return _with_banks_beside(parse_recipe(text, path.name), path.parent)


def _with_banks_beside(file: RecipeFile, folder: Path) -> RecipeFile:
    """The recipe with its banks' paths as seen from here."""
    instructions = file.recipe.instructions
    banks = tuple(str(folder / bank) for bank in instructions.banks)
    instructions = instructions.model_copy(update={"banks": banks})
    return replace(file, recipe=file.recipe.model_copy(update={"instructions": instructions}))


def parse_recipe(text: str, origin: str = "recipe") -> RecipeFile:
    """Check a recipe given as YAML text; `origin` names it in messages.

    Raises:
        RecipeError: not YAML, or it does not hold; names the line and the remedy.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Location, int] = {}
        if node is not None:
            _note_lines(node, (), lines, origin)
        value = yaml.safe_load(text)
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise RecipeError(f"{origin}{line}: not valid YAML: {getattr(fault, 'problem', fault)}") from fault
    except RecursionError as fault:
        raise RecipeError(f"{origin}: nested too deeply to be a recipe") from fault
    if not isinstance(value, dict):
        raise RecipeError(f"{origin}: a recipe is a YAML mapping that begins with keys such as `sources:`")
    try:
        return RecipeFile(Recipe.model_validate(value), origin, lines)
    except ValidationError as fault:
        raise RecipeError("\n".join(explain(fault, Recipe, origin, lines))) from fault


def change_recipe(file: RecipeFile, changes: Mapping[str, str]) -> RecipeFile:
    """A recipe with some values changed.

    Args:
        file: the recipe.
        changes: dotted key -> YAML value: "image.size" -> "512", "sources.0.limit" -> "100".

    Raises:
        RecipeError: the changed recipe does not hold.
    """
    value = file.recipe.model_dump(mode="json")
    for key, text in changes.items():
        *parents, last = key.split(".")
        place: Any = value
        try:
            for part in parents:
                place = place[int(part)] if isinstance(place, list) else place[part]
            place[int(last) if isinstance(place, list) else last] = yaml.safe_load(text)
        except (KeyError, IndexError, TypeError, ValueError, RecursionError, yaml.YAMLError) as fault:
            raise RecipeError(f"--set {key}={text}: the recipe has no such place, or that is no YAML value") from fault
    try:
        return RecipeFile(Recipe.model_validate(value), file.origin, file.lines)
    except ValidationError as fault:
        raise RecipeError("\n".join(explain(fault, Recipe, "--set", {}))) from fault


def combine(files: Sequence[RecipeFile], sources: Sequence[tuple[SourceEntry, list[TaskEntry]]]) -> Recipe:
    """Several recipes as one: the first one's name and settings, everybody's sources.

    Args:
        files: the recipes.
        sources: every source entry and the tasks that it feeds.

    Raises:
        RecipeError: settings differ, or two sources have one name.
    """
    first = files[0].recipe
    for file in files[1:]:
        for key in ("seed", "image", "splits", "instructions", "output"):
            here, there = getattr(first, key), getattr(file.recipe, key)
            if here != there:
                raise RecipeError(
                    f"{files[0].origin} has {key} = {here}, {file.origin} has {there}; make them the same"
                )
    entries = tuple(entry.model_copy(update={"tasks": tuple(tasks)}) for entry, tasks in sources)
    twins = [entry.label for entry in entries if sum(entry.label == other.label for other in entries) > 1]
    if twins:
        raise RecipeError(f"two sources are called {twins[0]!r}; give one of them another `name`")
    return first.model_copy(update={"sources": entries, "tasks": ()})


def explain(
    fault: ValidationError,
    model: type[BaseModel],
    origin: str,
    lines: dict[Location, int],
    prefix: Location = (),
) -> list[str]:
    """Pydantic's complaints as sentences, each with its line and key.

    Args:
        fault: what validation raised.
        model: the model that was validated, for suggestions of misspelt keys.
        origin, lines: file name and line numbers.
        prefix: where in the file the validated value stands.
    """
    messages = []
    errors = fault.errors()
    for error in errors:
        if any(other["loc"][: len(error["loc"])] == error["loc"] != other["loc"] for other in errors):
            continue  # a parent that fails only because something in it failed
        location = prefix + tuple(part for part in error["loc"] if not _is_internal(part))
        place = _place(origin, lines, location)
        key = ".".join(str(part) for part in location)
        text = error["msg"].removeprefix("Value error, ")
        if error["type"] == "extra_forbidden":
            text = f"unknown key{_suggestion(str(error['loc'][-1]), _keys_at(model, error['loc'][:-1]))}"
        elif error["type"] == "missing":
            text = "is missing"
        elif error["type"] in _NEEDED:
            text = f"{_NEEDED[error['type']]} is needed, not {error['input']!r}"
        elif "input" in error and error["type"] != "value_error":
            text = f"{text[0].lower()}{text[1:]}, not {error['input']!r}"
        messages.append(f"{place}: {key + ': ' if key else ''}{text}")
    return messages


def _is_internal(part: str | int) -> bool:
    return isinstance(part, str) and ("[" in part or part.startswith("function-"))


def _suggestion(key: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known keys are {', '.join(known)}"


def _keys_at(model: type[BaseModel], location: Location) -> list[str]:
    """Keys that a recipe may have at `location`, found by walking the models' fields."""
    for part in location:
        if isinstance(part, int) or part not in model.model_fields:
            continue
        inner = _model_in(model.model_fields[part].annotation)
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        found = _model_in(argument)
        if found is not None:
            return found
    return None


def _place(origin: str, lines: dict[Location, int], location: Location) -> str:
    for length in range(len(location), 0, -1):
        if location[:length] in lines:
            return f"{origin}, line {lines[location[:length]]}"
    return origin


def _note_lines(node: yaml.Node, location: Location, lines: dict[Location, int], origin: str) -> None:
    lines.setdefault(location, node.start_mark.line + 1)
    if len(lines) > _MAX_VALUES:
        raise RecipeError(
            f"{origin}, line {node.start_mark.line + 1}: more than {_MAX_VALUES} values once its aliases are "
            "written out; that is no recipe"
        )
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*location, str(key.value))
            if place in lines:
                raise RecipeError(
                    f"{origin}, line {key.start_mark.line + 1}: key {key.value!r} stands twice; remove one"
                )
            lines[place] = key.start_mark.line + 1
            _note_lines(value, place, lines, origin)
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            _note_lines(item, (*location, position), lines, origin)
