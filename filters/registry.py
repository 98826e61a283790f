"""Finding scorers and embedders by name, and making them from options that people wrote."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ..manifests.errors import UsageError
from ..manifests.plugins import Plugins
from . import measures, scorers
from .duplicates import Duplicates, EmbeddingDuplicates
from .scorer import Embedder, PairMeasure, Scorer

if TYPE_CHECKING:
    from .embedders.clip import Precision

_WHOLE: Final[Mapping[str, type[Scorer]]] = {kind.name: kind for kind in (Duplicates, EmbeddingDuplicates)}
"""Those that compare all rows of a dataset."""

SCORERS: Final = Plugins[Scorer](Scorer, "filters", "scorer", (scorers, measures), _WHOLE)  # type: ignore[type-abstract]

PIXELS: Final = "pixels"
"""Stands for every shipped measure of pixels."""

DEFAULT_EMBEDDER: Final = "ViT-L-14-quickgelu/openai"


def find_scorer(name: str) -> type[Scorer]:
    """The scorer of that name.

    Raises:
        PluginError: there is none; lists what there is.
    """
    return SCORERS.find(name)


def pixel_measures() -> list[str]:
    """Names of the shipped measures of pixels, sorted."""
    return sorted(name for name in SCORERS.shipped() if issubclass(SCORERS.find(name), PairMeasure))


def expand(names: Sequence[str]) -> list[str]:
    """Scorers in the order given, "pixels" replaced by what it stands for, none twice.

    Raises:
        PluginError: a name that there is no scorer for.
    """
    found = [name for given in names for name in (pixel_measures() if given == PIXELS else [given])]
    for name in found:
        find_scorer(name.partition(":")[0])
    return list(dict.fromkeys(found))


def make_scorer(name: str, options: Mapping[str, Any]) -> Scorer:
    """Make a scorer.

    Args:
        name: as registered.
        options: arguments of its constructor, values as people wrote them ("50", "heads/a.pth") or of the right type.

    Raises:
        PluginError: no scorer has that name.
        UsageError: an option that it does not have, lacks, or cannot take.
    """
    kind = find_scorer(name)
    return kind(**_arguments(name, kind, options))


def _arguments(name: str, kind: type[Scorer], options: Mapping[str, Any]) -> dict[str, Any]:
    known = _parameters(kind)
    for option in options:
        if option not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise UsageError(f"scorer {name} has no option {option!r}; {takes}")
    missing = [option for option, given in known.items() if given.default is given.empty and option not in options]
    if missing:
        raise UsageError(f"scorer {name} needs {missing[0]}; give --set {name}.{missing[0]}=VALUE")
    types = typing.get_type_hints(kind.__init__)
    return {option: _converted(f"{name}.{option}", value, types[option]) for option, value in options.items()}


def _parameters(kind: type[Scorer]) -> dict[str, inspect.Parameter]:
    if kind.__init__ is object.__init__:
        return {}
    given = list(inspect.signature(kind.__init__).parameters.values())[1:]
    return {one.name: one for one in given if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}


def _converted(option: str, value: Any, wanted: Any) -> Any:
    try:
        return TypeAdapter(wanted, config=ConfigDict(arbitrary_types_allowed=True)).validate_python(value)
    except ValidationError as fault:
        raise UsageError(f"{option} is {value!r}: {fault.errors()[0]['msg']}") from fault


def make_embedder(
    name: str, checkpoint: Path | None = None, precision: Precision = "float32", *, download: bool = True
) -> Embedder:
    """Make an embedder; its weights are located and hashed, and loaded only by its `open`.

    Args:
        name: "nss", or "MODEL/PRETRAINED" of open_clip; PRETRAINED may be "random:SEED".
        checkpoint: file of the weights, in place of PRETRAINED's own.
        precision: of the backbone; "nss" has none.
        download: whether weights that are not on this machine may be fetched.

    Raises:
        UsageError: no such model, or weights that are not there.
    """
    if name == "nss":
        from .embedders.nss import NaturalSceneStatistics

        return NaturalSceneStatistics()
    from .embedders.clip import ClipEmbedder

    return ClipEmbedder(name, checkpoint, precision, download=download)
