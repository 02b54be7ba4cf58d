"""Scores of whole sets against a plain loop; figures against brute force, and intervals against simulated truth."""

import itertools

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_models import noise_image, tiny_mmclip

from evaluation.heat_map import heat_map
from evaluation.retrieval import RetrievalSet, cut_captions, hits_of, own_seed, paired_difference, score_sets
from evaluation.retrieval_table import (
    chance,
    distortion_figures,
    distortion_table,
    figures,
    retrieval_figures,
    retrieval_table,
)
from evaluation.robustness import distort

IMAGES = {name: noise_image(number) for number, name in enumerate("pqrs")}
SETS = {
    "rule": RetrievalSet("rule", ["p", "q", "p"], [["AB is 6", "AB is 7", "x"], ["x", "AB is 6"], ["y", "x"]]),
    "image": RetrievalSet("image", ["AB is 6", "z"], [["p", "q", "r"], ["s", "p"]], of_images=True),
}


def cosine(model, processor, image: Image.Image, caption: str) -> float:
    with torch.no_grad():
        u = model.embed_images(**processor.encode_images([image]))[0].double()
        v = model.embed_texts(**processor.encode_texts([caption]))[0].double()
    return float(u @ v / (u.norm() * v.norm()))


@pytest.mark.parametrize("distortion", [None, "noise"])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_scores_of_sets_are_those_of_a_plain_loop(distortion, batch_size):
    model, processor = tiny_mmclip("clip")
    scores = score_sets(model, processor, IMAGES, SETS, distortion, seed=4, batch_size=batch_size)
    shown = {
        name: image if distortion is None else distort(image, distortion, own_seed(name, 4))
        for name, image in IMAGES.items()
    }
    for name, part in SETS.items():
        assert scores[name].shape == (len(part.anchors), 3)
        for i, (anchor, row) in enumerate(zip(part.anchors, part.candidates, strict=True)):
            for j, other in enumerate(row):
                image, caption = (other, anchor) if part.of_images else (anchor, other)
                expected = cosine(model, processor, shown[image], caption)
                assert scores[name][i, j] == pytest.approx(expected, abs=1e-5)
            assert (scores[name][i, len(row) :] == -np.inf).all()


def test_each_image_and_each_caption_of_all_sets_is_encoded_once():
    model, processor = tiny_mmclip("clip")
    images, captions = [], []
    vision, text = model.backbone.vision_model.embeddings, model.backbone.text_model.embeddings.token_embedding
    vision.register_forward_hook(lambda module, inputs, output: images.append(len(output)))
    text.register_forward_hook(lambda module, inputs, output: captions.append(len(output)))
    asked = []

    class Counted(dict):
        def __getitem__(self, name):
            asked.append(name)
            return super().__getitem__(name)

    score_sets(model, processor, Counted(IMAGES), SETS, batch_size=2)
    assert sum(images) == 4 and sorted(asked) == ["p", "q", "r", "s"]
    assert sum(captions) == len({"AB is 6", "AB is 7", "x", "y", "z"})


def test_captions_that_are_alike_up_to_the_cut_tie_and_are_counted():
    model, processor = tiny_mmclip("clip")
    long = "AB is 6 " * 20
    sets = {"rule": RetrievalSet("rule", ["p", "q"], [[f"{long}and CD is 5", f"{long}and CD is 7"], ["x", "y"]])}
    assert cut_captions(processor, sets) == 2
    scores = score_sets(model, processor, IMAGES, sets)["rule"]
    assert scores[0, 0] == scores[0, 1] and scores[1, 0] != scores[1, 1]
    assert hits_of(scores[:1]).hit1 == pytest.approx(50)


def brute_force(row: np.ndarray) -> tuple[float, float, float]:
    """Hit@1, Hit@5 and reciprocal rank by every way to break ties."""
    row = row[~np.isneginf(row)]
    ranks = []
    for order in itertools.permutations(range(len(row))):
        ranked = sorted(order, key=lambda i: -row[i])  # stable: ties keep the permutation's order
        ranks.append(1 + ranked.index(0))
    ranks = np.array(ranks)
    return (ranks <= 1).mean(), (ranks <= 5).mean(), (1 / ranks).mean()


def test_figures_are_those_of_brute_force_with_ties_and_any_number_of_negatives():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, size=(40, 7)).astype(float)  # many ties
    for row, length in zip(scores, rng.integers(2, 8, size=40), strict=True):
        row[length:] = -np.inf
    by_hand = 100 * np.array([brute_force(row) for row in scores]).mean(axis=0)
    found = figures(scores)
    assert [found[name][0] for name in ("hit1", "hit5", "mrr")] == pytest.approx(list(by_hand))
    assert hits_of(scores).hit1 == pytest.approx(by_hand[0])
    sizes = (~np.isneginf(scores)).sum(axis=1)
    assert chance(scores)["hit1"] == pytest.approx(100 * (1 / sizes).mean()) == pytest.approx(hits_of(scores).chance)
    assert chance(scores)["hit5"] == pytest.approx(100 * np.minimum(1, 5 / sizes).mean())


def simulated(rng: np.random.Generator, rate: float, anchors: int) -> np.ndarray:
    """Scores whose positive is first at a rate."""
    scores = np.zeros((anchors, 3))
    scores[:, 0] = np.where(rng.random(anchors) < rate, 1.0, -1.0)
    return scores


@pytest.mark.parametrize("rate", [0.2, 0.6])
def test_intervals_cover_the_truth_as_often_as_they_say(rate):
    rng = np.random.default_rng(0)
    found = [hits_of(simulated(rng, rate, 150), samples=200, seed=i) for i in range(200)]
    covered = np.mean([hits.low <= 100 * rate <= hits.high for hits in found])
    assert 0.89 <= covered <= 0.99  # 0.95 ± three deviations of 200 tries, and what the bootstrap is off


def test_intervals_of_paired_differences_cover_the_truth():
    rng = np.random.default_rng(1)
    covered = []
    for i in range(200):
        before = simulated(rng, 0.5, 150)
        after = before.copy()
        lost = rng.random(150) < 0.2
        after[lost, 0] = -1.0  # of the half that was first, a fifth is lost: 10 points
        _, low, high = paired_difference([after], [before], samples=200, seed=i)
        covered.append(low <= -10 <= high)
    assert 0.89 <= np.mean(covered) <= 0.99


RNG = np.random.default_rng(2)
SCORES = {
    name: {key: simulated(RNG, rate, 50) for key in ("rule", "image")} for name, rate in (("A", 0.9), ("B", 0.2))
}
BLIND = {key: np.zeros((50, 3)) for key in ("rule", "image")}


def test_the_table_has_a_row_for_each_encoder_chance_and_blind():
    found = retrieval_figures(SCORES, BLIND)
    table = retrieval_table(found)
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| ")]
    names = [row[0].strip() for row in rows]
    assert names == [f"{m} (%)" if i == 0 else n for m in ("Hit@1", "Hit@5", "MRR")
                     for i, n in enumerate(["", "---", "chance", "blind", "A", "B"])]  # fmt: skip
    assert rows[2][1].strip() == "33.3" and rows[3][1].strip() == "33.3 (33.3–33.3)"
    hits = hits_of(SCORES["A"]["rule"])
    assert rows[4][1].strip() == f"{hits.hit1:.1f} ({hits.low:.1f}–{hits.high:.1f})"
    assert "Ties are shared" in table and "50 anchors per set" in table


def test_distortions_are_paired_with_plain_images():
    worse = {name: {key: run.copy() for key, run in own.items()} for name, own in SCORES.items()}
    worse["A"]["rule"][:10, 0] = -1
    found = distortion_figures(SCORES, {"noise": worse})
    lost = 100 * (SCORES["A"]["rule"][:10, 0] > 0).mean() * 10 / 50
    assert found["noise"]["A"]["rule"]["change"][0] == pytest.approx(-lost)
    assert found["noise"]["B"]["image"]["change"] == [0, 0, 0]
    assert f"{-lost:+.1f}" in distortion_table(found)


def test_several_seeds_are_pooled():
    one, other = SCORES["A"]["rule"], SCORES["B"]["rule"]
    assert figures([one, other])["hit1"][0] == pytest.approx((figures(one)["hit1"][0] + figures(other)["hit1"][0]) / 2)


@pytest.mark.parametrize("blind", [None, BLIND])
def test_the_heat_map_darkens_with_the_hits(tmp_path, blind):
    heat_map(retrieval_figures(SCORES, blind), tmp_path / "map.png")
    image = np.asarray(Image.open(tmp_path / "map.png").convert("L"))
    assert image.shape[0] > 100
    top, second = image[int(image.shape[0] * 0.3)], image[int(image.shape[0] * (0.45 if blind else 0.55))]
    assert np.median(top[len(top) // 2 :]) < 80 < np.median(second[len(second) // 2 :])
