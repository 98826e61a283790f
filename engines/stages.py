"""What ranks have begun in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ..manifests.folder import DatasetFolder
from .export_folder import ExportFolder
from .scoring.agreed import Agreed

Stage = Literal["build", "score", "export"]


def begun_stage(root: Path) -> Stage:
    """What `taskpaint finish` joins and `taskpaint status` shows: scores are begun in a dataset that is finished."""
    if ExportFolder(root).is_begun:
        return "export"
    folder = DatasetFolder(root)
    return "score" if folder.manifest_file.exists() and Agreed.is_begun(folder) else "build"
