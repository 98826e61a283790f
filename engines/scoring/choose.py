"""From what was asked for to scorers and embedders that are ready to run; every mistake shows here, before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from ...filters.duplicates import Duplicates, EmbeddingDuplicates
from ...filters.embedders.clip import Precision
from ...filters.registry import DEFAULT_EMBEDDER, PIXELS, expand, make_embedder, make_scorer
from ...filters.scorer import Embedder, EmbeddingScorer, PairMeasure
from ...filters.sidecar import ScorerRecord
from ...manifests.errors import UsageError
from ...manifests.extras import load_extra

HASHES: Final = "perceptual_hash"
"""The measure whose columns the search for duplicates takes."""


@dataclass(frozen=True)
class ScoreOptions:
    """How to score.

    Attributes:
        scores: names of scorers; "pixels" for all measures of pixels, NAME:LABEL for one of several of a name; empty
            for what can be made with what is given and with weights that are on this machine.
        settings: scorer -> option -> value, as people wrote it.
        embedder: "nss", or MODEL/PRETRAINED of open_clip; empty for OpenAI's ViT-L/14, or for the reference's own.
        checkpoint: a file of the embedder's weights.
        devices: "auto", "cpu", "cuda:0" …
        precision: of the backbone; "auto" is bfloat16 on CUDA.
        batch_size: pictures; 0 for what fits.
        workers: processes; 0 for one a processor.
        keep_embeddings: write the embeddings beside the scores, as this type.
    """

    scores: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    embedder: str = ""
    checkpoint: Path | None = None
    devices: tuple[str, ...] = ("auto",)
    precision: Literal["auto"] | Precision = "auto"
    batch_size: int = 0
    workers: int = 0
    keep_embeddings: Literal["float16", "float32"] | None = None


@dataclass
class Chosen:
    """What will run.

    Attributes:
        devices: at least one.
        measures: of pixels, by key.
        embedders: by name.
        pairs: scorers of embeddings, by key.
        whole: scorers of the whole dataset, by key.
        notes: sentences for people about what was left out.
    """

    devices: tuple[str, ...]
    measures: dict[str, PairMeasure] = field(default_factory=dict)
    embedders: dict[str, Embedder] = field(default_factory=dict)
    pairs: dict[str, EmbeddingScorer] = field(default_factory=dict)
    whole: dict[str, Duplicates | EmbeddingDuplicates] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def records(self, dataset: str) -> dict[str, ScorerRecord]:
        """What the sidecar says of each scorer, in order.

        Args:
            dataset: digest of all shards; scores of the whole dataset hang on it.
        """
        found = {
            key: ScorerRecord(measure.identity, measure.caution, tuple(measure.columns))
            for key, measure in self.measures.items()
        }
        for key, scorer in self.pairs.items():
            embedder = self.embedders[scorer.embedder]
            identity = {**scorer.identity, "embedder": dict(embedder.identity)}
            found[key] = ScorerRecord(identity, scorer.caution_about(embedder), tuple(scorer.columns))
        for key, whole in self.whole.items():
            made_of, caution = self._made_of(whole)
            identity = {**whole.identity, **made_of, "dataset": dataset}
            found[key] = ScorerRecord(identity, caution, tuple(whole.columns))
        return found

    def _made_of(self, whole: Duplicates | EmbeddingDuplicates) -> tuple[dict[str, Any], str]:
        if isinstance(whole, EmbeddingDuplicates):
            embedder = self.embedders[whole.embedder]
            return {"embedder": dict(embedder.identity)}, embedder.caution
        return {"hashes": dict(self.measures[HASHES].identity)}, ""


def check_names(options: ScoreOptions) -> None:
    """Refuse names that there are not; `choose` looks at weights and files too, which may lie on other machines.

    Raises:
        UsageError: an unknown scorer, or options for one that was not asked for.
    """
    if options.scores:
        _check_settings(options.settings, expand(options.scores))


def choose(options: ScoreOptions, devices: tuple[str, ...] | None = None) -> Chosen:
    """Make scorers and embedders.

    Args:
        options: what people asked for.
        devices: of other machines, which are not looked for here; None: those of the options.

    Raises:
        UsageError: an unknown name, a missing option, weights that are not there, or parts that do not fit together.
    """
    chosen = Chosen(devices or find_devices(options.devices))
    own = _OwnEmbedder(options, chosen.devices)
    names = expand(options.scores) if options.scores else _by_default(options, own, chosen)
    _check_settings(options.settings, names)
    for name in names:
        _add(chosen, name, dict(options.settings.get(name, {})), own)
    if any(isinstance(whole, Duplicates) for whole in chosen.whole.values()) and HASHES not in chosen.measures:
        _add(chosen, HASHES, {}, own)
    if options.embedder and options.embedder not in chosen.embedders and options.keep_embeddings is None:
        chosen.notes.append(f"no score was asked for that takes the vectors of {options.embedder}; it is not used")
    if options.embedder and options.keep_embeddings:
        chosen.embedders.setdefault(own.name, own.get())
    return chosen


class _OwnEmbedder:
    """The run's embedder, made when it is first needed."""

    def __init__(self, options: ScoreOptions, devices: Sequence[str]) -> None:
        self._options = options
        self._precision: Precision = (
            options.precision
            if options.precision != "auto"
            else "bfloat16"
            if any(device.startswith("cuda") for device in devices)
            else "float32"
        )
        self.name = options.embedder or DEFAULT_EMBEDDER
        self._made: dict[str, Embedder] = {}

    def get(self, name: str = "", *, download: bool = True) -> Embedder:
        """The embedder of a name, "" for the run's own.

        Raises:
            UsageError: there is none, or its weights are missing.
        """
        name = name or self.name
        if name not in self._made:
            checkpoint = self._options.checkpoint if name == self.name else None
            self._made[name] = make_embedder(name, checkpoint, self._precision, download=download)
        return self._made[name]


def _by_default(options: ScoreOptions, own: _OwnEmbedder, chosen: Chosen) -> list[str]:
    """All that needs no weights; and what was given options for, or can be made with weights that are here."""
    names = [*expand([PIXELS]), "duplicates", "nss_distance"]
    names += [name for name in options.settings if name not in names]
    if options.embedder not in ("", "nss") or options.checkpoint is not None:
        own.get()
    else:
        try:
            own.get(download=False)
        except UsageError as fault:
            chosen.notes.append(
                f"scores that need CLIP were left out: {fault}; --embedder {own.name} fetches them, and --scores "
                "names what to make"
            )
            return names
    return [*names, *(name for name in ("clip_similarity",) if name not in names)]


def _check_settings(settings: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> None:
    for name in settings:
        if name not in names:
            raise UsageError(f"options were given for {name}, which is not among the scores ({', '.join(names)})")


def _add(chosen: Chosen, name: str, given: dict[str, Any], own: _OwnEmbedder) -> None:
    kind, _, label = name.partition(":")
    if label:
        given["label"] = label
    if kind == EmbeddingDuplicates.name:
        given.setdefault("embedder", own.name)
    scorer = make_scorer(kind, given)
    if isinstance(scorer, PairMeasure):
        chosen.measures[scorer.key] = scorer
    elif isinstance(scorer, EmbeddingScorer):
        _add_embedding_scorer(chosen, scorer, own)
    elif isinstance(scorer, EmbeddingDuplicates):
        chosen.embedders.setdefault(scorer.embedder, own.get(scorer.embedder))
        chosen.whole[scorer.key] = scorer
    elif isinstance(scorer, Duplicates):
        chosen.whole[scorer.key] = scorer
    else:
        raise UsageError(f"scorer {name} is neither a measure of pairs nor a scorer of embeddings")


def _add_embedding_scorer(chosen: Chosen, scorer: EmbeddingScorer, own: _OwnEmbedder) -> None:
    embedder = own.get(scorer.embedder)
    scorer.check_embedder(embedder)
    scorer.embedder = embedder.name
    chosen.embedders.setdefault(embedder.name, embedder)
    chosen.pairs[scorer.key] = scorer


def find_devices(wanted: Sequence[str]) -> tuple[str, ...]:
    """Devices by name; "auto" is every CUDA device, or else the CPU.

    Raises:
        UsageError: no such device.
    """
    if list(wanted) == ["cpu"]:
        return ("cpu",)
    try:
        torch = load_extra("torch", "score")
    except UsageError:
        if list(wanted) == ["auto"]:
            return ("cpu",)
        raise
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    there = ("cpu", *(f"cuda:{number}" for number in range(count)))
    if list(wanted) == ["auto"]:
        return there[1:] or ("cpu",)
    named = ["cuda:0" if device == "cuda" and count == 1 else device for device in wanted]
    if "cuda" in named and len(named) == 1 and count:
        return there[1:]
    for device in named:
        if device not in there:
            raise UsageError(f"there is no device {device!r}; there are: auto, {', '.join(there)}")
    return tuple(named)
