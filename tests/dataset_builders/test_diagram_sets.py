"""Sets of diagrams: the same seed gives the same set anywhere, and the sets to rank have no place that tells."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from dataset_builders.diagram.figure import solve
from dataset_builders.diagram.program import parse
from dataset_builders.diagram.render import render
from dataset_builders.diagram_sets import (
    CENTRED,
    EXCHANGEABLE,
    LABEL_GRID,
    SIZE,
    TRAINING,
    Groups,
    RankingSet,
    look_alike_groups,
    ranking_sets,
    without,
)

ROOT = Path(__file__).parents[2]
CAPTION_SETS = ("random", "retrieval", "rule", "rule_exchangeable")
IMAGE_SETS = ("image", "image_exchangeable")


@cache
def sets() -> dict[str, RankingSet]:
    return ranking_sets(40, 6, seed=5)


def digest(groups: Groups) -> str:
    """One number for everything in a set."""
    rest = repr((groups.captions, groups.edits, groups.programs)).encode()
    return hashlib.sha256(groups.images.tobytes() + rest).hexdigest()


def test_the_same_seed_gives_the_same_set_in_one_process_or_two():
    one, two = (look_alike_groups(300, 3, seed=8, num_proc=n) for n in (1, 2))
    assert digest(one) == digest(two)
    assert one.images.shape == (300, 3, SIZE, SIZE) and one.images.dtype == np.uint8


def test_with_letters_only_members_differ_in_what_can_be_seen():
    marked, letters = (look_alike_groups(30, 5, seed=8, with_markings=shown) for shown in (True, False))
    assert {"number", "place"} & {edit for row in marked.edits for edit in row}
    assert {edit for row in letters.edits for edit in row} <= {"shape", "relation", "swap", "letter", ""}
    assert all(len({image.tobytes() for image in group}) == 5 for group in letters.images)
    assert (letters.images < 128).mean() < (marked.images < 128).mean()


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_a_fresh_process_gives_the_same_set_whatever_its_hash_seed(hash_seed):
    code = (
        "import hashlib\n"
        "from dataset_builders.diagram_sets import ranking_sets\n"
        "sets = ranking_sets(12, 4, seed=3)\n"
        "parts = [(name, part.kind, part.captions, part.edits) for name, part in sets.items()]\n"
        "pixels = b''.join(part.images.tobytes() for part in sets.values())\n"
        "import sys; sys.stdout.write(hashlib.sha256(pixels + repr(parts).encode()).hexdigest())\n"
    )
    fresh = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    here = ranking_sets(12, 4, seed=3)
    parts = [(name, part.kind, part.captions, part.edits) for name, part in here.items()]
    pixels = b"".join(part.images.tobytes() for part in here.values())
    assert fresh.stdout == hashlib.sha256(pixels + repr(parts).encode()).hexdigest()


def test_a_longer_set_begins_with_the_shorter_one():
    short, long = look_alike_groups(5, 3, seed=2), look_alike_groups(9, 3, seed=2)
    assert long.captions[:5] == short.captions and np.array_equal(long.images[:5], short.images)


def test_seeds_and_streams_share_no_group():
    made = [look_alike_groups(30, 3, seed, stream) for seed in (0, 1) for stream in (TRAINING, CENTRED, EXCHANGEABLE)]
    programs = [text for groups in made for row in groups.programs for text in row]
    assert len(set(programs)) > 0.99 * len(programs)
    assert len({digest(groups) for groups in made}) == 6


def test_images_and_captions_are_those_of_the_programs():
    groups = look_alike_groups(20, 4, seed=6)
    for images, programs in zip(groups.images, groups.programs, strict=True):
        for image, text in zip(images, programs, strict=True):
            assert np.array_equal(image, render(solve(parse(text)), SIZE, LABEL_GRID))


@pytest.mark.parametrize("difficulty", [1, 2, 4])
def test_difficulty_is_the_greatest_number_of_sentences(difficulty):
    groups = look_alike_groups(60, 2, seed=1, difficulty=difficulty)
    counts = [text.count(". ") + 1 for row in groups.captions for text in row]
    assert max(counts) == difficulty
    assert np.mean(counts) > 0.7 * difficulty


def test_groups_of_one_are_independent_scenes():
    groups = look_alike_groups(60, 1, seed=1)
    assert groups.images.shape == (60, 1, SIZE, SIZE)
    assert len({row[0] for row in groups.captions}) == 60


def test_no_place_in_a_group_has_a_favourite_edit():
    """Chi-square of the kinds of edit by place: nothing tells the first member, the positive, from the others."""
    size = 5
    groups = look_alike_groups(1200, size, seed=11, stream=EXCHANGEABLE)
    kinds = sorted({edit for row in groups.edits for edit in row})
    table = np.array([[sum(row[place] == kind for row in groups.edits) for kind in kinds] for place in range(size)])
    expected = table.sum(axis=0) / size
    # 20 degrees of freedom: 45 is passed once in a thousand times by chance.
    assert ((table - expected) ** 2 / expected).sum() < 45


def test_no_place_in_a_group_has_the_longest_caption_or_the_most_ink():
    size = 5
    groups = look_alike_groups(1200, size, seed=12, stream=EXCHANGEABLE)
    rng = np.random.default_rng(0)
    for values in (
        np.array([[len(text) for text in row] for row in groups.captions], dtype=float),
        -groups.images.mean(axis=(2, 3)),
    ):
        longest = Counter((values + rng.random(values.shape) * 1e-6).argmax(axis=1).tolist())
        counts = np.array([longest[place] for place in range(size)])
        expected = len(values) / size
        # 4 degrees of freedom: 18.5 is passed once in a thousand times by chance.
        assert ((counts - expected) ** 2 / expected).sum() < 18.5


def test_there_are_six_sets_of_the_shapes_that_ranking_needs():
    assert set(sets()) == {*CAPTION_SETS, *IMAGE_SETS}
    for name in CAPTION_SETS:
        part = sets()[name]
        assert part.kind == name.removesuffix("_exchangeable")
        assert part.images.shape == (40, SIZE, SIZE)
        assert [len(row) for row in part.captions] == [len(row) for row in part.edits] == [7] * 40
    for name in IMAGE_SETS:
        part = sets()[name]
        assert part.kind == "image"
        assert part.images.shape == (40, 7, SIZE, SIZE)
        assert [len(row) for row in part.captions] == [1] * 40
        assert [len(row) for row in part.edits] == [7] * 40
    assert all(part.images.dtype == np.uint8 for part in sets().values())


def test_the_positive_comes_first():
    """Each anchor's first candidate is the pair it was drawn with."""
    centred = look_alike_groups(40, 7, seed=5, stream=CENTRED)
    exchangeable = look_alike_groups(40, 7, seed=5, stream=EXCHANGEABLE)
    for name in CAPTION_SETS:
        groups = exchangeable if name == "rule_exchangeable" else centred
        assert [row[0] for row in sets()[name].captions] == [row[0] for row in groups.captions]
        assert np.array_equal(sets()[name].images, groups.images[:, 0])
    for name, groups in (("image", centred), ("image_exchangeable", exchangeable)):
        assert sets()[name].captions == [row[:1] for row in groups.captions]
        assert np.array_equal(sets()[name].images, groups.images)
    for name in ("random", "retrieval", "rule", "image"):
        assert {row[0] for row in sets()[name].edits} == {""}


def test_no_candidate_equals_the_positive_or_another():
    for name in CAPTION_SETS:
        assert all(len(set(row)) == 7 for row in sets()[name].captions), name
    for name in IMAGE_SETS:
        assert all(len({image.tobytes() for image in row}) == 7 for row in sets()[name].images), name


def test_retrieved_negatives_are_more_alike_than_random_ones():
    def shared(name: str) -> float:
        rows = [[set(text.split()) for text in row] for row in sets()[name].captions]
        return float(np.mean([len(row[0] & other) / len(row[0]) for row in rows for other in row[1:]]))

    assert shared("random") < shared("retrieval") < shared("rule")


def test_positives_and_negatives_are_drawn_on_the_same_canvas():
    """The paper is white to the rim for both, and ink is as dark: no clue but the drawing."""
    for name in IMAGE_SETS:
        images = sets()[name].images
        for part in (images[:, :1], images[:, 1:]):
            assert part.max() == 255 and part.min() == 0
            rim = [part[..., 0, :], part[..., -1, :], part[..., 0], part[..., -1]]
            assert all(np.all(side == 255) for side in rim)


def test_too_few_anchors_for_the_negatives_are_refused():
    with pytest.raises(ValueError, match="5 anchors have fewer than 6 .* raise `count` or lower `num_negatives`"):
        ranking_sets(5, 6, seed=0)


def test_without_leaves_out_groups_that_share_a_caption():
    groups = look_alike_groups(30, 3, seed=4)
    held = {groups.captions[3][2], groups.captions[17][0], "a caption of nobody"}
    rest = without(groups, held)
    kept = [i for i in range(30) if i not in (3, 17)]
    assert np.array_equal(rest.images, groups.images[kept])
    for part, whole in zip(rest[1:], groups[1:], strict=True):
        assert part == [whole[i] for i in kept]
    assert held.isdisjoint(text for row in rest.captions for text in row)
    assert without(groups, []).captions == groups.captions
    everything = [text for row in groups.captions for text in row]
    assert len(without(groups, everything).images) == 0
