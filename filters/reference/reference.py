"""A finished reference, opened to be compared with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import UsageError
from ...manifests.folder import write_json
from ..scorer import Embedder
from .candidates import Candidates
from .factory import FLAT
from .forms import Form, scores
from .layout import Keys, Part, ReferenceFolder, write_whole
from .measure import Setting, Space, rank
from .nearest import Asked, nearest
from .training import read_index
from .vectors import Vectors


@dataclass(frozen=True)
class Reference:
    """A reference folder.

    Attributes:
        folder: where it lies.
        about: its reference.json.
    """

    folder: ReferenceFolder
    about: dict[str, Any]

    @classmethod
    def open(cls, root: Path) -> Reference:
        """Read what a reference is; its vectors and index are opened by `searcher`.

        Raises:
            UsageError: there is none, or it is unfinished or of another version.
        """
        folder = ReferenceFolder(root)
        return cls(folder, folder.read_description())

    @property
    def embedder(self) -> str:
        """Name of the embedder that its vectors come from."""
        return str(self.about["embedder"]["name"])

    @property
    def digest(self) -> str:
        """SHA-256 of all that decides distances from it."""
        return str(self.about["digest"])

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.about["vectors"]["dim"])

    def __len__(self) -> int:
        return int(self.about["vectors"]["count"])

    def settings(self) -> list[Setting]:
        """What was measured.

        Raises:
            UsageError: the quantiles are missing or broken.
        """
        try:
            levels = json.loads(self.folder.quantiles.read_text("utf-8"))
            return [Setting(**one, quantiles=levels[f"{one['form']}-{one['k']}"]) for one in self.about["measured"]]
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise UsageError(
                f"{self.folder.quantiles} cannot be used ({fault}); run taskpaint index measure {self.folder.root}"
            ) from fault

    def setting(self, form: Form, k: int | None) -> Setting:
        """How a form is searched at K; without K, the greatest measured for "paper" and "l2", the least for "repo".

        Raises:
            UsageError: K is more than there are references, or was not measured.
        """
        measured = [setting for setting in self.settings() if setting.form == form]
        if k is not None and k >= len(self):
            raise UsageError(f"K = {k} is too many for {self.folder.root}, a reference of {len(self)} pictures")
        if not measured or (k is not None and k not in [setting.k for setting in measured]):
            at = f" at K = {k}" if k is not None else ""
            there = ", ".join(f"{setting.form} at K = {setting.k}" for setting in self.settings())
            raise UsageError(
                f"{self.folder.root} was not measured for form {form}{at} (it was for {there}); run taskpaint index "
                f"measure {self.folder.root} --form {form} --k {k or 1}"
            )
        if k is None:
            k = (min if form == "repo" else max)(setting.k for setting in measured)
        return next(setting for setting in measured if setting.k == k)

    def check_embedder(self, embedder: Embedder) -> None:
        """Refuse vectors that cannot be compared with these. The backbone's precision may differ.

        Raises:
            UsageError: the embedder has another name, other weights or another length of vector.
        """
        made = self.about["embedder"]
        if embedder.name != made["name"]:
            raise UsageError(f"{self.folder.root} was made with embedder {made['name']}, not {embedder.name}")
        self.check_dim(embedder.dim)
        if made["identity"] is None:  # ready embeddings, of which the name is all that is known
            return
        theirs, ours = ({**one, "precision": ""} for one in (made["identity"], as_json(embedder.identity)))
        if theirs != ours:
            other = ", ".join(sorted(key for key in {*theirs, *ours} if theirs.get(key) != ours.get(key)))
            raise UsageError(
                f"{self.folder.root} was made with another {made['name']} than this ({other} differ); make it again "
                "with this one"
            )

    def check_dim(self, dim: int) -> None:
        """Refuse vectors of another length.

        Raises:
            UsageError: they are.
        """
        if dim != self.dim:
            raise UsageError(f"{self.folder.root} holds vectors of length {self.dim}, these are of length {dim}")

    def searcher(self, setting: Setting) -> Searcher:
        """Open vectors and index.

        Raises:
            UsageError: a file is missing or was changed.
        """
        space = space_of(self.folder, self.about)
        flat = self.about["index"]["factory"] == FLAT
        index = None if flat else read_index(self.folder.index / "whole.faiss", memory_mapped=True)
        if index is not None and index.ntotal != len(self):
            raise UsageError(f"the index of {self.folder.root} holds {index.ntotal} vectors, not {len(self)}")
        return Searcher(space, space.candidates(index, setting.form), setting)


@dataclass(frozen=True)
class Searcher:
    """Scores vectors against a reference, in one form at one K."""

    space: Space
    candidates: Candidates
    setting: Setting

    def score(self, queries: NDArray[np.float32], keys: Keys) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Score vectors.

        Args:
            queries: (n, dim), as the embedder gave them; a row of NaN, infinity or zeros gives NaN.
            keys: (n, 2), of their pictures, zeros where unknown.

        Returns:
            The scores (n,), greater is better; and their rank among the reference's own, (n,) in [0, 1].
        """
        ready = self.space.vectors.ready(queries)
        there = np.flatnonzero(np.isfinite(ready).all(axis=1) & ready.any(axis=1))
        asked = Asked(ready[there], keys[there], np.full(len(there), -1))
        setting, found = self.setting, np.full(len(queries), np.nan)
        if len(there):
            how = self.space.measuring(setting.form)
            near = nearest(how, self.candidates, asked, setting.k, setting.fetch, setting.nprobe)
            found[there] = scores(setting.form, near, self.space.floor)
        return found, rank(setting.quantiles, found)


def space_of(folder: ReferenceFolder, about: dict[str, Any]) -> Space:
    """Map a reference's vectors as its description says.

    Raises:
        UsageError: a file is missing or was changed.
    """
    parts = [Part(**part) for part in about["parts"]]
    vectors = Vectors(folder, parts, about["vectors"]["dim"], about["normalize"])
    try:
        centre = np.load(folder.index / "centre.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError) as fault:
        raise UsageError(f"{folder.index / 'centre.npy'} cannot be read ({fault}); make the reference again") from fault
    length = 1.0 if about["normalize"] == "l2" else about["vectors"]["norms"]["most"]
    most_length = length + float(np.linalg.norm(centre.astype(np.float64)))
    return Space(vectors, centre, about["floor"], about["identical"] == "drop", most_length)


def as_json(value: Any) -> Any:
    """A value as it comes back from JSON: tuples as lists, keys as text."""
    return json.loads(json.dumps(value))


def write_settings(folder: ReferenceFolder, about: dict[str, Any], settings: Sequence[Setting]) -> dict[str, Any]:
    """Write a reference's description, which makes it whole, with what was measured.

    Returns:
        What reference.json says.
    """
    levels = {f"{one.form}-{one.k}": one.quantiles for one in settings}
    write_whole(folder.quantiles, lambda opened: opened.write(json.dumps(levels).encode()))
    measured = [{key: value for key, value in asdict(one).items() if key != "quantiles"} for one in settings]
    about = {**about, "measured": measured}
    write_json(folder.description, about)
    return about
