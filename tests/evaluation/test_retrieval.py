"""Ranking figures against sums by hand, and scores against a plain loop over anchors and candidates."""

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_models import BACKBONES, tiny_mmclip

from evaluation import hits_of, paired_difference, ranking_scores
from evaluation.retrieval import embed_captions, embed_images

CAPTIONS = ["AB is 6", "in triangle ABC", "AB is 6", "x", "the side AB is 5", "x", "AB is 6"]


def pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*shape, 32, 32), dtype=np.uint8)


@pytest.mark.parametrize("kind", BACKBONES)
def test_captions_are_embedded_in_their_order(kind):
    model, processor = tiny_mmclip(kind)
    embeds = embed_captions(model, processor, CAPTIONS, batch_size=2)
    assert embeds.shape[0] == len(CAPTIONS) and embeds.device.type == "cpu" and not embeds.requires_grad
    assert embeds.norm(dim=-1) == pytest.approx(np.ones(len(CAPTIONS)), abs=1e-5)
    for row, text in zip(embeds, CAPTIONS, strict=True):
        with torch.no_grad():
            alone = model.embed_texts(**processor.encode_texts([text]))[0]
        assert torch.allclose(row, alone, atol=1e-5), text


@pytest.mark.parametrize("batch_size", [1, 2, 256])
def test_each_distinct_caption_is_encoded_once(batch_size):
    model, processor = tiny_mmclip("clip")
    encoded: list[int] = []
    model.backbone.text_model.embeddings.token_embedding.register_forward_hook(
        lambda module, inputs, output: encoded.append(len(output))
    )
    embed_captions(model, processor, CAPTIONS, batch_size)
    assert sum(encoded) == len(set(CAPTIONS)) == 4
    assert max(encoded) <= batch_size


def test_images_are_embedded_in_their_order():
    model, processor = tiny_mmclip("clip")
    arrays = list(pictures(5))
    mixed = [arrays[0], Image.fromarray(arrays[1]), *arrays[2:]]
    embeds = embed_images(model, processor, mixed, batch_size=2)
    for row, array in zip(embeds, arrays, strict=True):
        with torch.no_grad():
            alone = model.embed_images(**processor.encode_images([Image.fromarray(array)]))[0]
        assert torch.allclose(row, alone, atol=1e-5)


@pytest.mark.parametrize("kind", BACKBONES)
def test_scores_of_caption_candidates_are_those_of_a_plain_loop(kind):
    model, processor = tiny_mmclip(kind)
    images, captions = pictures(3), [["AB is 6", "AB is 7"], ["x", "AB is 6"], ["CD is 1", "y"]]
    scores = ranking_scores(model, processor, images, captions, batch_size=2)
    assert scores.shape == (3, 2)
    for i, row in enumerate(captions):
        for j, text in enumerate(row):
            assert scores[i, j] == pytest.approx(_cosine(model, processor, images[i], text), abs=1e-5)


@pytest.mark.parametrize("kind", BACKBONES)
def test_scores_of_image_candidates_are_those_of_a_plain_loop(kind):
    model, processor = tiny_mmclip(kind)
    images, captions = pictures(2, 3), [["AB is 6"], ["x"]]
    scores = ranking_scores(model, processor, images, captions, batch_size=4)
    assert scores.shape == (2, 3)
    for i in range(2):
        for j in range(3):
            assert scores[i, j] == pytest.approx(_cosine(model, processor, images[i, j], captions[i][0]), abs=1e-5)


def _cosine(model, processor, image: np.ndarray, text: str) -> float:
    """From the backbone's own features, one pair at a time."""
    with torch.no_grad():
        u = model.embed_images(**processor.encode_images([Image.fromarray(image)]))[0].double()
        v = model.embed_texts(**processor.encode_texts([text]))[0].double()
    return float(u @ v / (u.norm() * v.norm()))


def test_scores_are_taken_in_eval_mode():
    """Dropout in a model that is being trained does not reach the scores."""
    model, processor = tiny_mmclip("clip")
    for module in model.modules():
        if hasattr(module, "dropout") and isinstance(module.dropout, float):
            module.dropout = 0.5
    calm = ranking_scores(model, processor, pictures(2), [["a", "b"]] * 2)
    model.train()
    assert np.array_equal(calm, ranking_scores(model, processor, pictures(2), [["a", "b"]] * 2))


def test_figures_are_those_of_a_sum_by_hand():
    """Ranks of the positive: 1, 2, 3, 7 of 7."""
    scores = np.array(
        [
            [9, 1, 2, 3, 4, 5, 6],
            [5, 9, 1, 2, 3, 4, 0],
            [5, 9, 8, 2, 3, 4, 0],
            [0, 1, 2, 3, 4, 5, 6],
        ],
        dtype=float,
    )
    hits = hits_of(scores)
    assert hits.hit1 == pytest.approx(25)
    assert hits.hit5 == pytest.approx(75)
    assert hits.mrr == pytest.approx(100 * (1 + 1 / 2 + 1 / 3 + 1 / 7) / 4)
    assert hits.chance == pytest.approx(100 / 7)


def test_ties_are_shared():
    """Level with one other, the positive is first half of the time; level with all, as often as by chance."""
    assert hits_of(np.array([[1.0, 1.0, 0.0]])).hit1 == pytest.approx(50)
    assert hits_of(np.array([[1.0, 1.0, 0.0]])).mrr == pytest.approx(75)
    level = hits_of(np.zeros((4, 11)))
    assert level.hit1 == pytest.approx(level.chance) == pytest.approx(100 / 11)
    assert level.hit5 == pytest.approx(500 / 11)
    assert level.mrr == pytest.approx(100 * sum(1 / rank for rank in range(1, 12)) / 11)
    # Second to third of four: never first, always among five.
    between = hits_of(np.array([[1.0, 2.0, 1.0, 0.0]]))
    assert (between.hit1, between.hit5) == (0, 100) and between.mrr == pytest.approx(100 * (1 / 2 + 1 / 3) / 2)


def test_a_score_that_is_no_number_is_never_a_hit():
    assert hits_of(np.array([[np.nan, 0.0, -5.0]])).hit1 == 0


@pytest.mark.parametrize("rows", [20, 400])
def test_the_interval_contains_the_mean_and_narrows_with_anchors(rows):
    scores = np.random.default_rng(0).standard_normal((rows, 4))
    scores[:, 0] += 0.5
    hits = hits_of(scores)
    assert hits.low < hits.hit1 < hits.high
    share = hits.hit1 / 100
    # A binomial's 95% interval, which the bootstrap's is close to.
    assert hits.high - hits.low == pytest.approx(2 * 196 * np.sqrt(share * (1 - share) / rows), rel=0.15)
    assert hits == hits_of(scores)
    certain = hits_of(np.tile([1.0, 0.0], (rows, 1)))
    assert certain.low == certain.hit1 == certain.high == 100


def _scores(rate: float, rows: int, seed: int) -> np.ndarray:
    """Scores whose positive is first at a rate."""
    rng = np.random.default_rng(seed)
    scores = np.zeros((rows, 3))
    scores[:, 0] = np.where(rng.random(rows) < rate, 1.0, -1.0)
    return scores


def test_a_paired_difference_has_the_sign_and_size_of_the_means():
    ours, theirs = [_scores(0.8, 400, s) for s in (0, 1)], [_scores(0.5, 400, s) for s in (2, 3)]
    mean, low, high = paired_difference(ours, theirs)
    by_hand = np.mean([hits_of(a).hit1 - hits_of(b).hit1 for a, b in zip(ours, theirs, strict=True)])
    assert mean == pytest.approx(by_hand)
    assert 0 < low < mean < high
    opposite, below, above = paired_difference(theirs, ours)
    assert opposite == pytest.approx(-mean)
    assert (below, above) == (pytest.approx(-high, abs=1), pytest.approx(-low, abs=1))


def test_a_paired_difference_of_equal_scores_is_zero_to_its_ends():
    scores = [_scores(0.5, 50, 0), _scores(0.7, 50, 1)]
    assert paired_difference(scores, scores) == (0, 0, 0)


def test_pairing_counts_the_same_anchors_together():
    """Where both hit the same anchors but for a few, the interval is far narrower than unpaired anchors' would be."""
    base = _scores(0.5, 400, 0)
    better = base.copy()
    better[:8, 0] = 1.0
    mean, low, high = paired_difference([better], [base])
    assert mean == pytest.approx(100 * (base[:8, 0] < 0).sum() / 400)
    assert high - low < 4 < hits_of(base).high - hits_of(base).low


def test_seeds_that_disagree_widen_the_interval():
    base = np.zeros((200, 2))
    base[:, 0] = -1
    first, second = base.copy(), base.copy()
    first[:100, 0] = 1  # plus 50 points with one seed, none with the other
    agreeing = paired_difference([first, first], [base, base])
    disagreeing = paired_difference([first, second], [base, base])
    assert disagreeing[0] == pytest.approx(agreeing[0] / 2)
    assert disagreeing[2] - disagreeing[1] > 2 * (agreeing[2] - agreeing[1])
