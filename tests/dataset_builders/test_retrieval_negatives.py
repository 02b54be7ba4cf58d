"""Retrieval negatives: the nearest other captions of a corpus."""

from functools import cache

import numpy as np
import pytest

from dataset_builders.audit import without_anchor
from dataset_builders.diagram.caption import caption
from dataset_builders.diagram.sample import sample_program
from dataset_builders.diagram_sets import random_others
from dataset_builders.negatives.embedding import embed
from dataset_builders.negatives.retrieval import BLOCK, nearest_captions, normal_form, retrieval_negatives, top_k

CORPUS = [
    "Triangle ABC is isosceles. AB = 6.",
    "Triangle ABC is isosceles. AB = 7.",
    "Square KLMN. KL is 9 long.",
    "Triangle ABC is right with its right angle at A. AB = 6.",
    "Square KLMN. KL is 8 long.",
]


def test_the_nearest_captions_come_first():
    nearest = nearest_captions(CORPUS, 2)
    assert nearest[0] == [1, 3] or nearest[0] == [3, 1]
    assert nearest[1][0] == 0
    assert nearest[2][0] == 4 and nearest[4][0] == 2


def test_the_order_is_that_of_similarity_of_words_and_letters():
    """A nearly equal caption is before one that shares a word, and that before one that shares nothing."""
    corpus = ["circle O radius OA", "zzz qqq", "circle O radius OB", "circle P chord PQ"]
    assert nearest_captions(corpus, 3)[0] == [2, 3, 1]


def test_equal_captions_are_never_negatives_of_one_another():
    corpus = [CORPUS[0], *CORPUS, CORPUS[0]]
    for own, row in enumerate(nearest_captions(corpus, 4)):
        assert len(row) == 4
        assert corpus[own] not in [corpus[i] for i in row]


def test_no_two_negatives_of_a_caption_are_equal():
    corpus = [*CORPUS, CORPUS[1], CORPUS[1], CORPUS[3]]
    for own, row in enumerate(nearest_captions(corpus, 4)):
        texts = [corpus[i] for i in row]
        assert len(set(texts)) == 4 and corpus[own] not in texts


def test_a_hundred_copies_do_not_hide_the_others():
    corpus = ["AB = 6."] * 100 + ["AB = 7.", "CD = 8."]
    assert nearest_captions(corpus, 2)[:100] == [[100, 101]] * 100


def test_more_than_there_are_gives_all_there_are():
    for own, row in enumerate(nearest_captions(CORPUS, 50)):
        assert sorted(row) == [i for i in range(len(CORPUS)) if i != own]
    assert nearest_captions(["AB = 6.", "AB = 6."], 3) == [[], []]


def test_blocks_give_what_one_block_gives():
    """Captions beyond the first block are compared with the whole corpus, too."""
    corpus = [f"triangle number {i}" for i in range(BLOCK + 50)] + ["square A", "square B"]
    nearest = nearest_captions(corpus, 3)
    assert len(nearest) == len(corpus)
    assert nearest[-2][0] == len(corpus) - 1 and nearest[-1][0] == len(corpus) - 2
    assert all(own not in row for own, row in enumerate(nearest))


@pytest.mark.parametrize("seed", [0, 1])
def test_random_others_are_others_and_evenly_spread(seed):
    corpus = [f"AB = {i}." for i in range(20)]
    rng = np.random.default_rng(seed)
    counts = np.zeros(20)
    for _ in range(600):
        row = random_others(3, corpus, 5, rng)
        assert len(set(row)) == 5 and 3 not in row
        counts[row] += 1
    expected = 600 * 5 / 19
    others = np.delete(counts, 3)
    assert ((others - expected) ** 2 / expected).sum() < 50  # chi-square of 18 degrees of freedom, far in its tail


def test_random_others_leave_out_the_own_caption_wherever_it_stands():
    corpus = ["AB = 6."] * 10 + ["AB = 7.", "AB = 8."]
    row = random_others(0, corpus, 5, np.random.default_rng(0))
    assert sorted(row) == [10, 11]


# Choosing negatives


@cache
def corpus(count=1500):
    return [caption(sample_program(np.random.default_rng([31, i]), 4)[0], i % 3) for i in range(count)]


@pytest.mark.parametrize("choice", ["top", "random", "simans"])
@pytest.mark.parametrize("exchangeable", [True, False])
def test_negatives_differ_from_the_positive_and_from_one_another(choice, exchangeable):
    captions = corpus()
    found = retrieval_negatives(captions, 10, 0, choice=choice, exchangeable=exchangeable)
    assert len(found.rows) == len(captions)
    for anchor, row in enumerate(found.rows):
        texts = [normal_form(captions[i]) for i in [anchor, *row]]
        assert len(set(texts)) == len(texts) == 11
    again = retrieval_negatives(captions, 10, 0, choice=choice, exchangeable=exchangeable)
    assert again.rows == found.rows
    assert retrieval_negatives(captions, 10, 1, choice=choice, exchangeable=True).rows != found.rows


def test_the_nearest_are_nearer_than_random_ones_of_the_pool():
    closeness = {
        choice: np.mean(retrieval_negatives(corpus(), 5, 0, choice=choice, exchangeable=False).scores)
        for choice in ("top", "random")
    }
    assert closeness["top"] > closeness["random"] + 0.05


def test_simans_prefers_what_is_as_far_away_as_it_is_told():
    near, far = (
        np.mean(retrieval_negatives(corpus(), 5, 0, choice="simans", exchangeable=False, b=b).scores)
        for b in (0, -0.6)
    )
    assert near > far + 0.1


def test_exchangeable_candidates_do_not_tell_the_positive_without_its_image():
    """Chance is 9.1; the paper's way tells it by its place in the middle."""
    captions = corpus()
    hits = {}
    for exchangeable in (True, False):
        rows = retrieval_negatives(captions, 10, 0, exchangeable=exchangeable).rows
        texts = [[captions[i], *(captions[j] for j in row)] for i, row in enumerate(rows) if len(row) == 10]
        scores = without_anchor(np.zeros((len(texts), 8, 8), np.uint8), texts)
        hits[exchangeable] = 100 * np.mean(scores.argmax(axis=1) == 0)
    # Below chance is no clue: each caption is the positive of one row and a negative of ten, and a learner that takes
    # to the words of a positive meets them as negatives in the other half.
    assert hits[True] < 12.1 and hits[False] > 20, hits


@pytest.mark.parametrize("choice", ["top", "random", "simans"])
def test_a_caption_that_many_are_equivalent_to_is_a_negative_as_often_as_others(choice):
    """Vague captions are true of many figures. Were they just left out there, who is vague would be the positive."""
    captions = list({normal_form(text): text for text in corpus()}.values())
    fifth = np.random.default_rng(0).random((len(captions), len(captions))) < 0.2

    def same(first, second):
        first, second = sorted((first, second))
        return first % 10 == 0 and bool(fifth[first, second])

    rows = retrieval_negatives(captions, 10, 0, choice=choice, same=same).rows
    times = np.bincount([negative for row in rows for negative in row], minlength=len(captions))
    vague = np.arange(len(captions)) % 10 == 0
    assert 0.9 < times[vague].mean() / times[~vague].mean() < 1.1
    assert not any(same(anchor, negative) for anchor, row in enumerate(rows) for negative in row)


def test_equivalents_are_excluded_by_text_by_facts_and_by_similarity():
    captions = ["AB = 6. △ABC is right.", "BA = 6. △BCA is right", "AB = 7.", "CD = 7.", "EF = 9.", "∠ABC = 40°."]
    assert 1 not in retrieval_negatives(captions, 4, 0, exchangeable=False, similarity_ceiling=None).rows[0]
    by_facts = retrieval_negatives(captions, 3, 0, exchangeable=False, same=lambda i, j: {i, j} == {0, 2})
    assert 2 not in by_facts.rows[0] and 0 not in by_facts.rows[2]
    ceiling = retrieval_negatives(captions, 1, 0, exchangeable=False, similarity_ceiling=1e-6)
    assert ceiling.shortfalls


def test_any_encoder_serves_and_a_broken_one_is_named():
    class Letters:
        def encode(self, texts):
            return np.array([[text.count(letter) + 0.1 for letter in "ABCDEF"] for text in texts])

    class Broken:
        def encode(self, texts):
            return np.full((len(texts), 4), np.nan)

    captions = ["AB AB", "AB AA", "EF EF", "FE EE", "CD CC"]
    rows = retrieval_negatives(captions, 1, 0, model=Letters(), exchangeable=False, similarity_ceiling=2.0).rows
    assert rows[0] == [1] and rows[2] == [3]
    with pytest.raises(ValueError, match="caption 0 is not finite"):
        retrieval_negatives(captions, 1, 0, model=Broken())


@pytest.mark.parametrize(
    ("captions", "options", "words"),
    [
        ([], {}, "corpus is empty"),
        (["AB = 6.", " "], {}, "Caption 1 is empty"),
        (["AB = 6."] * 3, {}, "are the same text"),
        (["AB = 6.", "AB = 7."], {"num_negatives": 0}, "at least one negative"),
        (["AB = 6.", "AB = 7."], {"pool": 1}, "smaller than num_negatives"),
        (["AB = 6.", "AB = 7."], {"choice": "best"}, "is one of top, random, simans"),
        (["AB = 6.", "AB = 7."], {"b": 0.1}, "exchangeable=False"),
    ],
)
def test_what_cannot_be_served_gets_a_sentence(captions, options, words):
    with pytest.raises(ValueError, match=words):
        retrieval_negatives(captions, **{"num_negatives": 2, "seed": 0, **options})


def test_a_corpus_that_is_too_small_gives_shorter_rows_and_says_why():
    found = retrieval_negatives(["AB = 6.", "AB = 7.", "AB = 8."], 5, 0, exchangeable=False)
    assert [len(row) for row in found.rows] == [2, 2, 2]
    assert found.shortfalls == {"the corpus has too few different captions": 3}


def test_the_inverted_file_finds_nearly_what_the_exact_search_finds():
    vectors = embed(corpus())
    exact, _ = (top_k(vectors, vectors, 20, exact=exact)[1] for exact in (True, False))
    scores, found = top_k(vectors, vectors, 20, exact=False)
    recall = np.mean([len(set(a) & set(b)) / 20 for a, b in zip(exact.tolist(), found.tolist(), strict=True)])
    assert recall > 0.8 and (np.diff(scores, axis=1) <= 1e-6).all()
