"""Heads on embeddings against their formulas in float64, and heads that are none."""

import dataclasses

import numpy as np
import pytest
from taskpaint.filters.scorer import EmbeddedPairs, Embedder
from taskpaint.filters.scorers.aesthetics import KNOWN_HEADS, Aesthetics
from taskpaint.filters.scorers.clip_similarity import ClipSimilarity
from taskpaint.filters.scorers.linear_head import LinearHead
from taskpaint.filters.scorers.nss_distance import NssDistance
from taskpaint.manifests.errors import UsageError

torch = pytest.importorskip("torch")

HEADS = {
    "laion_v1/sa_0_4_vit_l_14_linear.pth": ("vit_l_14", [0]),
    "laion_v1/sa_0_4_vit_b_32_linear.pth": ("vit_b_32", [0]),
    "laion_v1/sa_0_4_vit_b_16_linear.pth": ("vit_b_32", [0]),  # its probes are of the same length
    "improved_v2/sac+logos+ava1-l14-linearMSE.pth": ("vit_l_14", [0, 2, 4, 6, 7]),
    "improved_v2/ava+logos-l14-linearMSE.pth": ("vit_l_14", [0, 2, 4, 6, 7]),
    "improved_v2/ava+logos-l14-reluMSE.pth": ("vit_l_14", [0, 3, 6, 9, 11]),
}


def pairs_of(source, target, source_caption=None, target_caption=None):
    given = (source, target, source_caption, target_caption)
    arrays = [None if vectors is None else np.asarray(vectors, np.float32) for vectors in given]
    keys = [bytes([n]) for n in range(len(source))]
    return EmbeddedPairs(*arrays, keys, keys)


class Named(Embedder):
    """An embedder that is asked for its name and length only."""

    def __init__(self, name, dim, has_text=True, caution=""):
        self.name, self.dim, self.has_text, self.caution, self.identity = name, dim, has_text, caution, {}

    def prepare(self, image):
        raise AssertionError

    def open(self, device):
        raise AssertionError


def formula(file, embeddings, numbers):
    """The published formula in float64, layer by layer, from the file's own tensors."""
    state = {name: tensor.double().numpy() for name, tensor in torch.load(file, map_location="cpu").items()}
    x = embeddings.astype(np.float64)
    x = x / np.sqrt((x * x).sum(axis=1, keepdims=True))
    for number in numbers:
        prefix = "" if numbers == [0] else f"layers.{number}."
        x = x @ state[f"{prefix}weight"].T + state[f"{prefix}bias"]
        if numbers == [0, 3, 6, 9, 11] and number != 11:
            x = np.where(x > 0, x, 0)
    return x[:, 0]


@pytest.mark.parametrize("name", HEADS)
def test_real_heads_on_the_rating_probes(shared_data, name):
    file = shared_data / "aesthetics" / name
    backbone, numbers = HEADS[name]
    folder = shared_data / "aesthetics/laion_v1" / f"{backbone}_embeddings"
    probes = np.concatenate([np.load(folder / f"rating{n}.npy").reshape(1, -1) for n in range(10)])
    probes = probes * np.linspace(0.1, 30, 10, dtype=np.float32)[:, None]  # length must not matter
    expected = formula(file, probes, numbers)
    scorer = Aesthetics(file)
    found = scorer.score(pairs_of(probes, probes[::-1]))
    np.testing.assert_allclose(found["source_aesthetics"], expected, atol=1e-4, rtol=0)
    np.testing.assert_allclose(found["target_aesthetics"], expected[::-1], atol=1e-4, rtol=0)
    np.testing.assert_allclose(found["aesthetics_gap"], expected[::-1] - expected, atol=2e-4, rtol=0)
    assert scorer.identity["sha256"] in KNOWN_HEADS and scorer.identity["head"] == file.name
    alone = [scorer.score(pairs_of(probe[None], probe[None]))["source_aesthetics"][0] for probe in probes]
    np.testing.assert_allclose(alone, found["source_aesthetics"], atol=1e-4, rtol=0)


def test_known_heads_and_their_backbones(shared_data):
    """The published names say which backbone they are for."""
    for name in HEADS:
        scorer = Aesthetics(shared_data / "aesthetics" / name)
        backbone = KNOWN_HEADS[scorer.identity["sha256"]][1]
        assert backbone.lower().replace("-", "_") in name or (backbone == "ViT-L-14" and "l14" in name)
        assert scorer.caution_about(Named(f"{backbone}-quickgelu/openai", 768)) == ""


@pytest.mark.parametrize(
    ("embedder", "caution"),
    [
        (Named("ViT-L-14/laion2b_s32b_b82k", 768), "was trained on OpenAI's ViT-L-14, not on ViT-L-14/laion2b"),
        (Named("ViT-L-14-quickgelu/random:0", 768, caution="random weights"), "random weights; the head"),
        (Named("nss", 768, has_text=False), "is no CLIP"),
    ],
)
def test_what_a_head_cannot_judge(shared_data, embedder, caution):
    scorer = Aesthetics(shared_data / "aesthetics/laion_v1/sa_0_4_vit_l_14_linear.pth")
    assert caution in scorer.caution_about(embedder)


def save(file, state):
    torch.save(state, file)
    return file


@pytest.fixture
def head(tmp_path):
    """A linear head by hand: 2 x - y + 3."""
    return save(tmp_path / "head.pth", {"weight": torch.tensor([[2.0, -1.0]]), "bias": torch.tensor([3.0])})


def test_a_head_by_hand(head):
    found = Aesthetics(head, label="mine").score(pairs_of([[3, 4], [0, 0]], [[0, 7], [np.nan, 1]]))
    # u = (0.6, 0.8) -> 1.2 - 0.8 + 3; u = (0, 1) -> 2; a vector of zeros has no direction
    np.testing.assert_allclose(found["source_aesthetics_mine"], [3.4, np.nan], atol=1e-6)
    np.testing.assert_allclose(found["target_aesthetics_mine"], [2.0, np.nan], atol=1e-6)
    np.testing.assert_allclose(found["aesthetics_gap_mine"], [-1.4, np.nan], atol=1e-6)
    assert [column.name for column in Aesthetics(head, label="mine").columns] == list(found)
    assert Aesthetics(head, label="mine").key == "aesthetics:mine"


def test_no_pairs(head):
    found = Aesthetics(head).score(pairs_of(np.zeros((0, 2)), np.zeros((0, 2))))
    assert all(len(values) == 0 for values in found.values())


def test_vectors_of_another_length(head):
    with pytest.raises(UsageError, match=r"takes vectors of length 2, ViT-B-32/x makes them of length 512"):
        Aesthetics(head).check_embedder(Named("ViT-B-32/x", 512))
    Aesthetics(head).check_embedder(Named("two", 2))


TWO = torch.ones(2, 2)
BAD_HEADS = {
    "no tensors": ({}, "holds no tensors"),
    "another name": ({"visual.proj": TWO}, "holds 'visual.proj', which is no part of a head"),
    "numbers": ({"weight": 3}, "holds no tensors by name"),
    "a list": ([TWO], "holds no tensors by name"),
    "no weight": ({"bias": torch.ones(1)}, "layer 0 has no weight"),
    "a cube": ({"weight": torch.ones(1, 2, 3), "bias": torch.ones(1)}, r"a weight of shape \(1, 2, 3\)"),
    "another bias": ({"weight": TWO, "bias": torch.ones(3)}, r"2 outputs and a bias of shape \(3,\)"),
    "NaN": ({"weight": TWO * float("nan"), "bias": torch.ones(2)}, "holds NaN"),
    "a chain that breaks": (
        {"layers.0.weight": torch.ones(3, 2), "layers.2.weight": TWO, "layers.4.weight": TWO}
        | {"layers.6.weight": TWO, "layers.7.weight": TWO},
        "layer 2 takes 2 numbers, the one before gives 3",
    ),
    "unknown numbers": ({"layers.0.weight": TWO, "layers.1.weight": TWO}, "do not tell whether a ReLU"),
    "two outputs": ({"weight": TWO, "bias": torch.ones(2)}, "gives 2 numbers; a head for aesthetics gives one"),
}


@pytest.mark.parametrize("case", BAD_HEADS)
def test_files_that_are_no_head(tmp_path, case):
    state, message = BAD_HEADS[case]
    with pytest.raises(UsageError, match=message):
        Aesthetics(save(tmp_path / "head.pth", state))


class _Attack:
    def __reduce__(self):
        return (print, ("this must never run",))


@pytest.mark.parametrize("data", [None, b"", b"noise" * 99, b"PK\x03\x04" + bytes(50)])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_files_that_are_not_safe(tmp_path, capsys, data, suffix):
    file = tmp_path / f"head{suffix}"
    if data is None:
        save(file, {"weight": _Attack()})
    else:
        file.write_bytes(data)
    with pytest.raises(UsageError, match=r"head\.(pth cannot be loaded safely|safetensors)"):
        Aesthetics(file)
    assert "never run" not in capsys.readouterr().out


def test_a_missing_head(tmp_path):
    with pytest.raises(UsageError, match=r"head .*none\.pth is not there; put the file of its weights in that place"):
        Aesthetics(tmp_path / "none.pth")


def test_relu_when_the_numbers_do_not_tell(tmp_path):
    """-x then x + 1: with a ReLU between them a positive x is lost."""
    state = {"0.weight": torch.tensor([[-1.0]]), "2.weight": torch.tensor([[1.0]]), "2.bias": torch.tensor([1.0])}
    file = save(tmp_path / "head.pth", state)
    score = lambda relu: Aesthetics(file, relu).score(pairs_of([[5.0], [-5.0]], [[5.0], [-5.0]]))["source_aesthetics"]  # noqa: E731
    assert score(False).tolist() == [0.0, 2.0]
    assert score(True).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("none", [1.0, -1000.0]),
        ("sigmoid", [1 / (1 + np.exp(-1)), 0.0]),
        ("softmax", [1 / (1 + np.exp(-2)), 0.0]),
    ],
)
def test_a_head_of_ones_own(tmp_path, activation, expected):
    """Two outputs, x and -x, of vectors as they are."""
    file = save(tmp_path / "safety.pth", {"weight": torch.tensor([[1.0], [-1.0]])})
    scorer = LinearHead(file, "unsafe", 0, activation, normalize=False)
    found = scorer.score(pairs_of([[1.0], [-1000.0]], [[np.nan], [1.0]]))
    np.testing.assert_allclose(found["source_unsafe"], expected, atol=1e-12)
    assert np.isnan(found["target_unsafe"][0])
    assert {column.name: column.better for column in scorer.columns} == dict.fromkeys(found, "lower")
    assert scorer.key == "linear_head:unsafe"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": "Un safe"}, "use small letters"),
        ({"label": "unsafe", "output": 2}, "gives 2 numbers, 0 to 1, not 2"),
        ({"label": "unsafe", "output": -1}, "not -1"),
    ],
)
def test_wrong_options_of_a_head(tmp_path, options, message):
    file = save(tmp_path / "safety.pth", {"weight": torch.tensor([[1.0], [-1.0]])})
    with pytest.raises(UsageError, match=message):
        LinearHead(file, **options)


def test_softmax_of_one_number(tmp_path):
    file = save(tmp_path / "safety.pth", {"weight": torch.tensor([[1.0]])})
    with pytest.raises(UsageError, match="softmax is always 1"):
        LinearHead(file, "unsafe", activation="softmax")


def test_similarities_by_hand():
    source, target = [[2, 0], [1, 0], [1, 0], [0, 0]], [[0, 5], [3, 0], [0, 1], [1, 0]]
    before, after = [[1, 0], [1, 0], [np.nan] * 2, [1, 0]], [[3, 4], [0, 1], [0, 1], [1, 0]]
    found = ClipSimilarity().score(pairs_of(source, target, before, after))
    np.testing.assert_allclose(found["image_similarity"], [0, 1, 0, np.nan], atol=1e-7)
    np.testing.assert_allclose(found["text_similarity"], [0.8, 0, 1, 1], atol=1e-7)
    np.testing.assert_allclose(found["source_text_similarity"], [1, 1, np.nan, np.nan], atol=1e-7)
    # pictures go by (-1, 1), captions by (0.6 - 1, 0.8): 1.2 / (sqrt 2 * sqrt 0.8); the second pair does not change
    np.testing.assert_allclose(found["direction_similarity"][0], 1.2 / np.sqrt(2 * 0.8), atol=1e-6)
    assert np.isnan(found["direction_similarity"][1:]).all()


def test_direction_as_instructpix2pix_computes_it():
    """Its metrics/clip_similarity.py: torch's cosine_similarity of differences of normalised features."""
    draw = np.random.default_rng(0)
    vectors = [draw.normal(size=(9, 32)).astype(np.float32) for _ in range(4)]
    found = ClipSimilarity().score(pairs_of(*vectors))
    source, target, before, after = (torch.nn.functional.normalize(torch.from_numpy(v), dim=1) for v in vectors)
    expected = torch.nn.functional.cosine_similarity(target - source, after - before)
    np.testing.assert_allclose(found["direction_similarity"], expected.numpy(), atol=1e-6)
    np.testing.assert_allclose(found["image_similarity"], (source * target).sum(1).numpy(), atol=1e-6)


def test_without_captions_only_pictures_are_compared():
    found = ClipSimilarity().score(pairs_of([[1, 0]], [[1, 0]]))
    assert found["image_similarity"] == [1.0]
    assert all(np.isnan(found[name]).all() for name in found if name != "image_similarity")


def test_distance_of_statistics():
    found = NssDistance().score(pairs_of([[0, 0], [1, 1]], [[3, 4], [np.nan, 1]]))
    np.testing.assert_allclose(found["nss_distance"], [5, np.nan])


def test_columns_are_what_is_scored(head):
    pairs = pairs_of([[1, 0]], [[0, 1]])
    for scorer in (Aesthetics(head), LinearHead(head, "unsafe"), ClipSimilarity(), NssDistance()):
        assert [column.name for column in scorer.columns] == list(scorer.score(pairs))
        assert all(dataclasses.asdict(column)["description"] for column in scorer.columns)
