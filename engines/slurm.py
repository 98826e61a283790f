"""A script that builds with a Slurm array job and joins the parts with a second job that waits for it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

_SCRIPT = """\
#!/bin/bash
# Builds {out} with an array of {world_size} jobs, then joins what they built. `bash THIS_FILE` submits both.
# Submitted again, it goes on where it stopped. Partition, time, memory and account: put them into `shared`.
set -euo pipefail

shared=({options})
logs={logs}
mkdir -p "$logs"

build=$(sbatch --parsable --job-name=taskpaint-build --array=0-{last} --requeue --cpus-per-task={workers} \\
  --output="$logs/build-%A-%a.log" "${{shared[@]}}" <<'JOB'
#!/bin/bash
cd {folder}
exec {build} --engine local --rank "$SLURM_ARRAY_TASK_ID" --world-size {world_size} --workers {workers}
JOB
)
finish=$(sbatch --parsable --job-name=taskpaint-finish \\
  --dependency="afterok:${{build%%;*}}" --kill-on-invalid-dep=yes \\
  --output="$logs/finish-%j.log" "${{shared[@]}}" <<'JOB'
#!/bin/bash
cd {folder}
exec {finish}
JOB
)
echo "submitted: build ${{build%%;*}}, finish ${{finish%%;*}}; look with: {status}"
"""


def slurm_script(
    build: Sequence[str],
    finish: Sequence[str],
    status: Sequence[str],
    out: Path,
    world_size: int,
    workers: int = 1,
    options: Sequence[str] = (),
    folder: Path | None = None,
) -> str:
    """The text of a bash script to run where `sbatch` is.

    Args:
        build: the build command without engine, ranks and workers.
        finish, status: commands that join the parts and that show how the build stands.
        out: the dataset folder, on a file system that all nodes share.
        world_size: jobs of the array.
        workers: processes, and processors asked for, of each.
        options: for `sbatch`, for both jobs.
        folder: where the commands run; None: here.
    """
    return _SCRIPT.format(
        out=out,
        world_size=world_size,
        last=world_size - 1,
        workers=workers,
        options=shlex.join(options),
        logs=shlex.quote(str(out.absolute() / ".taskpaint" / "logs")),
        folder=shlex.quote(str((folder or Path()).absolute())),
        build=shlex.join(build),
        finish=shlex.join(finish),
        status=shlex.join(status),
    )
