"""How many threads libraries may start in a worker."""

from __future__ import annotations

import cv2
import pyarrow as pa
from threadpoolctl import threadpool_limits


def use_one_thread() -> None:
    """Hold libraries to one thread in this process; a worker has a core, not the machine.

    OpenCV, Arrow and numpy's linear algebra would each take all processors. That of numpy wakes its threads even for
    small products and lets them spin for a while afterwards: twice the CPU time for marks on a photograph.
    """
    cv2.setNumThreads(1)
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    threadpool_limits(1, user_api="blas")
