"""What an installed taskpaint holds: pyproject.toml against the folders on disk."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import taskpaint

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
SETUPTOOLS = PROJECT["tool"]["setuptools"]
NOT_SHIPPED = ("tests", "docs", "benchmarks", "build", "dist")


def packages_on_disk() -> set[str]:
    found = {"taskpaint"}
    for folder in ROOT.iterdir():
        if folder.is_dir() and not folder.name.startswith(".") and folder.name not in NOT_SHIPPED:
            for marker in folder.rglob("__init__.py"):
                found.add(".".join(("taskpaint", *marker.parent.relative_to(ROOT).parts)))
    return found


def folder_of(package: str) -> Path:
    return ROOT.joinpath(*package.split(".")[1:])


def test_packages_are_the_folders_on_disk() -> None:
    assert SETUPTOOLS["package-dir"] == {"taskpaint": "."}
    assert sorted(SETUPTOOLS["packages"]) == sorted(packages_on_disk())


def test_every_python_file_of_a_room_is_in_a_package() -> None:
    packages = {folder_of(package) for package in packages_on_disk()}
    rooms = {folder_of(package) for package in packages_on_disk() if package.count(".") == 1}
    strays = [file for room in rooms for file in room.rglob("*.py") if file.parent not in packages]
    assert strays == []


def test_every_pattern_of_package_data_matches_a_file() -> None:
    for package, patterns in SETUPTOOLS["package-data"].items():
        assert package in SETUPTOOLS["packages"]
        for pattern in patterns:
            assert any(folder_of(package).glob(pattern)), f"{package}: {pattern}"


def test_every_data_file_of_a_room_is_in_package_data() -> None:
    shipped = {
        file
        for package, patterns in SETUPTOOLS["package-data"].items()
        for pattern in patterns
        for file in folder_of(package).glob(pattern)
    }
    rooms = [folder_of(package) for package in packages_on_disk() if package.count(".") == 1]
    files = {file for room in rooms for file in room.rglob("*") if file.is_file() and "__pycache__" not in file.parts}
    assert sorted(file for file in files - shipped if file.suffix not in (".py", ".pyc")) == []


def test_only_the_package_itself_lies_at_the_root() -> None:
    assert {file.name for file in ROOT.glob("*.py")} <= {"__init__.py", "plugins.py"}


def test_the_version_is_the_same_everywhere() -> None:
    assert taskpaint.__version__ == PROJECT["project"]["version"] == importlib.metadata.version("taskpaint")


def test_public_names() -> None:
    """A public name is a promise."""
    script = "import taskpaint; print(*taskpaint.__all__); from taskpaint import *; assert load and __version__"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["__version__", "load"]


def test_core_dependencies_stay_light() -> None:
    core = {re.split(r"[<>=\[ ]", requirement)[0] for requirement in PROJECT["project"]["dependencies"]}
    assert core.isdisjoint({"torch", "torchvision", "open_clip_torch", "faiss-cpu", "diffusers", "transformers", "ray"})


def test_everything_required_is_pinned_for_tests() -> None:
    """constraints.txt says what was tested together."""

    def normal(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = {normal(line.partition("==")[0]) for line in lines if "==" in line}
    project = PROJECT["project"]
    wanted = [*project["dependencies"], *(r for extra in project["optional-dependencies"].values() for r in extra)]
    names = {normal(re.split(r"[<>=\[ ]", requirement)[0]) for requirement in wanted} - {"taskpaint"}
    assert sorted(names - pinned) == []
