"""The command line as a user meets it: real processes, exit codes, messages."""

import json
import os
import subprocess
import sys
import time

import pytest

COMMANDS = [
    "build", "demo", "sources", "tasks", "recipes", "stats", "preview", "verify", "paraphrase", "reword", "score",
    "index", "filter", "export", "card", "push", "status", "finish", "train", "edit", "evaluate",
]  # fmt: skip


def taskpaint(*arguments, **environment):
    command = [sys.executable, "-m", "taskpaint.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


@pytest.fixture
def built(tiny_coco, tmp_path):
    out = tmp_path / "out"
    done = taskpaint(
        "build", "--source", f"coco:train2017={tiny_coco}", "--task", "segmentation", "-o", out, "--workers", 1
    )
    assert done.returncode == 0, done.stderr
    return out


def test_a_quick_build_says_what_it_did(tiny_coco, tmp_path):
    done = taskpaint("build", "--source", f"coco:train2017={tiny_coco}", "--task", "segmentation", "-o", tmp_path / "o")
    assert done.returncode == 0
    assert "coco-train2017-segmentation" in done.stdout
    assert "12 train triplets" in done.stderr or "validation triplets" in done.stderr


def test_quiet_says_nothing(tiny_coco, tmp_path):
    done = taskpaint("build", "--source", f"coco={tiny_coco}", "--task", "detection", "-o", tmp_path / "o", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_json_is_all_that_stands_on_stdout(built):
    for command in ("verify", "stats"):
        done = taskpaint(command, built, "--json")
        assert done.returncode == 0
        assert json.loads(done.stdout)


def test_options_come_from_the_environment_too(tiny_coco, tmp_path):
    done = taskpaint(
        "build", "--source", f"coco={tiny_coco}", "--task", "segmentation", "-o", tmp_path / "o", "--json",
        TASKPAINT_BUILD_LIMIT="5",
    )  # fmt: skip
    assert sum(json.loads(done.stdout)["rows"].values()) <= 5


def test_dry_run_writes_nothing(tiny_coco, tmp_path):
    done = taskpaint(
        "build", "--source", f"coco={tiny_coco}", "--task", "segmentation", "-o", tmp_path / "o", "--dry-run", "--json"
    )
    found = json.loads(done.stdout)
    assert found["streams"]["coco-segmentation"]["planned"] == 12
    assert found["bytes"] > 12 * 2000
    assert not (tmp_path / "o").exists()


def test_set_changes_the_recipe(tiny_coco, tmp_path):
    recipe = tmp_path / "r.yaml"
    recipe.write_text(f"sources: [{{source: coco, path: {tiny_coco}}}]\ntasks: [segmentation]\n")
    done = taskpaint(
        "build", recipe, "-o", tmp_path / "o", "--set", "image.resize=square", "--set", "image.size=32", "--json"
    )
    assert done.returncode == 0, done.stderr
    stats = json.loads(taskpaint("stats", tmp_path / "o", "--json").stdout)
    assert stats["sizes"] == {"min_width": 32, "max_width": 32, "min_height": 32, "max_height": 32}


def test_verify_exits_1_with_the_list(built):
    shard = next((built / "data").glob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-10])
    done = taskpaint("verify", built)
    assert done.returncode == 1
    assert "cannot be read" in done.stderr


def test_preview_writes_one_file(built):
    done = taskpaint("preview", built, "-q")
    assert done.returncode == 0
    assert (built / "preview.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["build"], "give recipes"),
        (["build", "no-such.yaml", "-o", "x"], "neither a readable file nor a shipped recipe"),
        (["build", "--source", "coco=/nowhere", "--task", "segmentation", "-o", "x"], "folder /nowhere is missing"),
        (["build", "--source", "coco", "--task", "segmentation", "-o", "x"], "NAME=VALUE"),
        (["build", "--source", "coco=/nowhere", "-o", "x"], "--task NAME"),
        (["build", "--source", "cocoa=/nowhere", "--task", "segmentation", "-o", "x"], "did you mean 'coco'?"),
        (["build", "quickstart"], "-o OUT"),
        (["build", "quickstart", "--set", "image.sise=3", "-o", "x"], "did you mean 'size'?"),
        (["sources", "nowhere"], "no source is called"),
        (["tasks", "segmentatio"], "did you mean 'segmentation'?"),
        (["recipes", "show", "nothing"], "shipped are"),
        (["nonsense"], "No such command"),
    ],
)
def test_wrong_usage_is_exit_code_2_with_the_remedy(arguments, words, tmp_path):
    command = [sys.executable, "-m", "taskpaint.cli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "COLUMNS": "200"})
    assert done.returncode == 2
    assert words in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("command", ["verify", "stats", "preview"])
def test_a_folder_that_is_no_dataset_is_exit_code_1(command, tmp_path):
    done = taskpaint(command, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("taskpaint: ")
    assert "Traceback" not in done.stderr


def test_all_missing_sources_are_listed_at_once(tmp_path):
    done = taskpaint("build", "quickstart", "--data", tmp_path, "-o", tmp_path / "o")
    assert done.returncode == 2
    for name in ("coco", "ade20k", "nyu_depth_v2", "oxford_pets"):
        assert f"source {name}" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command):
    subcommand = [command, "show"] if command == "recipes" else [command]
    done = taskpaint(*subcommand, "--help")
    assert done.returncode == 0
    assert f"taskpaint {command}" in done.stdout


def test_recipes_show_fills_every_default_and_reads_back(tmp_path):
    shown = taskpaint("recipes", "show", "quickstart")
    assert "jpeg_quality: 95" in shown.stdout
    assert "opacity: 0.5" in shown.stdout
    (tmp_path / "again.yaml").write_text(shown.stdout)
    again = taskpaint("recipes", "show", tmp_path / "again.yaml")
    assert again.stdout == shown.stdout


def test_recipes_list_check_and_schema():
    assert "quickstart" in taskpaint("recipes", "list").stdout
    assert taskpaint("recipes", "check", "quickstart").returncode == 0
    assert "SourceEntry" in json.loads(taskpaint("recipes", "schema").stdout)["$defs"]


def test_sources_and_tasks_show_everything():
    shown = taskpaint("sources", "coco").stdout
    assert "annotations/instances_train2017.json" in shown
    assert "segmentation" in taskpaint("tasks").stdout
    assert "opacity" in taskpaint("tasks", "segmentation").stdout


def test_ctrl_c_leaves_a_folder_that_resumes(write_coco, tmp_path):
    coco = write_coco(tmp_path / "coco", 60)
    command = [sys.executable, "-m", "taskpaint.cli", "build", "--source", f"coco={coco}", "--task", "segmentation"]
    (tmp_path / "r.yaml").write_text(
        f"sources: [{{source: coco, path: {coco}}}]\n"
        "tasks: [{task: segmentation, weight: 40}]\noutput: {rows_per_shard: 32}\n"
    )
    command = [sys.executable, "-m", "taskpaint.cli", "build", str(tmp_path / "r.yaml"), "-o", str(tmp_path / "o")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    ledger = tmp_path / "o" / ".taskpaint" / "ledger-local.jsonl"
    while not ledger.exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(2)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again" in stderr
    assert "Traceback" not in stderr
    done = taskpaint("build", tmp_path / "r.yaml", "-o", tmp_path / "o", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["resumed_shards"] >= 1


def test_heavy_libraries_stay_out_of_help():
    code = (
        "import sys; from taskpaint.cli import app; "
        "heavy = {'numpy', 'pyarrow', 'pandas', 'cv2', 'datasets', 'torch', 'pydantic', 'yaml', 'PIL'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
