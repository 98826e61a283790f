"""A worker has one core: no library may take the others."""

import cv2
import pyarrow as pa
import pytest
from taskpaint.engines.build import BuildOptions, build
from taskpaint.engines.threads import use_one_thread
from taskpaint.engines.verify import verify
from taskpaint.manifests.recipe_file import parse_recipe
from threadpoolctl import threadpool_info, threadpool_limits


def threads():
    """Of OpenCV, of Arrow, and the most of any library that numpy calculates with."""
    blas = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    return cv2.getNumThreads(), pa.cpu_count(), max(blas)


@pytest.fixture(autouse=True)
def _several_threads():
    """As libraries start on a machine of several cores; and again afterwards, for other tests."""
    before = cv2.getNumThreads(), pa.cpu_count(), pa.io_thread_count()
    cv2.setNumThreads(2)
    pa.set_cpu_count(2)
    with threadpool_limits(2, user_api="blas"):
        if threads() != (2, 2, 2):
            pytest.skip("this machine's libraries have no second thread")
        yield
    cv2.setNumThreads(before[0])
    pa.set_cpu_count(before[1])
    pa.set_io_thread_count(before[2])


def test_libraries_are_held_to_one():
    use_one_thread()
    assert threads() == (1, 1, 1)
    assert pa.io_thread_count() == 1


def test_building_and_verifying_take_one(tiny_coco, tmp_path):
    text = "sources: [{source: coco, path: coco, split: train2017}]\ntasks: [{task: detection}]"
    build([parse_recipe(text)], tmp_path / "out", BuildOptions(root=tmp_path, workers=1))
    assert threads() == (1, 1, 1)
    cv2.setNumThreads(2)
    pa.set_cpu_count(2)
    threadpool_limits(2, user_api="blas")
    assert threads() == (2, 2, 2)
    verify(tmp_path / "out", workers=1)
    assert threads() == (1, 1, 1)
