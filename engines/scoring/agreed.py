"""What ranks that score one dataset have agreed on, and what `taskpaint finish` needs to know without them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...filters.duplicates import Duplicates, EmbeddingDuplicates
from ...filters.registry import make_scorer
from ...filters.scorer import Column, Embedder
from ...filters.sidecar import ScorerRecord
from ...manifests.errors import DatasetFolderError
from ...manifests.folder import DatasetFolder, require_same, write_json
from .choose import Chosen, ScoreOptions
from .parts import EMBEDDED, Parts
from .store import EmbeddingStore, store_folder


@dataclass(frozen=True)
class WholeScorer:
    """A scorer of the whole dataset.

    Attributes:
        identity: but for the dataset.
        options: it is made of them.
        caution: of what it is made from.
        store: folder of the vectors that it takes, under the dataset's bookkeeping; empty for none.
        dim: length of a vector.
    """

    identity: dict[str, Any]
    options: dict[str, Any]
    caution: str = ""
    store: str = ""
    dim: int = 0

    def made(self, key: str) -> Duplicates | EmbeddingDuplicates:
        """The scorer itself."""
        scorer = make_scorer(key, self.options)
        assert isinstance(scorer, Duplicates | EmbeddingDuplicates)
        return scorer

    def vectors(self, folder: DatasetFolder) -> EmbeddingStore | None:
        """The vectors that it takes; of a folder that is held."""
        return EmbeddingStore(folder.state / self.store, self.dim) if self.store else None


@dataclass(frozen=True)
class Agreed:
    """What is scored.

    Attributes:
        dataset: digest of the shards as the manifest lists them.
        shards: one by one: what each scorer makes of a shard, and as columns of none the embeddings that are needed
            of all its pictures.
        whole: what `taskpaint finish` makes, by key.
    """

    dataset: str
    shards: dict[str, ScorerRecord]
    whole: dict[str, WholeScorer]

    @classmethod
    def of(cls, chosen: Chosen, options: ScoreOptions, folder: DatasetFolder, dataset: str) -> Agreed:
        """What a run would score."""
        records = chosen.records("")
        shards = {key: records[key] for key in (*chosen.measures, *chosen.pairs)}
        whole: dict[str, WholeScorer] = {}
        needed = dict.fromkeys(chosen.embedders) if options.keep_embeddings else {}
        for key, scorer in chosen.whole.items():
            given = {name: str(value) for name, value in options.settings.get(key, {}).items()}
            identity = {name: value for name, value in records[key].identity.items() if name != "dataset"}
            if isinstance(scorer, EmbeddingDuplicates):
                embedder = chosen.embedders[scorer.embedder]
                store = store_folder(folder.state, embedder).relative_to(folder.state)
                given["embedder"] = scorer.embedder
                whole[key] = WholeScorer(identity, given, records[key].caution, str(store), embedder.dim)
                needed[scorer.embedder] = None
            else:
                whole[key] = WholeScorer(identity, given)
        for name in needed:
            embedder = chosen.embedders[name]
            about = {"embedder": dict(embedder.identity), "kept": options.keep_embeddings}
            shards[embedded_key(embedder)] = ScorerRecord(about)
        return cls(dataset, shards, whole)

    @property
    def embedded(self) -> dict[str, ScorerRecord]:
        """Of `shards` those that are embeddings."""
        return {key: record for key, record in self.shards.items() if key.partition(":")[0] == EMBEDDED}

    def records(self, dataset: str) -> dict[str, ScorerRecord]:
        """What the sidecar says of each scorer, as `Chosen.records`."""
        found = {key: record for key, record in self.shards.items() if key not in self.embedded}
        for key, whole in self.whole.items():
            columns = tuple(whole.made(key).columns)
            found[key] = ScorerRecord({**whole.identity, "dataset": dataset}, whole.caution, columns)
        return found

    def agree(self, folder: DatasetFolder) -> None:
        """Write it down, or see that it is what was written.

        Raises:
            ResumeError: ranks have begun something else.
        """
        file = _file(folder)
        now = json.loads(json.dumps(asdict(self)))
        if file.exists():
            remedy = f"score as the other ranks do; to begin anew, wait for them and remove {file.parent}"
            require_same(_read(file), now, folder.root, remedy=remedy)
        else:
            write_json(file, now)

    @staticmethod
    def is_begun(folder: DatasetFolder) -> bool:
        """Whether ranks have begun to score a dataset, and nobody has joined what they did."""
        return _file(folder).exists()

    @classmethod
    def read(cls, folder: DatasetFolder) -> Agreed:
        """What ranks have agreed on.

        Raises:
            DatasetFolderError: they have not, or it is broken.
        """
        file = _file(folder)
        value = _read(file)
        try:
            shards = {
                key: ScorerRecord(one["identity"], one["caution"], tuple(Column(**column) for column in one["columns"]))
                for key, one in value["shards"].items()
            }
            return cls(value["dataset"], shards, {key: WholeScorer(**one) for key, one in value["whole"].items()})
        except (KeyError, TypeError, AttributeError) as fault:
            raise DatasetFolderError(_broken(file, fault)) from fault


def embedded_key(embedder: Embedder) -> str:
    """Key of the part that says that a shard's pictures are embedded."""
    return f"{EMBEDDED}:{store_folder(Path(), embedder).parent.name}"


def _file(folder: DatasetFolder) -> Path:
    return Parts(folder.state).agreement / "run.json"


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise DatasetFolderError(_broken(file, fault)) from fault


def _broken(file: Path, fault: Exception) -> str:
    return f"{file} cannot be read ({fault!r}); remove it and run the ranks again, they keep what is done"
