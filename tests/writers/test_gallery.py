"""The gallery: which rows it shows, what it does to their images, and that dataset text stays text."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, JpegImagePlugin
from taskpaint.manifests.errors import DatasetFolderError, OutputError, UsageError
from taskpaint.manifests.triplet import triplet_schema
from taskpaint.writers.gallery import write_gallery
from taskpaint.writers.gallery.detail import parse_json, pretty, swatches, words
from taskpaint.writers.gallery.pictures import fit_size, make_picture

MALICIOUS = "</script><img src=x onerror=\"document.title='pwned'\"><!--<script> & \u2028 'quoted'"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def photo(width: int = 40, height: int = 30) -> Image.Image:
    """A smooth gradient: far more than 256 colours."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=2).astype(np.uint8))


def flat(width: int = 40, height: int = 30) -> Image.Image:
    """Left third red, middle third teal, the rest black."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 3] = (230, 38, 38)
    pixels[:, width // 3 : 2 * width // 3] = (0, 140, 140)
    return Image.fromarray(pixels)


def row(identifier: str, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": identifier,
        "input_image": {"bytes": encode(photo(), "JPEG", quality=95), "path": "a.jpg"},
        "edited_image": {"bytes": encode(flat().quantize(8), "PNG"), "path": "b.png"},
        "edit_prompt": f"Paint it red, number {identifier}.",
        "task": "segmentation",
        "template_id": "segmentation-001",
        "params": json.dumps({"targets": [{"name": "cat", "color": "red", "rgb": [230, 38, 38]}]}),
        "annotation": "{}",
        "source_dataset": "coco",
        "source_split": "val2017",
        "source_id": "7",
        "image_key": "coco-7",
        "license": "CC BY 4.0",
        "width": 40,
        "height": 30,
    }
    return values | changes


def write_dataset(folder: Path, **splits: list[dict[str, Any]]) -> Path:
    """Write each split as one shard with row groups of four."""
    (folder / "data").mkdir(parents=True)
    for split, rows in splits.items():
        table = pa.Table.from_pylist(rows, schema=triplet_schema())
        pq.write_table(table, folder / "data" / f"{split}-00000-of-00001.parquet", row_group_size=4)
    return folder


class Page(HTMLParser):
    """What a browser would see: every tag, and the text of every script by id ('' for the page's own)."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.scripts: dict[str, str] = {}
        self.styles = ""
        self.policy = ""
        self._inside = ""
        self._script = ""
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)
        self.close()
        self.data = json.loads(self.scripts["data"])
        self.cards = {card["id"]: card for card in self.data["cards"]}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags[tag] += 1
        self._inside = tag
        self._script = attributes.get("id") or ""
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes.get("content") or ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[self._script] = self.scripts.get(self._script, "") + data
        if self._inside == "style":
            self.styles += data

    def image(self, entry: dict[str, Any]) -> Image.Image:
        head, encoded = self.scripts[f"picture-{entry['picture']}"].split(",")
        opened = Image.open(io.BytesIO(base64.b64decode(encoded)))
        assert head == f"data:image/{(opened.format or '').lower()};base64"
        opened.load()
        return opened


# ---- which rows


def test_rows_are_spread_evenly_over_sources_and_splits(tmp_path: Path) -> None:
    train = [row(f"coco-{i}") for i in range(40)]
    train += [row(f"ade-{i}", source_dataset="ade20k") for i in range(2)]
    train += [row(f"depth-{i}", task="depth", source_dataset="nyu") for i in range(3)]
    validation = [row(f"held-{i}") for i in range(20)]
    dataset = write_dataset(tmp_path / "out", train=train, validation=validation)

    summary = write_gallery(dataset, tmp_path / "page.html", per_task=10)

    page = Page(tmp_path / "page.html")
    spread = Counter((card["task"], card["source"], card["split"]) for card in page.cards.values())
    # Ten places, three groups: ADE20K has only two rows, the other two groups share the eight left.
    assert spread == {
        ("segmentation", "coco", "train"): 4,
        ("segmentation", "coco", "validation"): 4,
        ("segmentation", "ade20k", "train"): 2,
        ("depth", "nyu", "train"): 3,
    }
    assert summary.shown == {"depth": 3, "segmentation": 10}
    assert summary.total == {"depth": 3, "segmentation": 62}
    assert page.data["totals"] == summary.total
    assert summary.bytes == (tmp_path / "page.html").stat().st_size
    assert summary.broken == 0


def test_every_card_carries_its_own_row(tmp_path: Path) -> None:
    rows = [row(f"r-{i:02d}", edit_prompt=f"Instruction {i}", source_id=str(i)) for i in range(11)]
    dataset = write_dataset(tmp_path / "out", train=rows)
    write_gallery(dataset, tmp_path / "page.html", per_task=6)
    cards = Page(tmp_path / "page.html").cards
    assert len(cards) == 6
    for identifier, card in cards.items():
        number = int(identifier.removeprefix("r-"))
        assert (card["instruction"], card["source_id"]) == (f"Instruction {number}", str(number))


def test_same_seed_same_bytes_and_another_seed_other_rows(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "out", train=[row(f"r-{i:03d}") for i in range(60)])
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        write_gallery(dataset, tmp_path / f"{name}.html", per_task=5, seed=seed)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert Page(tmp_path / "a.html").cards.keys() != Page(tmp_path / "c.html").cards.keys()


def test_picks_do_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    rows = [row(f"r-{i:03d}") for i in range(200)]
    for name, ordered in (("a", rows), ("b", rows[::-1])):
        write_gallery(write_dataset(tmp_path / name, train=ordered), tmp_path / f"{name}.html", per_task=5)
    assert Page(tmp_path / "a.html").data["cards"] == Page(tmp_path / "b.html").data["cards"]


def test_row_groups_without_a_picked_row_are_not_read(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "out", train=[])
    shard = dataset / "data" / "train-00000-of-00001.parquet"
    table = pa.Table.from_pylist([row("r-0"), row("r-1")], schema=triplet_schema())
    pq.write_table(table, shard, row_group_size=1, compression="snappy", use_dictionary=False)
    write_gallery(dataset, tmp_path / "page.html", per_task=1)
    (picked,) = (int(identifier[-1]) for identifier in Page(tmp_path / "page.html").cards)
    intact = shard.read_bytes()

    for group, fails in ((1 - picked, False), (picked, True)):
        chunk = pq.ParquetFile(shard).metadata.row_group(group).column(1)
        assert chunk.path_in_schema == "input_image.bytes"
        start, length = chunk.data_page_offset, chunk.total_compressed_size
        shard.write_bytes(intact[:start] + b"\xff" * length + intact[start + length :])
        if fails:
            with pytest.raises(DatasetFolderError, match=r"train-00000-of-00001\.parquet cannot be read"):
                write_gallery(dataset, tmp_path / "page.html", per_task=1)
        else:
            write_gallery(dataset, tmp_path / "page.html", per_task=1)
        shard.write_bytes(intact)


# ---- images


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        ((640, 480), 576, (576, 432)),
        ((100, 400), 200, (50, 200)),
        ((40, 30), 576, (40, 30)),
        ((5000, 2), 100, (100, 1)),
    ],
)
def test_fit_size(size: tuple[int, int], longest: int, expected: tuple[int, int]) -> None:
    assert fit_size(size, longest) == expected


def test_pictures_on_the_page_decode_to_what_the_dataset_holds(tmp_path: Path) -> None:
    source, target = photo(900, 600), flat(900, 600)
    images = {
        "input_image": {"bytes": encode(source, "JPEG", quality=95, subsampling=0), "path": "a.jpg"},
        "edited_image": {"bytes": encode(target.quantize(8), "PNG"), "path": "b.png"},
    }
    dataset = write_dataset(tmp_path / "out", train=[row("r-0", **images)])
    write_gallery(dataset, tmp_path / "page.html", thumbnail_px=200)
    page = Page(tmp_path / "page.html")
    card = page.cards["r-0"]

    small_target = page.image(card["target"])
    assert (small_target.format, small_target.mode, small_target.size) == ("PNG", "P", (300, 200))
    pixels = np.asarray(small_target.convert("RGB"))
    assert (pixels[:, :100] == (230, 38, 38)).all()
    assert (pixels[:, 100:200] == (0, 140, 140)).all()
    assert (pixels[:, 200:] == 0).all()

    small_source = page.image(card["input"])
    assert (small_source.format, small_source.size) == ("JPEG", (300, 200))
    assert JpegImagePlugin.get_sampling(small_source) == 0  # 4:4:4
    expected = np.asarray(photo(300, 200)).astype(int)
    assert np.abs(np.asarray(small_source) - expected).mean() < 4
    assert (card["input"]["width"], card["input"]["height"], card["target"]["flat"]) == (900, 600, True)


def test_a_photograph_used_twice_is_stored_once(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "out", train=[row("r-0"), row("r-1", task="depth")])
    write_gallery(dataset, tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    assert sorted(name for name in page.scripts if name.startswith("picture-")) == ["picture-0", "picture-1"]


def test_flat_pictures_keep_every_pixel_when_they_are_not_shrunk() -> None:
    noisy_grey = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40), np.uint8))
    cases = {
        "palette": (encode(flat().quantize(8), "PNG"), True),
        "rgb": (encode(flat(), "PNG"), True),
        "grey mask": (encode(flat().convert("L"), "PNG"), True),
        "one column": (encode(flat(1, 20), "PNG"), True),
        "grey photo as PNG": (encode(noisy_grey, "PNG"), False),
        "grey JPEG": (encode(flat().convert("L"), "JPEG"), False),
        "colour photo as PNG": (encode(photo(), "PNG"), False),
    }
    for name, (data, is_flat) in cases.items():
        picture = make_picture({"bytes": data, "path": None}, 100)
        assert (name, picture.flat, picture.problem) == (name, is_flat, "")
        if is_flat:
            shown = Image.open(io.BytesIO(base64.b64decode(picture.uri.split(",")[1]))).convert("RGB")
            original = Image.open(io.BytesIO(data)).convert("RGB")
            assert np.array_equal(np.asarray(shown), np.asarray(original)), name


def test_exif_orientation_is_followed() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = make_picture({"bytes": encode(photo(40, 30), "JPEG", exif=exif), "path": None}, 100)
    assert (picture.width, picture.height) == (30, 40)


def test_images_that_do_not_open_become_cards_with_the_reason(tmp_path: Path) -> None:
    whole = encode(photo(), "JPEG")
    broken = {
        "r-cut": {"bytes": whole[:-60], "path": "b.jpg"},
        "r-text": {"bytes": b"not an image", "path": "b.jpg"},
        "r-path": {"bytes": None, "path": "elsewhere/b.jpg"},
        "r-null": None,
        "r-png": {"bytes": encode(photo(), "PNG")[:100], "path": "b.png"},
    }
    rows = [row(name, edited_image=image) for name, image in broken.items()]
    dataset = write_dataset(tmp_path / "out", train=[*rows, row("r-good")])
    summary = write_gallery(dataset, tmp_path / "page.html")
    cards = Page(tmp_path / "page.html").cards
    assert summary.broken == 5
    assert cards["r-good"]["target"]["problem"] == ""
    assert cards["r-text"]["target"]["problem"] == "12 bytes that are no image"
    assert "elsewhere/b.jpg" in cards["r-path"]["target"]["problem"]
    assert cards["r-null"]["target"]["problem"] == "no image"
    for name in ("r-cut", "r-png"):
        assert "truncated" in cards[name]["target"]["problem"]
    assert all(cards[name]["target"]["picture"] is None for name in broken)
    assert all(cards[name]["input"]["picture"] is not None for name in broken)


# ---- the page


def test_dataset_text_cannot_leave_its_json_block(tmp_path: Path) -> None:
    fields = ("edit_prompt", "task", "template_id", "source_dataset", "source_split", "source_id", "license")
    evil = row("r-0", params=json.dumps({MALICIOUS: MALICIOUS}), annotation=MALICIOUS)
    plain = write_dataset(tmp_path / "plain", train=[row("r-0", params='{"a": "b"}', annotation="text")])
    dataset = write_dataset(tmp_path / "evil", train=[evil | dict.fromkeys(fields, MALICIOUS)])
    (dataset / "manifest.json").write_text(json.dumps({"name": MALICIOUS}), encoding="utf-8")
    write_gallery(plain, tmp_path / "plain.html")
    write_gallery(dataset, tmp_path / "evil.html")
    page = Page(tmp_path / "evil.html")

    assert page.tags == Page(tmp_path / "plain.html").tags
    assert page.tags["img"] == 0
    assert "onerror" not in page.text.replace(page.scripts["data"], "")
    assert not re.search("[<>&\u2028]", page.scripts["data"])
    card = page.cards["r-0"]
    assert page.data["name"] == MALICIOUS
    assert (card["instruction"], card["task"], card["license"]) == (MALICIOUS,) * 3


def test_the_policy_admits_only_the_pages_own_script_and_no_request(tmp_path: Path) -> None:
    write_gallery(write_dataset(tmp_path / "out", train=[row("r-0")]), tmp_path / "page.html")
    page = Page(tmp_path / "page.html")

    def digest(text: str) -> str:
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    rules = dict(rule.strip().split(" ", 1) for rule in page.policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert rules["script-src"] == f"'sha256-{digest(page.scripts[''])}'"
    assert rules["style-src"] == f"'sha256-{digest(page.styles)}'"
    assert re.findall(r"https?://[^'\"\s]+", page.text) == ["http://www.w3.org/2000/svg"]
    assert "innerHTML" not in page.text


def test_the_name_comes_from_the_manifest_where_it_has_one(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "folder-name", train=[row("r-0")])
    for manifest, expected in (
        (None, "folder-name"),
        ('{"name": "Street scenes"}', "Street scenes"),
        ('{"name": 3}', "folder-name"),
        ("no JSON", "folder-name"),
        ("[1]", "folder-name"),
    ):
        if manifest is not None:
            (dataset / "manifest.json").write_text(manifest, encoding="utf-8")
        write_gallery(dataset, tmp_path / "page.html")
        assert Page(tmp_path / "page.html").data["name"] == expected


def test_a_dataset_without_rows_gives_a_page_without_cards(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "out", train=[])
    summary = write_gallery(dataset, tmp_path / "page.html")
    assert (summary.shown, summary.total, summary.broken) == ({}, {}, 0)
    assert Page(tmp_path / "page.html").data["cards"] == []


def test_optional_columns_may_be_missing_or_null(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "out", train=[])
    kept = ("id", "input_image", "edited_image", "edit_prompt", "task")
    full = pa.Table.from_pylist([row("r-0", edit_prompt=None, task=None)], schema=triplet_schema())
    pq.write_table(full.select(kept), dataset / "data" / "train-00000-of-00001.parquet")
    write_gallery(dataset, tmp_path / "page.html")
    card = Page(tmp_path / "page.html").cards["r-0"]
    assert (card["instruction"], card["task"], card["source"], card["params"]) == ("", "", "", "")


# ---- the JSON columns


def test_pretty_cuts_long_lists_strings_and_texts() -> None:
    value = {"counts": "a" * 500, "points": list(range(40)), "deep": {"x": [1, 2]}}
    text = pretty(json.dumps(value), value)
    assert json.loads(text) == {
        "counts": "a" * 120 + "… (500 characters)",
        "points": [*range(12), "… 28 more"],
        "deep": {"x": [1, 2]},
    }
    many = {f"key{i}": {f"inner{j}": "b" * 100 for j in range(20)} for i in range(20)}
    cut = pretty(json.dumps(many), many)
    assert len(cut) < 4100
    assert f"the dataset holds {len(json.dumps(many)):,} characters" in cut
    assert pretty("{}", {}) == ""
    assert pretty("no JSON <b>", None) == "no JSON <b>"
    assert pretty(None, None) == ""


def test_json_that_cannot_be_read_is_none_and_not_an_error() -> None:
    assert parse_json("[" * 100_000 + "]" * 100_000) is None
    assert parse_json("{") is None
    assert parse_json("") is None
    assert parse_json('{"a": [1]}') == {"a": [1]}
    deep = parse_json("[" * 200 + "]" * 200)
    assert "…" in pretty("", deep)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"targets": [{"name": "cat", "color": "red", "rgb": [255, 0, 0]}]}, [("cat, red", (255, 0, 0))]),
        ({"color": {"name": "teal", "rgb": [0, 140, 140]}}, [("teal", (0, 140, 140))]),
        (
            {"legend": {"sky": [1, 2, 3], "road": [4, 5, 6]}, "background": [0, 0, 0]},
            [("sky", (1, 2, 3)), ("road", (4, 5, 6)), ("background", (0, 0, 0))],
        ),
        (
            {"joints": ["left wrist", "nose"], "colors": [[9, 9, 9], [8, 8, 8]]},
            [("left wrist", (9, 9, 9)), ("nose", (8, 8, 8))],
        ),
        ({"rgb": [1, 2, 3]}, [("rgb", (1, 2, 3))]),
        ({"point": [1, 2, 3], "size": [10, 20, 30]}, []),
        ({"rgb": [1, 2, 300]}, []),
        ({"rgb": [True, False, True]}, []),
        ({"rgb": [0.5, 0.5, 0.5]}, []),
        ([], []),
        (None, []),
    ],
)
def test_swatches_are_the_colours_that_params_names(params: Any, expected: list[Any]) -> None:
    assert swatches(params) == expected


def test_words_are_the_short_strings_without_mask_runs() -> None:
    annotation = {"classes": ["dog", "cat"], "rle": {"size": [3, 4], "counts": "abc"}, "note": "x" * 60}
    assert words({"category": "dog"}, annotation) == "dog cat"


# ---- what a user can do wrong


def test_errors_name_the_place_and_the_remedy(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    with pytest.raises(DatasetFolderError, match=r"nowhere is not a folder; give the folder"):
        write_gallery(tmp_path / "nowhere", page)
    (tmp_path / "photos").mkdir()
    with pytest.raises(DatasetFolderError, match=r"photos has no data/ folder"):
        write_gallery(tmp_path / "photos", page)
    (tmp_path / "photos" / "data").mkdir()
    (tmp_path / "photos" / "data" / "train.parquet").touch()
    with pytest.raises(DatasetFolderError, match=r"holds no shard named like train-00000-of-00001"):
        write_gallery(tmp_path / "photos", page)
    shard = tmp_path / "photos" / "data" / "train-00000-of-00001.parquet"
    shard.write_bytes(b"not parquet at all")
    with pytest.raises(DatasetFolderError, match=r"train-00000-of-00001\.parquet cannot be read as Parquet"):
        write_gallery(tmp_path / "photos", page)
    pq.write_table(pa.table({"id": ["a"], "task": ["b"], "edit_prompt": ["c"]}), shard)
    with pytest.raises(DatasetFolderError, match=r"has no column input_image, edited_image"):
        write_gallery(tmp_path / "photos", page)
    assert not page.exists()


def test_wrong_options_stop_before_any_work(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path / "out", train=[row("r-0")])
    with pytest.raises(UsageError, match="per_task is 0"):
        write_gallery(dataset, tmp_path / "page.html", per_task=0)
    with pytest.raises(UsageError, match="thumbnail_px is 3"):
        write_gallery(dataset, tmp_path / "page.html", thumbnail_px=3)
    with pytest.raises(UsageError, match="is a folder; give a file name"):
        write_gallery(dataset, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"page\.html cannot be written"):
        write_gallery(dataset, tmp_path / "file" / "page.html")


def test_a_failed_write_leaves_the_old_page_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = write_dataset(tmp_path / "out", train=[row("r-0")])
    pages = tmp_path / "pages"
    write_gallery(dataset, pages / "page.html")
    before = (pages / "page.html").read_bytes()

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OutputError, match="No space left on device"):
        write_gallery(dataset, pages / "page.html", seed=1)
    assert (pages / "page.html").read_bytes() == before
    assert [path.name for path in pages.iterdir()] == ["page.html"]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to run the page's script")
def test_the_page_filters_by_its_address_and_runs_no_dataset_markup(tmp_path: Path) -> None:
    rows = [row(f"r-{i}", task="depth" if i % 2 else "segmentation") for i in range(6)]
    rows.append(row("r-evil", edit_prompt=MALICIOUS))
    write_gallery(write_dataset(tmp_path / "out", train=rows), tmp_path / "page.html")

    def cards_at(address: str) -> str:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
        options += ["--disable-background-networking", "--virtual-time-budget=500", "--dump-dom"]
        command = [str(CHROMIUM), *options, f"--user-data-dir={tmp_path / 'profile'}"]
        command.append((tmp_path / "page.html").as_uri() + address)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return re.sub(r"<script.*?</script>", "", done.stdout, flags=re.DOTALL)

    assert cards_at("#task=depth").count('<li class="card">') == 3
    evil = cards_at("#q=PWNED+onerror")
    assert evil.count('<li class="card">') == 1
    assert "<title>out: gallery</title>" in evil
    assert "&lt;/script&gt;&lt;img src=x" in evil
    assert 'src="x"' not in evil
