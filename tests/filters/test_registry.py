"""Scorers are found by name, ours and other people's, and made from what people write."""

import importlib.metadata
import sys
import types
from pathlib import Path

import pytest
from taskpaint.filters import registry
from taskpaint.filters.duplicates import Duplicates
from taskpaint.filters.embedders.nss import NaturalSceneStatistics
from taskpaint.filters.measures.ssim import Ssim
from taskpaint.filters.scorer import Scorer
from taskpaint.manifests.errors import PluginError, UsageError


class Elsewhere(Scorer):
    """A scorer of another package."""

    name = "elsewhere"
    columns = ()

    def __init__(self, file: Path, count: int = 3, share: float | None = None, loud: bool = False, label: str = ""):
        self.given = (file, count, share, loud, label)
        self.identity = {}


@pytest.fixture
def install(monkeypatch):
    """Pretends that a package with such an entry point is installed."""
    module = types.ModuleType("another_package")
    module.Elsewhere, module.Path = Elsewhere, Path
    monkeypatch.setitem(sys.modules, "another_package", module)

    def installed(name, value):
        point = importlib.metadata.EntryPoint(name, value, "taskpaint.filters")
        monkeypatch.setattr(
            importlib.metadata, "entry_points", lambda *, group: [point] if group == "taskpaint.filters" else []
        )
        registry.SCORERS.forget()

    yield installed
    registry.SCORERS.forget()


def test_every_scorer_is_found_and_named_like_its_module():
    assert {"aesthetics", "giqa", "clip_similarity", "linear_head", "ssim", "duplicates"} <= set(
        registry.SCORERS.names()
    )
    for name in registry.SCORERS.names():
        assert registry.find_scorer(name).name == name
    assert registry.find_scorer("duplicates") is Duplicates


def test_pixels_stands_for_every_measure():
    assert {"ssim", "change", "entropy", "sharpness", "resolution", "perceptual_hash"} <= set(registry.pixel_measures())
    assert "giqa" not in registry.pixel_measures()
    assert registry.expand(["giqa", "pixels", "ssim"]) == ["giqa", *registry.pixel_measures()]


@pytest.mark.parametrize(("name", "message"), [("ssimm", "did you mean 'ssim'"), ("zzz", "there are: aesthetics, ")])
def test_an_unknown_name(name, message):
    with pytest.raises(PluginError, match=f"no scorer is called '{name}'; {message}"):
        registry.expand([name])


def test_scorers_of_other_packages(install):
    install("elsewhere", "another_package:Elsewhere")
    assert "elsewhere" in registry.SCORERS.names()
    options = {"file": "a/b.pth", "count": "7", "share": "0.5", "loud": "true", "label": "x"}
    assert registry.make_scorer("elsewhere", options).given == (Path("a/b.pth"), 7, 0.5, True, "x")
    assert registry.make_scorer("elsewhere", {"file": Path("c")}).given == (Path("c"), 3, None, False, "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "scorer elsewhere needs file; give --set elsewhere.file=VALUE"),
        ({"file": "a", "more": "1"}, "scorer elsewhere has no option 'more'; it takes file, count, share, loud, label"),
        ({"file": "a", "count": "many"}, "elsewhere.count is 'many': Input should be a valid integer"),
        ({"file": "a", "loud": "perhaps"}, "elsewhere.loud is 'perhaps': Input should be a valid boolean"),
    ],
)
def test_wrong_options(install, options, message):
    install("elsewhere", "another_package:Elsewhere")
    with pytest.raises(UsageError, match=message):
        registry.make_scorer("elsewhere", options)


def test_a_scorer_without_options():
    assert isinstance(registry.make_scorer("ssim", {}), Ssim)
    with pytest.raises(UsageError, match="scorer ssim has no option 'k'; it takes none"):
        registry.make_scorer("ssim", {"k": "1"})


@pytest.mark.parametrize("name", ["ssim", "duplicates"])
def test_two_with_one_name(install, name):
    install(name, "another_package:Elsewhere")
    with pytest.raises(PluginError, match=f"two filters are called '{name}'; uninstall one of the packages"):
        registry.SCORERS.names()


@pytest.mark.parametrize("value", ["another_package:Path", "another_package:Nothing", "no_such_package:X"])
def test_an_entry_point_to_something_else(install, value):
    install("elsewhere", value)
    with pytest.raises(PluginError, match=r"is no taskpaint scorer|cannot be loaded"):
        registry.find_scorer("elsewhere")


def test_nss_is_made_without_weights():
    assert isinstance(registry.make_embedder("nss"), NaturalSceneStatistics)
