"""The CLIP embedder against open_clip itself, on real architectures with seeded random weights."""

import pickle

import numpy as np
import pytest
from PIL import Image
from taskpaint.filters.embedders._clip_weights import _published_sha256
from taskpaint.filters.embedders.clip import ClipEmbedder
from taskpaint.manifests.errors import UsageError
from taskpaint.manifests.extras import load_extra

SMALL = "ViT-S-32-alt/random:3"
SIZES = [(224, 224), (225, 224), (300, 225), (225, 301), (640, 427), (100, 37), (31, 500), (1, 1), (1023, 768)]

open_clip = pytest.importorskip("torch") and load_extra("open_clip", "score")
torch = load_extra("torch", "score")


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Threads of torch wait for each other busily; beside other tests that takes longer than one alone."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def photograph(width, height, seed=0):
    """Noise at several scales, so that every pixel of a wrong resampling shows."""
    draw = np.random.default_rng((seed, width, height))
    few = Image.fromarray(draw.integers(0, 256, (6, 7, 3), np.uint8))
    coarse = few.resize((width, height), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(coarse).astype(int) + draw.integers(-20, 21, (height, width, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def small():
    return ClipEmbedder(SMALL)


@pytest.fixture(scope="module")
def prepared(small):
    return np.stack([small.prepare(photograph(320, 240, seed)) for seed in range(13)])


@pytest.fixture(scope="module")
def embed(small):
    return small.open("cpu")


def transform_of(model, pretrained=None):
    """open_clip's own, for weights of that name; the weights themselves are not needed."""
    config = dict(open_clip.get_pretrained_cfg(model, pretrained)) if pretrained else {}
    config["size"] = open_clip.get_model_config(model)["vision_cfg"]["image_size"]
    known = open_clip.transform.PreprocessCfg.__dataclass_fields__
    wanted = open_clip.transform.PreprocessCfg(**{k: v for k, v in config.items() if k in known and v is not None})
    return open_clip.transform.image_transform_v2(wanted, is_train=False)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("model", ["ViT-L-14-quickgelu", "ViT-L-14-336-quickgelu"])
def test_preparation_is_open_clips_bit_for_bit(model, size):
    embedder = ClipEmbedder(f"{model}/random:0")
    image = photograph(*size)
    theirs = transform_of(model)(Image.fromarray(image))
    ours = torch.from_numpy(np.array(embedder.prepare(image))).permute(2, 0, 1).to(torch.float32).div(255)
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (embedder._mean, embedder._std))
    assert torch.equal(ours.sub(mean).div(std), theirs)


@pytest.mark.parametrize("size", SIZES)
def test_other_ways_to_prepare(size, monkeypatch):
    """SigLIP's models squash instead of cropping, and have another mean; the file here stands for their weights."""
    embedder = ClipEmbedder.__new__(ClipEmbedder)
    embedder.size_px, embedder._resize, embedder._filter = 224, "squash", "bicubic"
    theirs = transform_of("ViT-B-16-SigLIP", "webli")(Image.fromarray(photograph(*size)))
    ours = torch.from_numpy(np.array(embedder.prepare(photograph(*size)))).permute(2, 0, 1).to(torch.float32).div(255)
    assert torch.equal(ours.sub(0.5).div(0.5), theirs)


def reference_model(name, seed):
    """What open_clip makes by itself from the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return open_clip.create_model(name, pretrained=None).eval()


def test_embeddings_are_open_clips_own(small, embed):
    images = [photograph(*size) for size in SIZES]
    transform = transform_of("ViT-S-32-alt")
    with torch.inference_mode():
        theirs = reference_model("ViT-S-32-alt", 3).encode_image(
            torch.stack([transform(Image.fromarray(image)) for image in images])
        )
    ours = embed(np.stack([small.prepare(image) for image in images]))
    assert ours.dtype == np.float32 and ours.shape == (len(SIZES), small.dim) == (len(SIZES), 256)
    np.testing.assert_array_equal(ours, theirs.numpy())


def test_texts_are_open_clips_own(small):
    texts = ["a red house", "", "ünïcode 😀", "a very long caption " * 60]
    with torch.inference_mode():
        theirs = reference_model("ViT-S-32-alt", 3).encode_text(open_clip.get_tokenizer("ViT-S-32-alt")(texts))
    np.testing.assert_array_equal(small.open_text("cpu")(texts), theirs.numpy())


def test_a_vector_does_not_depend_on_its_batch(embed, prepared):
    whole = embed(prepared)
    assert np.abs(whole).max() > 0.1
    for size in (1, 2, 5):
        pieces = np.concatenate([embed(prepared[at : at + size]) for at in range(0, len(prepared), size)])
        np.testing.assert_allclose(pieces, whole, atol=1e-4, rtol=0)
    order = np.random.default_rng(0).permutation(len(prepared))
    np.testing.assert_allclose(embed(prepared[order]), whole[order], atol=1e-4, rtol=0)


def test_bfloat16_is_close_and_has_another_identity(embed, prepared):
    low = ClipEmbedder(SMALL, precision="bfloat16")
    found, whole = low.open("cpu")(prepared[:4]), embed(prepared[:4])
    cosines = (found * whole).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(whole, axis=1)
    assert found.dtype == np.float32 and cosines.min() > 0.99 and not np.array_equal(found, whole)
    assert low.identity != ClipEmbedder(SMALL).identity


def test_the_default_model():
    """ViT-L-14-quickgelu itself, with the activation that OpenAI trained it with."""
    embedder = ClipEmbedder("ViT-L-14-quickgelu/random:0")
    image = photograph(300, 260)
    found = embedder.open("cpu")(embedder.prepare(image)[None])
    model = embedder._models["cpu"]
    with torch.inference_mode():
        theirs = model.encode_image(transform_of("ViT-L-14-quickgelu", "openai")(Image.fromarray(image))[None])
    assert {type(module).__name__ for module in model.visual.modules()} & {"GELU", "QuickGELU"} == {"QuickGELU"}
    assert found.shape == (1, 768) == (1, embedder.dim)
    np.testing.assert_array_equal(found, theirs.numpy())


def test_workers_get_no_weights(small, embed):
    assert len(pickle.dumps(small)) < 4096
    again = pickle.loads(pickle.dumps(small))
    np.testing.assert_array_equal(again.prepare(photograph(40, 30)), small.prepare(photograph(40, 30)))


def test_random_weights_say_so(small):
    assert "random weights" in small.caution
    assert small.identity["name"] == SMALL and small.identity != ClipEmbedder("ViT-S-32-alt/random:4").identity


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    file = tmp_path_factory.mktemp("weights") / "small.pt"
    torch.save(reference_model("ViT-S-32-alt", 3).state_dict(), file)
    return file


def test_a_local_checkpoint(checkpoint, embed, prepared):
    import hashlib

    embedder = ClipEmbedder("ViT-S-32-alt/local", checkpoint)
    assert embedder.caution == ""
    assert embedder.identity["sha256"] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    np.testing.assert_array_equal(embedder.open("cpu")(prepared[:2]), embed(prepared[:2]))


def test_a_checkpoint_of_another_model(checkpoint):
    with pytest.raises(UsageError, match=r"small\.pt cannot be loaded safely as weights of ViT-S-32 "):
        ClipEmbedder("ViT-S-32/local", checkpoint).open("cpu")


class _Attack:
    def __reduce__(self):
        return (print, ("this must never run",))


@pytest.mark.parametrize("kind", ["code", "noise", "empty"])
def test_a_checkpoint_that_is_not_safe(tmp_path, capsys, kind):
    file = tmp_path / "evil.pt"
    if kind == "code":
        torch.save({"state_dict": _Attack()}, file)
    else:
        file.write_bytes(b"noise" * 50 if kind == "noise" else b"")
    with pytest.raises(UsageError, match=r"evil\.pt cannot be loaded safely"):
        ClipEmbedder("ViT-S-32-alt/local", file).open("cpu")
    assert "never run" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "is neither 'nss' nor MODEL/PRETRAINED"),
        ("ViT-L-15/openai", "is neither 'nss' nor MODEL/PRETRAINED"),
        ("ViT-L-14/nobody", "has no weights 'nobody' for ViT-L-14"),
        ("ViT-L-14/random:x", "has no weights 'random:x'"),
        ("ViT-L-14/openai", "trained with QuickGELU, but ViT-L-14 computes GELU; use ViT-L-14-quickgelu/openai"),
        ("ViT-L-14-quickgelu/local", "needs a file of weights; give --checkpoint FILE"),
    ],
)
def test_a_wrong_name(name, message):
    with pytest.raises(UsageError, match=message.replace("(", r"\(")):
        ClipEmbedder(name, download=False)


def test_weights_that_are_not_here(tmp_path, monkeypatch):
    monkeypatch.setattr(load_extra("huggingface_hub.constants", "score"), "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(load_extra("huggingface_hub", "score"), "try_to_load_from_cache", lambda *_: None)
    with pytest.raises(UsageError, match=r"bring open_clip_model\.safetensors of the Hub .* timm/.*--checkpoint"):
        ClipEmbedder("ViT-L-14-quickgelu/openai", download=False)


def test_weights_in_the_hubs_cache(tmp_path, monkeypatch, checkpoint):
    """The cache's own layout; the file is of another model, which is not looked at before it is loaded."""
    hub = load_extra("huggingface_hub", "score")
    repository = tmp_path / "models--timm--vit_large_patch14_clip_224.openai"
    snapshot = repository / "snapshots" / "0123456789"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123456789")
    (snapshot / "open_clip_pytorch_model.bin").write_bytes(checkpoint.read_bytes())
    real = hub.try_to_load_from_cache
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda repo, file: real(repo, file, cache_dir=tmp_path))
    embedder = ClipEmbedder("ViT-L-14-quickgelu/openai", download=False)
    assert embedder.caution == "" and embedder.dim == 768


def test_a_missing_checkpoint(tmp_path):
    with pytest.raises(UsageError, match="is no file"):
        ClipEmbedder("ViT-S-32-alt/local", tmp_path / "none.pt")
    with pytest.raises(UsageError, match="has random weights; leave --checkpoint out"):
        ClipEmbedder(SMALL, tmp_path / "none.pt")


def test_published_hashes():
    digest = "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836"
    assert _published_sha256(f"https://example.org/clip/models/{digest}/ViT-L-14.pt") == digest
    assert _published_sha256("https://example.org/v0.2/vit_b_32-quickgelu-laion400m_e32-46683a32.pt") == "46683a32"
    assert _published_sha256("https://example.org/l14_400m.pt") == ""


def test_a_checkpoint_that_is_not_the_published_one(tmp_path):
    file = tmp_path / "vit_b_32-quickgelu-laion400m_e32-46683a32.pt"
    file.write_bytes(b"something else")
    with pytest.raises(UsageError, match=r"published is 46683a32…; fetch it again"):
        ClipEmbedder("ViT-B-32-quickgelu/laion400m_e32", file)
