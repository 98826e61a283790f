"""Fixtures: a Hub on the loopback, and this process or another one made to use it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.append(str(Path(__file__).parent))

from hub_server import TOKEN, HubServer


@pytest.fixture
def hub() -> Iterator[HubServer]:
    """A running server with no repositories."""
    with HubServer() as server:
        yield server


@pytest.fixture
def hub_environment(hub: HubServer, tmp_path: Path) -> dict[str, str]:
    """Environment of a process that uses the server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    return {
        **kept,
        "HF_ENDPOINT": hub.endpoint,
        "HF_TOKEN": TOKEN,
        "HF_HOME": str(tmp_path / "hf-home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "no_proxy": "127.0.0.1,localhost",
    }


@pytest.fixture
def on_hub(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubServer:
    """The server, which the libraries in this process take for the Hub; nobody waits between tries."""
    import datasets.config
    from huggingface_hub import constants
    from huggingface_hub.utils import _http

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", _on(hub, constants.HUGGINGFACE_CO_URL_TEMPLATE))
    monkeypatch.setattr(datasets.config, "HUB_DATASETS_URL", _on(hub, datasets.config.HUB_DATASETS_URL))
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.endpoint)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "datasets-cache"))
    monkeypatch.setattr(datasets.config, "DOWNLOADED_DATASETS_PATH", str(tmp_path / "datasets-downloads"))
    monkeypatch.setattr("taskpaint.engines.push.WAITS_S", (0.0, 0.0, 0.0))
    monkeypatch.setattr(_http, "time", SimpleNamespace(**vars(time) | {"sleep": lambda seconds: None}))
    return hub


def _on(hub: HubServer, template: str) -> str:
    from huggingface_hub import constants

    return template.replace(constants.ENDPOINT, hub.endpoint, 1)
