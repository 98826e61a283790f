"""A dataset on the Hub becomes a dataset folder: the real client against the server on loopback."""

from __future__ import annotations

import warnings

import datasets
import huggingface_hub
import pyarrow.parquet as pq
import pytest
from published import png
from taskpaint.engines.adopt import AdoptOptions, find_adoption
from taskpaint.engines.build import BuildOptions, build
from taskpaint.manifests.errors import HubError


@pytest.fixture
def outside(on_hub, tmp_path, monkeypatch):
    """Six rows with the columns of InstructPix2Pix on the server; a card that names a licence."""
    monkeypatch.setenv("TASKPAINT_CACHE", str(tmp_path / "cache"))
    features = datasets.Features(
        {"original_image": datasets.Image(), "edit_prompt": datasets.Value("string"), "edited_image": datasets.Image()}
    )
    rows = [
        {
            "original_image": {"bytes": png(n), "path": None},
            "edit_prompt": f"Make it snow {n}",
            "edited_image": {"bytes": png(50 + n), "path": None},
        }
        for n in range(6)
    ]
    folder = tmp_path / "up"
    (folder / "data").mkdir(parents=True)
    datasets.Dataset.from_list(rows, features=features).to_parquet(folder / "data" / "train-00000-of-00001.parquet")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    api = huggingface_hub.HfApi()
    api.create_repo("painter/edits", repo_type="dataset")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the client's own way to hand a file to httpx
        api.upload_folder(repo_id="painter/edits", folder_path=folder, repo_type="dataset")
    return rows


def test_a_dataset_of_the_hub(outside, tmp_path):
    found = find_adoption("painter/edits", AdoptOptions())
    assert (found.splits, found.license) == (("train",), "mit")
    build([found.recipe], tmp_path / "out", BuildOptions(workers=1))
    rows = [row for file in (tmp_path / "out" / "data").glob("*") for row in pq.read_table(file).to_pylist()]
    expected = {(o["original_image"]["bytes"], o["edited_image"]["bytes"], o["edit_prompt"]) for o in outside}
    assert {(r["input_image"]["bytes"], r["edited_image"]["bytes"], r["edit_prompt"]) for r in rows} == expected
    assert {row["license"] for row in rows} == {"mit"}


def test_a_dataset_that_the_hub_does_not_have(on_hub):
    with pytest.raises(HubError, match="painter/nothing or the branch does not exist"):
        find_adoption("painter/nothing", AdoptOptions())
