"""Freed memory is kept: large pictures one after another cost hardly any page fault."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_FAULTS = """
import resource, sys
from taskpaint.engines.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
first = 0
for turn in range(21):
    for block in [b"x" * (9_000_000 + place) for place in range(3)]:
        pass
    del block
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    first = first or faults
print(faults - first)
"""


def _faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", _FAULTS, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc can be asked")
def test_pages_are_asked_for_once():
    without, kept = _faults("plain"), _faults("keep")
    assert kept < without / 10, (kept, without)
