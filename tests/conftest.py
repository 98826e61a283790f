"""Fixtures for all rooms."""

from __future__ import annotations

import json
import logging
import os
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

_SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


# No deadlines: a busy machine is no failed test. In CI the same examples in every run; runs by hand go on searching.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("searching", deadline=None)
settings.load_profile("fixed" if os.environ.get("CI") else "searching")


def pytest_configure(config: pytest.Config) -> None:
    # pycocotools 2.0.11 copies its masks in NumPy 1's way; only its authors can change that.
    config.addinivalue_line("filterwarnings", "ignore:__array__ implementation doesn't accept:DeprecationWarning")


@pytest.fixture
def shared_data() -> Path:
    """Folder with small excerpts of the real datasets; tests that need it are skipped where it is not."""
    if not _SHARED_DATA.is_dir():
        pytest.skip(f"the excerpts of real datasets are not at {_SHARED_DATA}")
    return _SHARED_DATA


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's index cache."""
    monkeypatch.setenv("TASKPAINT_CACHE", str(tmp_path / "cache"))


def write_tiny_coco(folder: Path, images: int = 12, split: str = "train2017", first_id: int = 1) -> Path:
    """A COCO of noise photographs of 96x80, each with a person (17 joints), a dog and a cat as rectangles.

    The rectangles' places follow from the image id, so that tests can work them out by hand.
    """
    names = ["nose", "left_eye", "right_eye", "left_ear", "right_ear"]
    names += [f"{side}_{part}" for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle") for side in _SIDES]
    objects, people, captions, records = [], [], [], []
    (folder / split).mkdir(parents=True, exist_ok=True)
    (folder / "annotations").mkdir(exist_ok=True)
    for image_id in range(first_id, first_id + images):
        noise = np.random.default_rng(image_id).integers(60, 190, (20, 24, 3)).astype(np.uint8)
        picture = Image.fromarray(noise).resize((96, 80), Image.Resampling.BICUBIC)
        picture.save(folder / split / f"{image_id:012d}.jpg", quality=95, subsampling=0)
        records.append({"id": image_id, "file_name": f"{image_id:012d}.jpg", "width": 96, "height": 80})
        for position, category in enumerate((1, 18, 17)):
            x, y = 2 + 31 * position, 5 + image_id % 7
            annotation = _rectangle(image_id * 10 + position, image_id, category, x, y, 28, 60)
            objects.append(annotation)
            if category == 1:
                joints = [[x + 2 + 1.5 * n, y + 2 + 3 * n, 2] for n in range(17)]
                people.append(
                    {**annotation, "keypoints": [number for joint in joints for number in joint], "num_keypoints": 17}
                )
        captions.append({"id": image_id, "image_id": image_id, "caption": f"Picture number {image_id}."})
    person = {"id": 1, "name": "person", "supercategory": "person"}
    others = [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}, {"id": 44, "name": "bottle"}]
    files: tuple[tuple[str, list[dict[str, Any]], list[dict[str, Any]] | None], ...] = (
        ("instances", objects, [person, *others]),
        ("person_keypoints", people, [{**person, "keypoints": names, "skeleton": [[1, 2]]}]),
        ("captions", captions, None),
    )
    for kind, entries, categories in files:
        content = {"images": records, "annotations": entries, **({"categories": categories} if categories else {})}
        (folder / "annotations" / f"{kind}_{split}.json").write_text(json.dumps(content))
    return folder


_SIDES = ("left", "right")


def _rectangle(identity: int, image: int, category: int, x: int, y: int, width: int, height: int) -> dict[str, Any]:
    corners = [x, y, x + width, y, x + width, y + height, x, y + height]
    return {
        "id": identity,
        "image_id": image,
        "category_id": category,
        "bbox": [x, y, width, height],
        "segmentation": [corners],
        "area": width * height,
        "iscrowd": 0,
    }


@pytest.fixture
def tiny_coco(tmp_path: Path) -> Path:
    """`write_tiny_coco` with twelve photographs, in the split train2017."""
    return write_tiny_coco(tmp_path / "coco")


@pytest.fixture
def write_coco() -> Callable[..., Path]:
    """`write_tiny_coco` itself, for tests that need another size."""
    return write_tiny_coco


class StoreServer:
    """A real S3-compatible server (moto's) on a port of its own of the loopback; what it stores survives `stop`."""

    def __init__(self) -> None:
        self._server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server.start()
        self._address = self._server.get_host_and_port()
        self.url = "http://{}:{}".format(*self._address)

    def stop(self) -> None:
        """Close the port."""
        self._server.stop()

    def start(self) -> None:
        """Open the same port again."""
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(*self._address, verbose=False)
        self._server.start()

    def post(self, path: str, body: str) -> None:
        """Tell the server how to behave."""
        address, kind = f"{self.url}/moto-api/{path}", {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(address, body.encode(), kind, method="POST")).close()


@pytest.fixture(scope="session")
def store_server() -> Iterator[StoreServer]:
    """The S3 server of this process."""
    server = StoreServer()
    yield server
    server.stop()


@pytest.fixture
def bucket(store_server: StoreServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket on the S3 server, with the environment that leads there."""
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", store_server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-of-a-test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-of-a-test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    s3fs.S3FileSystem().mkdir(name)
    return name
