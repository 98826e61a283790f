"""Sources and tasks are found by name, ours and other people's, and never two under one."""

from __future__ import annotations

import importlib.metadata
import pkgutil
import sys
import types

import pytest
from taskpaint.builders import registry, sources, tasks
from taskpaint.builders.source import Source
from taskpaint.builders.sources.coco import Coco
from taskpaint.builders.task import Task
from taskpaint.builders.tasks.depth import Depth
from taskpaint.manifests.errors import PluginError

PLUGINS = (registry.SOURCES, registry.TASKS)


@pytest.fixture
def install(monkeypatch):
    """Pretends that packages with these entry points (name, value) are installed."""

    def installed(group, *points):
        found = [importlib.metadata.EntryPoint(name, value, f"taskpaint.{group}") for name, value in points]
        monkeypatch.setattr(
            importlib.metadata, "entry_points", lambda *, group: [point for point in found if point.group == group]
        )
        for plugins in PLUGINS:
            plugins.forget()

    yield installed
    for plugins in PLUGINS:
        plugins.forget()


class Elsewhere(Coco):
    """A source of another package."""

    name = "elsewhere"


class Painting(Depth):
    """A task of another package."""

    name = "painting"


NO_CLASS = "text"


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    """Entry points load this very module by its name."""
    module = types.ModuleType("another_package")
    module.Elsewhere, module.Painting, module.NO_CLASS = Elsewhere, Painting, NO_CLASS
    monkeypatch.setitem(sys.modules, "another_package", module)


def _modules(package):
    """Those that do not begin with an underscore, which marks what several share."""
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.name[0] != "_")


def test_every_module_is_a_source_or_a_task():
    assert registry.source_names() == _modules(sources)
    assert registry.task_names() == _modules(tasks)
    assert {"coco", "ade20k"} <= set(registry.source_names())
    assert {"segmentation", "depth"} <= set(registry.task_names())


@pytest.mark.parametrize("name", registry.source_names())
def test_every_source_is_complete(name):
    kind = registry.find_source(name)
    assert issubclass(kind, Source)
    assert kind.name == name
    assert kind.splits
    assert kind.features
    for text in (kind.title, kind.homepage, kind.license, kind.tree):
        assert text.strip()


@pytest.mark.parametrize("name", registry.task_names())
def test_every_task_is_complete(name):
    kind = registry.find_task(name)
    assert issubclass(kind, Task)
    assert kind.name == name
    assert kind.needs
    assert kind.sections
    assert kind.limits or name in {"adaptation", "edit", "restoration"}  # their targets are photographs
    assert kind.summary.strip()
    kind(kind.options_type())


@pytest.mark.parametrize(
    ("find", "name", "complaint"),
    [
        (registry.find_source, "cocoa", "no source is called 'cocoa'; did you mean 'coco'?"),
        (registry.find_task, "segmentaton", "no task is called 'segmentaton'; did you mean 'segmentation'?"),
        (registry.find_source, "zzzz", "no source is called 'zzzz'; there are: ade20k"),
        (registry.find_task, "", "no task is called ''; there are: "),
        (registry.find_source, "os.path", "no source is called 'os.path'"),
    ],
)
def test_an_unknown_name(find, name, complaint):
    with pytest.raises(PluginError) as caught:
        find(name)
    assert str(caught.value).startswith(complaint)


def test_other_packages_add_sources_and_tasks(install):
    install("sources", ("elsewhere", "another_package:Elsewhere"))
    assert registry.find_source("elsewhere") is Elsewhere
    assert "elsewhere" in registry.source_names()
    install("tasks", ("painting", "another_package:Painting"))
    assert registry.find_task("painting") is Painting
    assert "painting" in registry.task_names()


@pytest.mark.parametrize(
    "points",
    [
        [("coco", "another_package:Elsewhere")],
        [("elsewhere", "another_package:Elsewhere"), ("elsewhere", "third_package:Elsewhere")],
    ],
    ids=["ours", "each other's"],
)
def test_two_with_one_name_are_an_error(install, points):
    install("sources", *points)
    name = points[0][0]
    for ask in (registry.source_names, lambda: registry.find_source("coco")):
        with pytest.raises(PluginError, match=f"two sources are called '{name}'; uninstall one of the packages"):
            ask()


@pytest.mark.parametrize("value", ["another_package:NO_CLASS", "another_package:Painting", "another_package:Elsewhere"])
def test_an_entry_point_to_something_else(install, value):
    install("sources", ("other", value))
    with pytest.raises(PluginError, match=f"entry point {value} is no taskpaint source called 'other'"):
        registry.find_source("other")


@pytest.mark.parametrize("value", ["no_such_package:Thing", "another_package:Thing", "another_package:NO_CLASS.x"])
def test_an_entry_point_that_does_not_load(install, value):
    install("sources", ("other", value))
    with pytest.raises(PluginError, match=f"source 'other' of {value} cannot be loaded: .*repair or uninstall"):
        registry.find_source("other")
    assert registry.find_source("coco") is Coco  # one broken package does not stop the others
