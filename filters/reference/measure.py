"""How good an index is: recall and score error against exact search, and the settings that make them good enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...manifests.errors import BuildError
from .candidates import Candidates, FlatCandidates, ListCandidates, ScanCandidates
from .forms import Form, scores
from .nearest import Asked, Measuring, nearest
from .training import sample_rows
from .vectors import Vectors

QUANTILES: Final = 1001
_TYPICAL: Final = (1, 10, 50, 90, 99)
_SEED: Final = 7
_SPARE: Final = 16
_MOST_FETCH: Final = 1024
_FIRST_SHARE: Final = 512
"""The first nprobe tried is this part of the lists; no index of embeddings was good enough with less."""
_LEAST_GAIN: Final = 5e-4
_TIE: Final = 1e-9


@dataclass(frozen=True)
class Demand:
    """What is asked of an index.

    Attributes:
        min_recall: least share of the true K nearest that are found, mean over the sample.
        max_error: most relative error of the score, 99th percentile over the sample.
        sample: queries compared with exact search.
        quantile_sample: queries whose scores make the quantiles.
        nprobe: lists looked at; 0: as few as will do.
    """

    min_recall: float = 0.98
    max_error: float = 0.01
    sample: int = 1000
    quantile_sample: int = 5_000
    nprobe: int = 0


@dataclass(frozen=True)
class Setting:
    """A form and K, how they are searched, and what came of it.

    Attributes:
        form, k: of the score.
        nprobe: lists looked at; 1 for Flat.
        fetch: candidates whose distances are taken exactly.
        recall: mean share of the true K nearest found.
        error: of the score, relative: "mean", "median", "p99", "most".
        sample: queries that these were measured on.
        quantiles: 1,001 of the reference's own scores, each vector's without itself; none where it has too few others.
        quantile_sample: vectors that these were taken from.
        typical: some of the quantiles, for people.
    """

    form: Form
    k: int
    nprobe: int
    fetch: int
    recall: float
    error: dict[str, float]
    sample: int
    quantiles: list[float] = field(default_factory=list)
    quantile_sample: int = 0
    typical: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Space:
    """A reference's vectors and what distances between them need.

    Attributes:
        centre: (dim,), taken off before FAISS sees a vector.
        floor: least Euclidean distance counted.
        drop_identical: leave out what is no farther than the floor.
        most_length: of a vector with the centre taken off.
    """

    vectors: Vectors
    centre: NDArray[np.float32]
    floor: float
    drop_identical: bool
    most_length: float

    def measuring(self, form: Form) -> Measuring:
        """How distances are taken for a form."""
        return Measuring(self.vectors, self.centre, form, self.floor if self.drop_identical else -1.0)

    def members(self, positions: NDArray[np.int64]) -> Asked:
        """Some of the reference's own vectors as queries."""
        return Asked(self.vectors.rows(positions), self.vectors.keys(positions), positions)

    def candidates(self, index: Any, form: Form) -> Candidates:
        """What searches the index; None stands for Flat."""
        if index is not None:
            return ListCandidates(index)
        return FlatCandidates(self.vectors, self.centre, form, self.most_length)

    def scan(self, form: Form) -> Candidates:
        """Exact search from disk."""
        return ScanCandidates(self.vectors, self.centre, form, self.most_length)


def settle(space: Space, index: Any, wanted: Sequence[tuple[Form, int]], demand: Demand) -> list[Setting]:
    """Find for each form and K the least work that meets the demand, and measure it.

    Args:
        space: the vectors.
        index: FAISS index of inverted lists; None where the factory is Flat.
        wanted: forms and K.
        demand: how good it has to be.

    Raises:
        BuildError: the demand is not met; says what to raise.
    """
    asked = space.members(sample_rows(len(space.vectors), demand.sample, _SEED))
    truths = _truths(space, asked, wanted)
    for (form, k), truth in truths.items():
        if np.isnan(truth).all():
            raise BuildError(
                f"no vector of the reference has {k} others to be compared with (form {form}), identical ones left "
                "out; ask for a smaller --k, or keep identical ones"
            )
    if index is None:
        found = [Setting(form, k, 1, _least_fetch(k), 1.0, _no_error(), len(asked)) for form, k in wanted]
    else:
        tuner = _Tuner(space, ListCandidates(index), asked)
        found = [tuner.tune(form, k, truth, demand) for (form, k), truth in truths.items()]
    settings = [_measured(space, index, setting, asked, truths[setting.form, setting.k]) for setting in found]
    for setting in settings:
        _judge(setting, demand)
    return settings


def with_quantiles(space: Space, index: Any, setting: Setting, demand: Demand) -> Setting:
    """A setting with the quantiles of the reference's own scores."""
    asked = space.members(sample_rows(len(space.vectors), demand.quantile_sample, _SEED + 1))
    own = scores(setting.form, _search(space, index, setting, asked), space.floor)
    own = own[~np.isnan(own)]
    levels = np.quantile(own, np.linspace(0, 1, QUANTILES)).tolist() if len(own) else []
    typical = {f"q{percent}": levels[10 * percent] for percent in _TYPICAL if levels}
    return replace(setting, quantiles=levels, quantile_sample=len(own), typical=typical)


def rank(quantiles: Sequence[float], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the reference's own scores that are no greater: (n,) -> (n,) in [0, 1], NaN for NaN."""
    levels = np.asarray(quantiles)
    if not len(levels):
        return np.full(len(values), np.nan)
    above = np.searchsorted(levels, values, side="right")
    low, high = np.clip(above - 1, 0, None), np.clip(above, None, len(levels) - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = np.where(high > low, (values - levels[low]) / (levels[high] - levels[low]), 0.0)
    found = (low + np.clip(np.nan_to_num(between), 0, 1)) / (len(levels) - 1)
    return np.where(np.isnan(values), np.nan, np.where(above == 0, 0.0, found))


def _truths(
    space: Space, asked: Asked, wanted: Sequence[tuple[Form, int]]
) -> dict[tuple[Form, int], NDArray[np.float64]]:
    """Exact distances of the K nearest for each form and K; one scan for the Euclidean ones, one for the other."""
    found = {}
    for repo in (False, True):
        group = [(form, k) for form, k in wanted if (form == "repo") is repo]
        if group:
            form, most = group[0][0], max(k for _, k in group)
            # Fetching K alone would leave rows with fewer than the greatest K to a second scan of everything.
            near = nearest(space.measuring(form), space.scan(form), asked, most, _least_fetch(most))
            for one, k in group:
                found[one, k] = _first(near, space, form, asked, k)
    return found


def _first(near: NDArray[np.float64], space: Space, form: Form, asked: Asked, k: int) -> NDArray[np.float64]:
    """The first K of the nearest; searched for anew where there are fewer than the greatest K but enough for this."""
    first = near[:, :k].copy()
    missing = np.flatnonzero(np.isnan(near[:, 0]))
    if len(missing) and k < near.shape[1]:
        first[missing] = nearest(space.measuring(form), space.scan(form), asked[missing], k, _least_fetch(k))
    return first


class _Tuner:
    """Tries settings on the sample, each search once."""

    def __init__(self, space: Space, candidates: ListCandidates, asked: Asked) -> None:
        self._space, self._candidates, self._asked = space, candidates, asked
        self._queries = space.measuring("paper").centred(asked)
        self._known: dict[tuple[bool, int, int], NDArray[np.float64]] = {}

    def tune(self, form: Form, k: int, truth: NDArray[np.float64], demand: Demand) -> Setting:
        """The least nprobe, and with it the fewest candidates, that are good enough; the most there is if none is."""
        lists = self._candidates.lists
        nprobe = min(demand.nprobe or max(1, lists // _FIRST_SHARE), lists)
        while True:
            before = -1.0
            for fetch in self._fetches(k):
                near = self._distances(form, nprobe, fetch)[:, :k]
                tried = _compared(self._space, form, k, nprobe, fetch, near, truth)
                if _holds(tried, demand):
                    return tried
                if tried.recall - before < _LEAST_GAIN:
                    break  # what is missing lies in other lists
                before = tried.recall
            if demand.nprobe or nprobe == lists:
                return tried
            nprobe = min(max(nprobe + 1, nprobe * 3 // 2), lists)

    def _distances(self, form: Form, nprobe: int, fetch: int) -> NDArray[np.float64]:
        key = (form == "repo", nprobe, fetch)
        if key not in self._known:
            _, positions = self._candidates.search(self._queries, fetch, nprobe)
            self._known[key] = np.sort(self._space.measuring(form).exact(self._asked, positions), axis=1)
        return self._known[key]

    def _fetches(self, k: int) -> list[int]:
        """Numbers of candidates to try, ascending."""
        most = min(max(_MOST_FETCH, 8 * k), len(self._space.vectors))
        found = [min(_least_fetch(k), most)]
        while found[-1] < most:
            found.append(min(2 * found[-1], most))
        return found


def _compared(
    space: Space,
    form: Form,
    k: int,
    nprobe: int,
    fetch: int,
    near: NDArray[np.float64],
    truth: NDArray[np.float64],
) -> Setting:
    """Recall and score error of what was found against the truth."""
    there = ~np.isnan(truth[:, 0])
    near, truth = near[there], truth[there]
    if not len(truth):
        return Setting(form, k, nprobe, fetch, 1.0, _no_error(), 0)
    recall = float(np.mean(near <= truth[:, -1:] * (1 + _TIE)))
    true_scores = scores(form, truth, space.floor)
    errors = np.abs(scores(form, near, space.floor) - true_scores) / true_scores
    errors = np.where(np.isnan(errors), 1.0, errors)
    error = {
        "mean": float(errors.mean()),
        "median": float(np.median(errors)),
        "p99": float(np.quantile(errors, 0.99)),
        "most": float(errors.max()),
    }
    return Setting(form, k, nprobe, fetch, recall, error, len(truth))


def _measured(space: Space, index: Any, setting: Setting, asked: Asked, truth: NDArray[np.float64]) -> Setting:
    """The setting measured once more as scores will be taken."""
    near = _search(space, index, setting, asked)
    return _compared(space, setting.form, setting.k, setting.nprobe, setting.fetch, near, truth)


def _search(space: Space, index: Any, setting: Setting, asked: Asked) -> NDArray[np.float64]:
    candidates = space.candidates(index, setting.form)
    return nearest(space.measuring(setting.form), candidates, asked, setting.k, setting.fetch, setting.nprobe)


def _holds(setting: Setting, demand: Demand) -> bool:
    return setting.recall >= demand.min_recall and setting.error["p99"] <= demand.max_error


def _judge(setting: Setting, demand: Demand) -> None:
    if _holds(setting, demand):
        return
    remedy = (
        f"raise --nprobe above {demand.nprobe}, or leave it out to have it chosen"
        if demand.nprobe
        else "raise --memory, or give a --factory with a longer code"
    )
    raise BuildError(
        f"the index is not good enough for form {setting.form} at K = {setting.k}: recall {setting.recall:.4f} (floor "
        f"{demand.min_recall:g}), score error at the 99th percentile {setting.error['p99']:.2%} (at most "
        f"{demand.max_error:.2%}), with nprobe {setting.nprobe} and {setting.fetch} candidates; {remedy}, and run the "
        "same command again: vectors are kept"
    )


def _least_fetch(k: int) -> int:
    return k + _SPARE


def _no_error() -> dict[str, float]:
    return {"mean": 0.0, "median": 0.0, "p99": 0.0, "most": 0.0}
