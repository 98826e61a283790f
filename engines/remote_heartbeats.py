"""Heartbeats of shards at work by way of a store: they travel in the claim of whoever builds."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..manifests.folder import DatasetFolder, write_text
from ..manifests.heartbeats import heartbeat_file, read_heartbeats
from ..manifests.storage.claim import read_claims
from ..manifests.storage.store import Store


def gather(folder: DatasetFolder) -> list[dict[str, Any]]:
    """What a claim says of the shards at work in a folder of this machine."""
    now = time.time()
    return [asdict(beat) | {"quiet": round(now - seen, 1)} for beat, seen in read_heartbeats(folder)]


def fetch(store: Store, folder: DatasetFolder) -> None:
    """Bring the heartbeats that all claims tell of into a local folder, in place of those that are there."""
    running = heartbeat_file(folder, "").parent
    shutil.rmtree(running, ignore_errors=True)
    running.mkdir(parents=True)
    for seen in read_claims(store):
        for beat in seen.claim.marks:
            name, quiet = str(beat.get("name")), beat.get("quiet")
            if Path(name).name == name and isinstance(quiet, int | float):
                content = {key: value for key, value in beat.items() if key != "quiet"}
                write_text(heartbeat_file(folder, name), json.dumps(content))
                os.utime(heartbeat_file(folder, name), (time.time() - quiet - (seen.age or 0.0),) * 2)
