"""Baselines without the anchor find what gives the positive away, and nothing where there is nothing."""

import numpy as np
import pytest

from dataset_builders.audit import image_clues, text_clues, without_anchor
from dataset_builders.diagram_sets import ranking_sets
from evaluation import hits_of

ROWS, WIDTH = 300, 5
CHANCE = 100 / WIDTH


def words(rng: np.random.Generator, count: int) -> str:
    return " ".join("".join(rng.choice(list("ABCDEFGH"), 2)) for _ in range(count))


def texts(seed: int, positive: int = 4, negative: int = 4) -> list[list[str]]:
    """Rows of random words: so many in the positive, so many in each negative."""
    rng = np.random.default_rng(seed)
    return [[words(rng, positive if i == 0 else negative) for i in range(WIDTH)] for _ in range(ROWS)]


def pictures(seed: int, positive: int = 40, negative: int = 40) -> np.ndarray:
    """White pictures with so many black pixels, anywhere but at the rim."""
    rng = np.random.default_rng(seed)
    images = np.full((ROWS, WIDTH, 32, 32), 255, dtype=np.uint8)
    for row in images:
        for i, image in enumerate(row):
            spots = rng.choice(900, positive if i == 0 else negative, replace=False)
            image[1 + spots // 30, 1 + spots % 30] = 0
    return images


def nothing() -> np.ndarray:
    return np.zeros((ROWS, 32, 32), dtype=np.uint8)


def hit1(scores: np.ndarray) -> float:
    assert scores.shape == (ROWS, WIDTH) and np.isfinite(scores).all()
    return hits_of(scores).hit1


def test_the_longest_caption_is_found():
    assert hit1(without_anchor(nothing(), texts(0, positive=6))) > 97


def test_the_shortest_caption_is_found():
    assert hit1(without_anchor(nothing(), texts(0, positive=3, negative=5))) > 97


def test_a_habit_of_wording_is_found():
    captions = [["is " + row[0], *("be " + text for text in row[1:])] for row in texts(1)]
    assert hit1(without_anchor(nothing(), captions)) > 97


def test_the_caption_amid_the_others_is_found():
    """Each negative replaces another word of the positive: what they all share is the positive."""
    rng = np.random.default_rng(2)
    captions = []
    for _ in range(ROWS):
        own = words(rng, 8).split()
        row = [own]
        for place in range(WIDTH - 1):
            row.append([*own[:place], words(rng, 1), *own[place + 1 :]])
        captions.append([" ".join(text) for text in row])
    assert hit1(without_anchor(nothing(), captions)) > 90


def test_the_image_with_more_ink_is_found():
    assert hit1(without_anchor(pictures(0, positive=60), [["a caption"]] * ROWS)) > 97


def test_the_image_whose_ink_reaches_further_is_found():
    images = pictures(1)
    images[:, 0, 30, 30] = 0
    images[:, 0, 0, 5] = 0
    images[:, 0, 31, 7] = 0
    assert hit1(without_anchor(images, [["a caption"]] * ROWS)) > 97


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_candidates_are_left_at_chance(seed):
    """Within 3.3 standard errors of a coin of as many sides as candidates."""
    noise = 3.3 * 100 * np.sqrt(0.2 * 0.8 / ROWS)
    assert abs(hit1(without_anchor(nothing(), texts(seed), seed)) - CHANCE) < noise
    assert abs(hit1(without_anchor(pictures(seed), [["a caption"]] * ROWS, seed)) - CHANCE) < noise


def test_the_column_of_the_positive_is_no_clue():
    """Candidates that are all alike are scored alike, though the positive is always in column 0."""
    alike = [[row[0]] * WIDTH for row in texts(3)]
    assert hit1(without_anchor(nothing(), alike)) == pytest.approx(CHANCE, abs=0.5)
    images = np.repeat(pictures(3)[:, :1], WIDTH, axis=1)
    assert hit1(without_anchor(images, [["a caption"]] * ROWS)) == pytest.approx(CHANCE, abs=0.5)


def test_which_half_a_row_is_in_does_not_teach_it_its_own_answer():
    """A word that marks the positive of one row only cannot be learnt: each row is scored by the other half."""
    rng = np.random.default_rng(5)
    captions = [[f"{text} {rng.integers(10**9)}" for text in row] for row in texts(4)]
    noise = 3.3 * 100 * np.sqrt(0.2 * 0.8 / ROWS)
    assert abs(hit1(without_anchor(nothing(), captions)) - CHANCE) < noise


def test_the_same_seed_gives_the_same_scores():
    captions = texts(0, positive=5)
    assert np.array_equal(without_anchor(nothing(), captions, 1), without_anchor(nothing(), captions, 1))


def test_clues_have_a_row_for_each_candidate():
    for clues in (text_clues(texts(0)), image_clues(pictures(0))):
        assert clues.values.shape == (ROWS * WIDTH, len(clues.names))
        assert np.isfinite(clues.values).all()
    ink = clues.values[:, clues.names.index("ink")]
    assert ink == pytest.approx(np.full(ROWS * WIDTH, 40 / 32**2))


def test_exchangeable_sets_give_nothing_away_and_centred_ones_do():
    """The sets of diagrams themselves: where the positive is what all negatives are edits of, it is found."""
    sets = ranking_sets(1500, 6, seed=1)
    for name in ("rule_exchangeable", "image_exchangeable"):
        assert abs(hits_of(without_anchor(sets[name].images, sets[name].captions)).hit1 - 100 / 7) < 3
    for name in ("rule", "image"):
        assert hits_of(without_anchor(sets[name].images, sets[name].captions)).hit1 > 80


def test_rows_of_different_lengths_and_images_of_different_sizes_are_scored():
    rows = [row[: 2 + place % 4] for place, row in enumerate(texts(0, positive=6))]
    scores = without_anchor(None, rows)
    assert [len(row) for row in scores] == [len(row) for row in rows]
    assert np.mean([row[0] == row.max() for row in scores]) > 0.97
    rng = np.random.default_rng(0)
    wide = [
        [np.pad(image, ((0, rng.integers(9)), (0, 0)), constant_values=255) for image in row] for row in pictures(0)
    ]
    wide = [[np.pad(row[0], ((0, 0), (0, 4)), constant_values=255), *row[1 : 2 + i % 3]] for i, row in enumerate(wide)]
    scores = without_anchor(wide, [["a caption"]] * ROWS)
    assert [len(row) for row in scores[:4]] == [2, 3, 4, 2]
    assert np.mean([row[0] == row.max() for row in scores]) > 0.97


def test_fewer_than_two_rows_are_refused():
    with pytest.raises(ValueError, match="1 rows have a negative"):
        without_anchor(None, [["A", "B"], ["C"]])
