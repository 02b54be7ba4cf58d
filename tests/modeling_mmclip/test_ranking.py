"""Ranks of positives among their candidates."""

import numpy as np
import pytest

from modeling_mmclip import positive_ranks


def test_hits_and_reciprocal_ranks_by_hand():
    scores = np.array([[0.9, 0.1, 0.2], [0.5, 0.9, 0.2], [0.1, 0.5, 0.9]])
    ranks = positive_ranks(scores)
    assert ranks.hit_at(1).tolist() == [1, 0, 0]
    assert ranks.hit_at(2).tolist() == [1, 1, 0]
    assert ranks.reciprocal().tolist() == pytest.approx([1, 1 / 2, 1 / 3])


def test_ties_are_shared():
    ranks = positive_ranks(np.array([[0.5, 0.5, 0.5, 0.1]]))
    assert ranks.hit_at(1).tolist() == pytest.approx([1 / 3])
    assert ranks.hit_at(2).tolist() == pytest.approx([2 / 3])
    assert ranks.hit_at(3).tolist() == pytest.approx([1])
    assert ranks.reciprocal().tolist() == pytest.approx([(1 + 1 / 2 + 1 / 3) / 3])


def test_equal_scores_for_all_are_chance_not_success():
    assert positive_ranks(np.zeros((4, 10))).hit_at(1).mean() == pytest.approx(0.1)
