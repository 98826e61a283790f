"""Which rank a process is."""

import pytest
from taskpaint.engines.launcher import find_share
from taskpaint.manifests.errors import UsageError
from taskpaint.manifests.share import Share

ARRAY = {"SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_MAX": "7", "SLURM_ARRAY_TASK_COUNT": "8"}
SRUN = {"SLURM_PROCID": "3", "SLURM_NTASKS": "4"}


@pytest.mark.parametrize(
    ("rank", "size", "environment", "expected"),
    [
        ("2", 5, {}, Share(2, 5)),
        ("2", 5, {"SLURM_ARRAY_TASK_ID": "4", **ARRAY}, Share(2, 5)),
        ("auto", None, {"SLURM_ARRAY_TASK_ID": "4", **ARRAY}, Share(4, 8)),
        ("auto", None, {"SLURM_ARRAY_TASK_ID": "4", **ARRAY, **SRUN}, Share(4, 8)),
        ("auto", 64, {"SLURM_ARRAY_TASK_ID": "9", "SLURM_ARRAY_TASK_COUNT": "2"}, Share(9, 64)),
        ("auto", None, SRUN, Share(3, 4)),
        ("auto", 16, {"SLURM_PROCID": "3"}, Share(3, 16)),
        ("auto", None, {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"}, Share(0, 2)),
        ("auto", None, {"PMI_RANK": "1", "PMI_SIZE": "2"}, Share(1, 2)),
        ("auto", None, {"RANK": "1", "WORLD_SIZE": "3"}, Share(1, 3)),
    ],
)
def test_ranks_as_launchers_say_them(rank, size, environment, expected):
    assert find_share(rank, size, environment) == expected


@pytest.mark.parametrize(
    ("rank", "size", "environment", "complaint"),
    [
        ("first", 2, {}, "--rank first: give a number from 0, or auto"),
        ("-1", 2, {}, "--rank -1: give a number"),
        ("1", None, {}, "--rank 1 needs --world-size"),
        ("5", 5, {}, "ranks run from 0"),
        ("auto", None, {}, "none of SLURM_ARRAY_TASK_ID, SLURM_PROCID, .* is set"),
        ("auto", None, {"RANK": "1"}, "none of"),
        ("auto", None, {"RANK": "one", "WORLD_SIZE": "2"}, "RANK is 'one' and no number"),
        ("auto", None, {**ARRAY, "SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_MIN": "3"}, "do not run from 0 to 7"),
        ("auto", None, {**ARRAY, "SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "2"}, "do not run from 0 to 1"),
        ("auto", None, {"SLURM_ARRAY_TASK_ID": "3"}, "SLURM_ARRAY_TASK_COUNT is '' and no number"),
    ],
)
def test_what_cannot_be_a_rank(rank, size, environment, complaint):
    with pytest.raises(UsageError, match=complaint):
        find_share(rank, size, environment)
