"""Where taskpaint keeps what it can make or fetch again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """`TASKPAINT_CACHE`, else `taskpaint` in the user's cache folder."""
    home = os.environ.get("TASKPAINT_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) if home else Path(base) / "taskpaint"
