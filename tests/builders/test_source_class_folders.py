"""One folder a class: ImageNet's layouts and plain folders, written as documented; there is no sample of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from PIL import Image
from taskpaint.builders.index import SourceIndex, open_index
from taskpaint.builders.sample import Feature
from taskpaint.builders.sources.class_folders import ClassFolders, ClassFoldersOptions
from taskpaint.manifests.errors import SourceLayoutError

_TENCH, _SHARK = "n01440764", "n01484850"


def _pictures(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 3)).save(root / name, "JPEG")
    return root


def _classes(index: SourceIndex) -> dict[str, str]:
    """Class by image key."""
    found = {}
    for row in range(len(index)):
        (labels,) = index.sample(row).labels
        assert labels.facet == "class" and set(labels.present) <= set(labels.vocabulary)
        found[index.key_and_id(row)[0]] = labels.present[0]
    return found


@pytest.fixture
def imagenet(tmp_path: Path) -> Path:
    _pictures(tmp_path, *(f"train/{synset}/{synset}_{n}.JPEG" for synset in (_TENCH, _SHARK) for n in (1, 26)))
    (tmp_path / "LOC_synset_mapping.txt").write_text(
        f"{_TENCH} tench, Tinca tinca\n{_SHARK} great white shark, white shark, man-eater\nn09999999 cup\n"
    )
    return tmp_path


_EXPECTED = {
    f"imagenet/{_TENCH}_1": "tench",
    f"imagenet/{_TENCH}_26": "tench",
    f"imagenet/{_SHARK}_1": "great white shark",
    f"imagenet/{_SHARK}_26": "great white shark",
}


def test_imagenet(imagenet: Path):
    """Written in the documented layout."""
    index = open_index(ClassFolders(imagenet))
    assert _classes(index) == _EXPECTED and index.rejects() == []
    assert index.sample(0).labels[0].vocabulary == ("great white shark", "tench")
    assert next(iter(index.ids())) == f"{_TENCH}/{_TENCH}_1" and index.sample(0).image.path.is_file()
    assert set(index.features().tolist()) == {Feature.LABELS}


def test_imagenet_as_kaggle_has_it(imagenet: Path):
    """Written in the documented layout: the validation photographs lie unsorted beside a list."""
    (imagenet / "ILSVRC/Data/CLS-LOC").mkdir(parents=True)
    (imagenet / "train").rename(imagenet / "ILSVRC/Data/CLS-LOC/train")
    assert _classes(open_index(ClassFolders(imagenet))) == _EXPECTED
    stem = "ILSVRC2012_val_0000000"
    _pictures(imagenet / "ILSVRC/Data/CLS-LOC/val", *(f"{stem}{n}.JPEG" for n in (1, 2, 3)))
    (imagenet / "LOC_val_solution.csv").write_text(
        f"ImageId,PredictionString\n{stem}1,{_SHARK} 85 1 499 272 {_SHARK} 1 1 2 2 \n{stem}2,{_TENCH} 0 0 9 9\n"
    )
    index = open_index(ClassFolders(imagenet, "val"))
    assert _classes(index) == {f"imagenet/{stem}1": "great white shark", f"imagenet/{stem}2": "tench"}
    (reject,) = index.rejects()
    assert reject.id == f"{stem}3.JPEG" and "LOC_val_solution.csv" in reject.reason


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("words.txt", f"{_TENCH}\ttench, Tinca tinca\n{_SHARK}\tgreat white shark, white shark\n"),
        ("imagenet_class_index.json", f'{{"0": ["{_TENCH}", "tench"], "2": ["{_SHARK}", "great white shark"]}}'),
        ("classes.json", f'{{"{_TENCH}": "tench, Tinca tinca", "{_SHARK}": ["great white shark", "x"]}}'),
        ("classes.csv", f'folder,name\n{_TENCH},"tench, Tinca tinca"\n{_SHARK},great white shark\n'),
    ],
)
def test_other_files_of_names(imagenet: Path, name: str, text: str):
    (imagenet / "LOC_synset_mapping.txt").unlink()
    (imagenet / name).write_text(text)
    assert _classes(open_index(ClassFolders(imagenet))) == _EXPECTED
    (imagenet / name).rename(imagenet / f"my_{name}")
    assert _classes(open_index(ClassFolders(imagenet, "train", ClassFoldersOptions(names=f"my_{name}")))) == _EXPECTED


def test_numbers_without_names_are_an_error(imagenet: Path):
    (imagenet / "LOC_synset_mapping.txt").unlink()
    with pytest.raises(SourceLayoutError, match=f"WordNet numbers such as {_TENCH}; put LOC_synset_mapping"):
        open_index(ClassFolders(imagenet))
    with pytest.raises(SourceLayoutError, match=r"mine\.txt is missing; correct the option `names`"):
        open_index(ClassFolders(imagenet, "train", ClassFoldersOptions(names="mine.txt")))


def test_folders_without_a_name_are_rejected(imagenet: Path):
    _pictures(imagenet, "train/n00000001/n00000001_1.JPEG")
    index = open_index(ClassFolders(imagenet))
    assert _classes(index) == _EXPECTED
    assert [(reject.id, reject.reason) for reject in index.rejects()] == [
        ("n00000001", "LOC_synset_mapping.txt has no name for this class folder")
    ]


def test_classes_of_one_name_are_one(tmp_path: Path):
    """ImageNet's two maillots: neither may be asked for as absent where the other is shown."""
    _pictures(tmp_path, "train/n03710637/n03710637_1.JPEG", "train/n03710721/n03710721_1.JPEG")
    (tmp_path / "words.txt").write_text("n03710637\tmaillot\nn03710721\tmaillot, tank suit\n")
    index = open_index(ClassFolders(tmp_path))
    assert [index.sample(row).labels[0].vocabulary for row in range(2)] == [("maillot",)] * 2


def test_plain_folders(tmp_path: Path):
    """Written in the documented layout: folders named like their classes, with and without splits."""
    _pictures(tmp_path / "pets", "train/golden retriever/1.jpg", "train/cat/deep/1.png", "train/cat/.DS_1.jpg")
    index = open_index(ClassFolders(tmp_path / "pets"))
    assert _classes(index) == {
        "class_folders/train/golden retriever/1": "golden retriever",
        "class_folders/train/cat/deep/1": "cat",
    }
    whole = open_index(ClassFolders(tmp_path / "pets/train", "all"))
    assert sorted(_classes(whole).values()) == ["cat", "golden retriever"]
    assert all(whole.sample(row).image.path.is_file() for row in range(2))
    with pytest.raises(SourceLayoutError, match=r"folder val .* is missing"):
        open_index(ClassFolders(tmp_path / "pets", "val"))


def test_images_outside_of_class_folders(tmp_path: Path):
    _pictures(tmp_path, "train/cat/1.jpg", "train/2.jpg")
    index = open_index(ClassFolders(tmp_path))
    assert list(index.ids()) == ["cat/1"]
    assert [reject.id for reject in index.rejects()] == ["2.jpg"]


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("classes.json", b"[1, 2]", "no object with a name for each folder"),
        ("classes.json", b'{"a": 3}', "what stands at 'a' is no name"),
        ("classes.json", b"{", "is no list of class names"),
        ("words.txt", b"\xff\xfe", "is no list of class names"),
        ("words.txt", b"\n\n", "holds no class names"),
        ("classes.csv", b"only one column\n", "holds no class names"),
    ],
)
def test_broken_files_of_names(tmp_path: Path, name: str, data: bytes, says: str):
    _pictures(tmp_path, "train/cat/1.jpg")
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceLayoutError, match=says):
        open_index(ClassFolders(tmp_path))


@given(
    some.sampled_from(("words.txt", "classes.json", "classes.csv", "LOC_val_solution.csv")), some.binary(max_size=60)
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_entries_or_a_complaint(tmp_path: Path, name: str, data: bytes):
    _pictures(tmp_path, "val/cat/1.jpg", "val/2.jpg")
    file = tmp_path / name
    file.write_bytes(data)
    source = ClassFolders(tmp_path, "val")
    try:
        for entry in source.scan(lambda item, reason: None):
            assert source.sample(entry.id, entry.record).labels
    except SourceLayoutError as fault:
        assert name in str(fault)
    finally:
        file.unlink()
