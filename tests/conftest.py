"""Fixtures for all rooms."""

from __future__ import annotations

from pathlib import Path

import pytest

_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_configure(config: pytest.Config) -> None:
    # pycocotools 2.0.11 copies its masks in NumPy 1's way; only its authors can change that.
    config.addinivalue_line("filterwarnings", "ignore:__array__ implementation doesn't accept:DeprecationWarning")


@pytest.fixture
def shared_data() -> Path:
    """Folder with small excerpts of the real datasets; tests that need it are skipped where it is not."""
    if not _SHARED_DATA.is_dir():
        pytest.skip(f"the excerpts of real datasets are not at {_SHARED_DATA}")
    return _SHARED_DATA


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's index cache."""
    monkeypatch.setenv("TASKPAINT_CACHE", str(tmp_path / "cache"))
