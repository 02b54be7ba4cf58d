"""Shares above a cosine, k-means separation and the t-SNE plot."""

import numpy as np
import pytest
from PIL import Image

from evaluation.similarity import max_cosine_table, separation, tsne_plot


def cluster(centre: int, count: int, seed: int) -> np.ndarray:
    rows = 0.1 * np.random.default_rng(seed).normal(size=(count, 6))
    rows[:, centre] += 1
    return rows


def test_the_table_counts_the_greatest_cosine_of_each_row():
    angles = np.deg2rad([0, 20, 28, 40, 80])  # cosines 1, 0.94, 0.88, 0.77, 0.17
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    table = max_cosine_table({"image": rows, "far": rows[4:]}, np.array([[1.0, 0.0], [0.0, -1.0]]))
    assert table["image"] == {0.9: 40.0, 0.85: 60.0, 0.7: 80.0, 0.6: 80.0}
    assert table["far"] == {0.9: 0.0, 0.85: 0.0, 0.7: 0.0, 0.6: 0.0}


def test_two_kinds_apart_are_separated_and_one_kind_is_not():
    assert separation(cluster(0, 60, 0), cluster(1, 20, 1)) == 1
    assert separation(cluster(0, 200, 0), cluster(0, 200, 1)) < 0.6
    with pytest.raises(ValueError, match="All embeddings are equal"):
        separation(np.ones((3, 2)), np.ones((2, 2)))


def test_the_plot_keeps_kinds_apart_and_is_the_same_again(tmp_path):
    groups = {"image": cluster(0, 30, 0), "retrieval": cluster(1, 40, 1)}
    places = tsne_plot(groups, tmp_path / "plot.png", most=25)
    assert places.shape == (50, 2)
    assert separation(np.c_[places[:25], np.ones(25)], np.c_[places[25:], np.ones(25)]) > 0.9
    np.testing.assert_array_equal(places, tsne_plot(groups, tmp_path / "again.png", most=25))
    assert np.asarray(Image.open(tmp_path / "plot.png")).std() > 5
    with pytest.raises(ValueError, match="at least three"):
        tsne_plot({"one": np.ones((1, 2))}, tmp_path / "none.png")
