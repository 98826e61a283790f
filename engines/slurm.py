"""A script that spreads a command over a Slurm array job and joins the parts with a second job that waits for it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

_SCRIPT: Final = """\
#!/bin/bash
# {does} with an array of {world_size} jobs, then joins what they did. `bash THIS_FILE` submits both.
# Submitted again, it goes on where it stopped. Partition, time, memory and account: put them into `shared`.
set -euo pipefail

shared=({options})
logs={logs}
mkdir -p "$logs"

ranks=$(sbatch --parsable --job-name=taskpaint-{kind} --array=0-{last} --requeue --cpus-per-task={workers} \\
  {gpus}--output="$logs/{kind}-%A-%a.log" "${{shared[@]}}" <<'JOB'
#!/bin/bash
cd {folder}
exec {command} --engine local --rank "$SLURM_ARRAY_TASK_ID" --world-size {world_size} --workers {workers}
JOB
)
finish=$(sbatch --parsable --job-name=taskpaint-finish \\
  --dependency="afterok:${{ranks%%;*}}" --kill-on-invalid-dep=yes \\
  --output="$logs/finish-%j.log" "${{shared[@]}}" <<'JOB'
#!/bin/bash
cd {folder}
exec {finish}
JOB
)
echo "submitted: {kind} ${{ranks%%;*}}, finish ${{finish%%;*}}; look with: {status}"
"""
_DOES: Final = {"build": "Builds {}", "score": "Scores {}", "export": "Exports to {}"}


def slurm_script(
    command: Sequence[str],
    finish: Sequence[str],
    status: Sequence[str],
    out: Path | str,
    world_size: int,
    workers: int = 1,
    options: Sequence[str] = (),
    folder: Path | None = None,
    *,
    kind: Literal["build", "score", "export"] = "build",
    gpus: int = 0,
) -> str:
    """The text of a bash script to run where `sbatch` is.

    Args:
        command: the command without engine, ranks and workers.
        finish, status: commands that join the parts and that show how the work stands.
        out: the folder that is written, on a file system that all nodes share, or a URL; logs of a URL lie in `folder`.
        world_size: jobs of the array.
        workers: processes, and processors asked for, of each.
        options: for `sbatch`, for both jobs.
        folder: where the commands run; None: here.
        kind: what the command does.
        gpus: asked for by each job of the array; the one that joins needs none.
    """
    folder = (folder or Path()).absolute()
    logs = folder / "taskpaint-logs" if isinstance(out, str) else out.absolute() / ".taskpaint" / "logs"
    return _SCRIPT.format(
        does=_DOES[kind].format(out),
        kind=kind,
        world_size=world_size,
        last=world_size - 1,
        workers=workers,
        gpus=f"--gres=gpu:{gpus} " if gpus else "",
        options=shlex.join(options),
        logs=shlex.quote(str(logs)),
        folder=shlex.quote(str(folder)),
        command=shlex.join(command),
        finish=shlex.join(finish),
        status=shlex.join(status),
    )
