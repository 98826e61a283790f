"""The drawn world must read as the four datasets it imitates."""

import hashlib
import json
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from taskpaint.builders.world import World, write_world
from taskpaint.builders.world.canvas import Canvas, Thing
from taskpaint.builders.world.captions import counted, joined
from taskpaint.builders.world.names import ADE, ADE_NAMES
from taskpaint.builders.world.outlines import (
    mask_to_counts,
    mask_to_polygons,
    polygons_area,
    polygons_xywh,
)
from taskpaint.builders.world.raycast import Film
from taskpaint.builders.world.scenes import draw_scene
from taskpaint.builders.world.shapes import rectangle
from taskpaint.builders.world.solids import Camera, Solid
from taskpaint.builders.world.write_pets import trimap

SCENES = 4
# pycocotools 2.0.11 speaks the array protocol of numpy 1.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return write_world(tmp_path_factory.mktemp("world"), scenes=SCENES, seed=3)


def _splits(world: World, kind: str) -> list[tuple[str, dict]]:
    splits = ("train2017", "val2017")
    return [(name, json.loads((world.coco / "annotations" / f"{kind}_{name}.json").read_text())) for name in splits]


def _decoded(row: dict, image: dict) -> np.ndarray:
    segmentation, height, width = row["segmentation"], image["height"], image["width"]
    if isinstance(segmentation, dict):
        runs = coco_mask.frPyObjects(segmentation, height, width)
    else:
        runs = coco_mask.merge(coco_mask.frPyObjects(segmentation, height, width))
    return coco_mask.decode(runs).astype(bool)


@pytest.mark.parametrize("scenes", [0, -3])
def test_no_scenes_is_refused(tmp_path: Path, scenes: int) -> None:
    with pytest.raises(ValueError, match=f"scenes is {scenes}: the demo world needs at least 1 scene"):
        write_world(tmp_path, scenes=scenes)
    assert list(tmp_path.iterdir()) == []


def test_a_real_dataset_is_never_replaced(tmp_path: Path) -> None:
    photo = tmp_path / "coco" / "train2017" / "000000000009.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(b"photo")
    with pytest.raises(ValueError, match="is not a demo world: give an empty folder"):
        write_world(tmp_path, scenes=1)
    assert photo.read_bytes() == b"photo"


def test_the_same_seed_gives_the_same_bytes_over_an_earlier_world(world: World, tmp_path: Path) -> None:
    def digests(folder: Path) -> dict[str, str]:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    # What is left of an earlier world must go.
    stale = tmp_path / "coco" / "train2017" / "000000000001.jpg"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"stale")
    (tmp_path / "world.json").write_text("{}")
    write_world(tmp_path, scenes=SCENES, seed=3)
    assert digests(tmp_path) == digests(world.coco.parent)
    assert not stale.exists()


def test_layout(world: World) -> None:
    root = world.coco.parent
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    for kind in ("instances", "person_keypoints", "captions"):
        for split in ("train2017", "val2017"):
            assert f"coco/annotations/{kind}_{split}.json" in files
    assert {"nyu/nyudepthv2_files_with_gt.txt", "ade20k/ADEChallengeData2016/objectInfo150.txt"} <= files
    for split, short in (("training", "train"), ("validation", "val")):
        name = f"{split}/ADE_{short}_00000001"
        assert f"ade20k/ADEChallengeData2016/images/{name}.jpg" in files
        assert f"ade20k/ADEChallengeData2016/annotations/{name}.png" in files
    assert {f"pets/annotations/{name}.txt" for name in ("list", "trainval", "test")} <= files
    assert len(list((world.coco / "train2017").glob("*.jpg"))) == 3
    assert len(list((world.coco / "val2017").glob("*.jpg"))) == 1


def test_coco_masks_boxes_and_areas_agree(world: World) -> None:
    seen = 0
    for split, data in _splits(world, "instances"):
        assert len(data["categories"]) == 80
        categories = {row["id"] for row in data["categories"]}
        images = {row["id"]: row for row in data["images"]}
        for image in data["images"]:
            assert image["file_name"] == f"{image['id']:012d}.jpg"
            with Image.open(world.coco / split / image["file_name"]) as picture:
                assert (picture.size, picture.mode) == ((image["width"], image["height"]), "RGB")
        for row in data["annotations"]:
            seen += 1
            assert row["category_id"] in categories
            mask = _decoded(row, images[row["image_id"]])
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            x, y, width, height = row["bbox"]
            found = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
            np.testing.assert_allclose((x, y, x + width, y + height), found, atol=1.01)
            assert row["area"] == pytest.approx(mask.sum(), rel=0.1, abs=12)
    assert seen > SCENES
    ids = [row["id"] for _, data in _splits(world, "instances") for row in data["annotations"]]
    assert len(ids) == len(set(ids))


def test_another_seed_draws_another_picture() -> None:
    first, second = (draw_scene(Random(seed), "quiet", 64, 48, 0).picture.rgb for seed in "ab")
    assert (first != second).mean() > 0.5


def test_coco_keypoints(world: World) -> None:
    people = 0
    for split, data in _splits(world, "person_keypoints"):
        images = {row["id"]: row for row in data["images"]}
        known = COCO(str(world.coco / "annotations" / f"instances_{split}.json"))
        for row in data["annotations"]:
            people += 1
            joints = np.array(row["keypoints"]).reshape(17, 3)
            image, labelled = images[row["image_id"]], joints[:, 2] > 0
            assert set(joints[:, 2]) <= {0, 1, 2}
            assert (joints[~labelled] == 0).all()
            assert (joints[:, 0] < image["width"]).all() and (joints[:, 1] < image["height"]).all()
            assert (joints >= 0).all()
            assert row["num_keypoints"] == labelled.sum()
            assert row["bbox"] == known.anns[row["id"]]["bbox"]
            # A joint said to be visible lies on its person, a few pixels aside at most.
            grown = np.pad(_decoded(row, image), 6)
            for x, y, visibility in joints:
                if visibility == 2 and not row["iscrowd"]:
                    assert grown[y + 1 : y + 12, x + 1 : x + 12].any()
    assert people > 0


def test_coco_captions(world: World) -> None:
    for _, data in _splits(world, "captions"):
        for image in data["images"]:
            texts = [row["caption"] for row in data["annotations"] if row["image_id"] == image["id"]]
            assert 3 <= len(texts) <= 5
            assert all(text[0].isupper() and text.endswith(".") for text in texts)


def test_ade20k(world: World) -> None:
    root = world.ade20k / "ADEChallengeData2016"
    lines = (root / "objectInfo150.txt").read_text().splitlines()
    assert lines[0].split("\t") == ["Idx", "Ratio", "Train", "Val", "Name"]
    assert len(lines) == 151
    assert lines[13].split("\t")[4] == "person, individual, someone, somebody, mortal, soul"
    assert sum(float(line.split("\t")[1]) for line in lines[1:]) == pytest.approx(1, abs=0.01)
    maps = sorted((root / "annotations").rglob("*.png"))
    scenes = dict(line.split(" ") for line in (root / "sceneCategories.txt").read_text().splitlines())
    assert sorted(scenes) == sorted(path.stem for path in maps)
    for path in maps:
        with Image.open(path) as labels, Image.open(str(path).replace("annotations", "images")[:-3] + "jpg") as photo:
            assert labels.mode == "L"
            assert labels.size == photo.size
            values = np.asarray(labels)
        assert values.max() <= 150
        assert len(np.unique(values)) >= 4


def test_nyu(world: World) -> None:
    lines = (world.nyu / "nyudepthv2_files_with_gt.txt").read_text().splitlines()
    assert len(lines) == 1
    photo_name, depth_name, focal = lines[0].split(" ")
    assert float(focal) == 518.8579
    with Image.open(world.nyu / "sync" / depth_name) as image:
        assert (image.size, image.mode) == ((640, 480), "I;16")
        depth = np.asarray(image)
    with Image.open(world.nyu / "sync" / photo_name) as photo:
        rgb = np.asarray(photo)
    assert depth.dtype == np.uint16
    valid = depth[depth > 0]
    assert 0.6 < valid.size / depth.size < 0.99
    assert valid.min() > 300
    assert valid.max() < 10_000
    assert (depth[:8] == 0).all() and (depth[:, -8:] == 0).all()
    assert (rgb[:6] > 240).all()


def test_pets(world: World) -> None:
    annotations = world.pets / "annotations"
    lists = {name: (annotations / f"{name}.txt").read_text().splitlines() for name in ("list", "trainval", "test")}
    rows = [line for line in lists["list"] if not line.startswith("#")]
    assert lists["list"][0].startswith("#Image CLASS-ID SPECIES BREED ID")
    assert sorted(lists["trainval"] + lists["test"], key=str.lower) == sorted(rows, key=str.lower)
    for row in rows:
        name, class_id, species, _ = row.split(" ")
        assert 1 <= int(class_id) <= 37
        assert species == ("1" if name[0].isupper() else "2")
        with Image.open(annotations / "trimaps" / f"{name}.png") as image:
            assert image.mode == "L"
            values = np.asarray(image)
        assert set(np.unique(values)) == {1, 2, 3}
        box = annotations / "xmls" / f"{name}.xml"
        assert box.exists() == (row in lists["trainval"])
        if box.exists():
            found = {
                part: int(ElementTree.parse(box).findtext(f".//{part}")) for part in ("xmin", "ymin", "xmax", "ymax")
            }
            assert 1 <= found["xmin"] < found["xmax"] <= values.shape[1]
            head = values[found["ymin"] - 1 : found["ymax"], found["xmin"] - 1 : found["xmax"]]
            assert (head == 1).mean() > 0.4


def test_polygons_of_a_ring_keep_its_hole() -> None:
    mask = np.zeros((40, 50), bool)
    mask[5:35, 10:40] = True
    mask[15:25, 20:30] = False
    polygons = mask_to_polygons(mask)
    decoded = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, 40, 50))).astype(bool)
    assert (decoded & mask).sum() / (decoded | mask).sum() > 0.95
    # 30 x 30 less 10 x 10.
    assert polygons_area(polygons) == pytest.approx(800, rel=0.05)
    np.testing.assert_allclose(polygons_xywh(polygons), (10, 5, 30, 30), atol=0.5)
    assert mask_to_polygons(np.zeros((4, 4), bool)) == []


def test_polygons_of_two_pieces() -> None:
    mask = np.zeros((20, 30), bool)
    mask[2:12, 3:9] = mask[4:14, 15:25] = True
    assert len(mask_to_polygons(mask)) == 2


def test_counts_run_down_the_columns() -> None:
    mask = np.array([[0, 1, 1], [0, 0, 1]], bool)
    # Columns: 0 0 | 1 0 | 1 1.
    assert mask_to_counts(mask) == [2, 1, 1, 2]
    assert mask_to_counts(~mask) == [0, 2, 1, 1, 2]


def test_what_is_drawn_later_hides_what_was_drawn_before() -> None:
    canvas = Canvas(20, 10)
    with canvas.thing(Thing("car"), ADE["car"]):
        canvas.fill(rectangle(2, 2, 12, 8), (200, 0, 0))
    with canvas.stuff(ADE["tree"]):
        canvas.fill(rectangle(8, 0, 20, 10), (0, 200, 0))
    picture = canvas.finish()
    mask = picture.mask(0)
    assert mask[5, 3:7].all() and not mask[5, 9:].any()
    assert picture.labels[5, 5] == ADE_NAMES.index("car, auto, automobile, machine, motorcar") + 1
    assert picture.labels[5, 15] == ADE_NAMES.index("tree") + 1
    assert picture.labels[0, 0] == 0


def test_depth_is_measured_along_the_axis() -> None:
    # A wall 3 m ahead has depth 3 everywhere, although its corners are farther from the camera.
    film = Film(Camera((0, 1, 0), 0, 0, 64, 48, 50.0), scale=1)
    film.add(Solid("box", (0, -5, 3.5), (20, 10, 1), (255, 255, 255), ADE["wall"]))
    film.add(Solid("ellipsoid", (0, 0.5, 2), (1, 1, 1), (255, 0, 0), ADE["ball"]))
    np.testing.assert_allclose(film.depth[0, 0], 3, rtol=1e-5)
    # A ball of radius 0.5 about (0, 1, 2): its nearest point lies straight ahead at 1.5.
    np.testing.assert_allclose(film.depth[23:25, 31:33], 1.5, atol=1e-3)
    assert film.label[24, 32] == ADE["ball"]
    film = Film(Camera((0, 1, 0), 0, 90, 64, 48, 50.0), scale=1)
    film.add(Solid("frustum", (0, 0, 0), (4, 0.25, 4), (255, 255, 255), ADE["table"]))
    # Looking straight down from 1 m at a lid 0.25 m high.
    np.testing.assert_allclose(film.depth[24, 32], 0.75, atol=1e-4)


def test_trimap_of_a_square() -> None:
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    values = trimap(mask)
    assert values[20, 20] == 1 and values[2, 2] == 2
    # Two pixels on either side of the edge at x = 10.
    assert list(values[20, 6:14]) == [2, 2, 3, 3, 3, 3, 1, 1]


def test_phrases() -> None:
    things = [Thing("dog"), Thing("person"), Thing("person"), Thing("umbrella"), Thing("bird", crowd=True)]
    assert counted(things) == ["two people", "a dog", "an umbrella", "a flock of birds"]
    assert joined(["a"]) == "a"
    assert joined(["a", "b"]) == "a and b"
    assert joined(["a", "b", "c"]) == "a, b, and c"
    assert counted([]) == []
