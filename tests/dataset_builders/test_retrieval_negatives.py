"""Retrieval negatives: the nearest other captions of a corpus."""

import numpy as np
import pytest

from dataset_builders.diagram_sets import random_others
from dataset_builders.negatives.retrieval import BLOCK, nearest_captions

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
