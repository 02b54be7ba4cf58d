"""Look-alikes: no caption of a group is true of another member's figure, and the eye can tell the members apart.

What is true is decided by `plain_geometry` from the English and the coordinates, never by the library's own facts.
"""

import itertools
from collections import Counter
from functools import cache

import numpy as np
import pytest
from plain_geometry import BY_EYE, EXACT, Claim, claims_of, holds_true

from dataset_builders.diagram.caption import caption
from dataset_builders.diagram.figure import Figure, solve
from dataset_builders.diagram.program import Program, parse
from dataset_builders.diagram.simple import sample_simple_program
from dataset_builders.diagram_sets import CENTRED, EXCHANGEABLE, TRAINING, Groups, look_alike_groups
from dataset_builders.negatives.edits import KINDS, edit
from dataset_builders.negatives.image import (
    centred_group,
    exchangeable_group,
    look_alikes,
    scene,
    tell_apart,
)

SEEDS = (0, 1, 2)
SIZE = 6


@cache
def groups(seed: int, stream: int, difficulty: int = 3) -> Groups:
    return look_alike_groups(100, SIZE, seed, stream, difficulty)


def read(group: Groups, number: int) -> tuple[list[list[Claim]], list[Figure]]:
    """Claims and figures of a group's members, from what a user is given: captions and programs."""
    return (
        [claims_of(text) for text in group.captions[number]],
        [solve(parse(text)) for text in group.programs[number]],
    )


def says_something_false(claims: list[Claim], figure: Figure) -> bool:
    """Whether a claim is false exactly, and to an eye that lets small differences pass."""
    return any(not holds_true(claim, figure, EXACT) and not holds_true(claim, figure, BY_EYE) for claim in claims)


@pytest.mark.parametrize("difficulty", [1, 3, 5])
@pytest.mark.parametrize("seed", SEEDS)
def test_each_caption_of_an_exchangeable_group_is_false_of_every_other_member(seed, difficulty):
    group = groups(seed, EXCHANGEABLE, difficulty)
    for number in range(len(group.captions)):
        claims, figures = read(group, number)
        for i, j in itertools.permutations(range(SIZE), 2):
            assert says_something_false(claims[i], figures[j]), (group.captions[number][i], group.programs[number][j])


@pytest.mark.parametrize("seed", SEEDS)
def test_each_negative_of_a_centred_group_is_false_of_the_positive_and_the_positive_of_it(seed):
    group = groups(seed, CENTRED)
    for number in range(len(group.captions)):
        claims, figures = read(group, number)
        for j in range(1, SIZE):
            assert says_something_false(claims[j], figures[0])
            assert says_something_false(claims[0], figures[j])


@pytest.mark.parametrize("stream", [TRAINING, CENTRED, EXCHANGEABLE])
def test_each_caption_is_true_of_its_own_figure(stream):
    group = groups(1, stream)
    for number in range(len(group.captions)):
        claims, figures = read(group, number)
        for own, figure in zip(claims, figures, strict=True):
            for claim in own:
                assert holds_true(claim, figure, EXACT) and holds_true(claim, figure, BY_EYE), claim


def canonical(claims: list[Claim]) -> frozenset:
    """Claims without the freedom of naming: a triangle's turn, the order of a segment's ends, an angle's legs."""
    forms = []
    for what, points, word in claims:
        if what == "triangle" and word != "right":
            points = tuple(sorted(points))
        elif what in ("triangle", "altitude", "median", "bisector"):
            head = 1 if what == "triangle" else 2
            points = points[:head] + tuple(sorted(points[head:]))
        elif what in ("midpoint", "diameter", "chord", "length"):
            first = points[:1] if what == "midpoint" else ()
            points = first + tuple(sorted(points[len(first) : len(first) + 2])) + points[len(first) + 2 :]
        elif what in ("quadrilateral", "polygon"):
            turns = [order[i:] + order[:i] for order in (points, points[::-1]) for i in range(len(points))]
            points = min(turns)
        elif what == "angle":
            points = (min(points[0], points[2]), points[1], max(points[0], points[2]))
        forms.append((what, points, word))
    return frozenset(forms)


@pytest.mark.parametrize("stream", [CENTRED, EXCHANGEABLE])
@pytest.mark.parametrize("seed", SEEDS)
def test_no_two_members_have_equivalent_captions_or_equal_images(seed, stream):
    group = groups(seed, stream)
    for number, captions in enumerate(group.captions):
        assert len({canonical(claims_of(text)) for text in captions}) == SIZE
        assert len(set(captions)) == len(set(group.programs[number])) == SIZE
        for i, j in itertools.combinations(range(SIZE), 2):
            apart = np.abs(group.images[number, i].astype(int) - group.images[number, j])
            # The least is an E for an F: one stroke.
            assert (apart > 0).sum() >= 5 and apart.max() > 100, (captions[i], captions[j])


def test_labels_that_hide_the_difference_are_found_out():
    """Among many groups some figures would look the same on the label grid; none of them is given out."""
    group = look_alike_groups(700, 8, 1, EXCHANGEABLE)
    for images in group.images:
        assert len({image.tobytes() for image in images}) == 8


def test_every_kind_of_edit_has_its_share():
    counts = Counter(edit for seed in SEEDS for row in groups(seed, EXCHANGEABLE).edits for edit in row)
    assert set(counts) == set(KINDS)
    total = sum(counts.values())
    for kind, count in counts.items():
        assert 0.02 < count / total < 0.5, (kind, count)


def test_the_original_of_a_centred_group_comes_first_and_is_in_no_exchangeable_group():
    for row in groups(0, CENTRED).edits:
        assert row[0] == "" and all(row[1:])
    assert all(edit for row in groups(0, EXCHANGEABLE).edits for edit in row)


def test_an_exchangeable_group_has_no_centre():
    """All members are told apart pairwise; a centred group promises that only of its base and each other one."""
    rng = np.random.default_rng(4)
    for _ in range(30):
        group = exchangeable_group(5, rng)
        base, *rest = centred_group(5, rng)
        assert all(tell_apart(first, second) for first, second in itertools.combinations(group, 2))
        assert all(tell_apart(base, other) for other in rest)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("triangle(A, B, C, angle=48, other=72, size=74)", "triangle(B, C, A, angle=72, other=60, size=74)"),
        ("square(A, B, C, D, size=70)", "square(D, C, B, A, size=70)"),
        (
            "square(A, B, C, D, size=70)\nmark_length(A, B, 6)",
            "square(A, B, C, D, size=70)\nmark_length(B, A, 6)",
        ),
        # What can be worked out is not false: all sides of a square are equal.
        (
            "square(A, B, C, D, size=70)\nmark_length(A, B, 6)",
            "square(A, B, C, D, size=70)\nmark_length(B, C, 6)",
        ),
        (
            'triangle(A, B, C, kind="isosceles", angle=42, size=74)\nmark_angle(A, B, C, 55)',
            'triangle(A, B, C, kind="isosceles", angle=42, size=74)\nmark_angle(A, C, B, 55)',
        ),
        (
            'triangle(A, B, C, kind="isosceles", angle=42, size=74)\nD = median(A, B, C)',
            'triangle(A, B, C, kind="isosceles", angle=42, size=74)\nD = bisector(A, B, C)',
        ),
        ("square(A, B, C, D, size=70)", "square(A, B, C, D, size=70)\nmark_length(A, B, 6)"),
        (
            'triangle(A, B, C, kind="scalene", angle=48, other=72, size=74)\nD = median(A, B, C)',
            'triangle(A, B, C, kind="scalene", angle=48, other=72, size=74)\nD = bisector(A, B, C)',
        ),
    ],
    ids=[
        "turned",
        "read backwards",
        "side read backwards",
        "equal side",
        "equal angle",
        "median",
        "less",
        "4 degrees",
    ],
)
def test_what_is_true_of_both_is_no_look_alike(first, second):
    one, other = scene(parse(first)), scene(parse(second))
    assert one is not None and other is not None
    assert not tell_apart(one, other) and not tell_apart(other, one)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("square(A, B, C, D, size=70)", "square(A, C, B, D, size=70)"),
        ("rhombus(A, B, C, D, size=70)", "rectangle(A, B, C, D, size=70)"),
        (
            'triangle(A, B, C, kind="isosceles", angle=42, size=74)\nmark_length(A, B, 6)',
            'triangle(A, B, C, kind="isosceles", angle=42, size=74)\nmark_length(B, C, 6)',
        ),
        (
            "rectangle(A, B, C, D, size=70)\nmark_length(A, B, 6)\nmark_length(B, C, 9)",
            "rectangle(A, B, C, D, size=70)\nmark_length(A, B, 6)\nmark_length(B, C, 12)",
        ),
        (
            'triangle(A, B, C, kind="scalene", angle=40, other=62, size=74)\nD = median(A, B, C)',
            'triangle(A, B, C, kind="scalene", angle=40, other=62, size=74)\nD = bisector(A, B, C)',
        ),
        (
            "square(A, B, C, D, size=70)\nE = point_on(A, B, ratio=0.3)",
            "square(A, B, C, D, size=70)\nE = point_on(A, B, ratio=0.7)",
        ),
    ],
    ids=["order of corners", "shape", "another side", "number", "relation", "other end"],
)
def test_what_is_false_of_each_other_is_a_look_alike(first, second):
    one, other = scene(parse(first)), scene(parse(second))
    assert one is not None and other is not None
    assert tell_apart(one, other) and tell_apart(other, one)


def test_a_scene_that_does_not_show_what_it_states_is_none():
    assert scene(parse('triangle(A, B, C, kind="scalene", angle=65, other=50, size=74)')) is None  # isosceles in truth
    assert scene(parse("square(A, B, C, D, size=70)\nE = point_on(A, B, ratio=0.5)")) is None  # nearer to neither end
    assert scene(parse("square(A, B, C, D, size=12)")) is None  # too small to draw


@pytest.mark.parametrize(
    "nearly",
    [
        "rhombus(A, B, C, D, angle=88, size=70)",  # a square, to the eye
        "parallelogram(A, B, C, D, ratio=0.6, angle=88, size=74)",
        "parallelogram(A, B, C, D, ratio=0.95, angle=60, size=74)\nE = point_on(A, B, ratio=0.48)",
        "triangle(A, B, C, angle=59, other=61.5, size=74)",
        "triangle(A, B, C, angle=50, other=41.5, size=74)",  # nearly right
        "triangle(A, B, C, angle=70, other=71, size=74)",
        "kite(A, B, C, D, ratio=0.95, angle=91, size=74)",
    ],
)
def test_what_the_eye_cannot_tell_from_another_shape_is_no_scene(nearly):
    assert scene(parse(nearly)) is None


def test_a_square_is_no_negative_of_a_rectangle_whose_name_it_may_bear():
    square, rectangle = scene(parse("square(A, B, C, D, size=70)")), scene(parse("rectangle(A, B, C, D, size=70)"))
    assert square is not None and rectangle is not None
    assert not tell_apart(square, rectangle) and not tell_apart(rectangle, square)


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_changes_what_it_is_named_after(kind):
    seen = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        program, _ = sample_simple_program(rng, 4)
        edited = edit(kind, program, solve(program), rng)
        if edited is None or scene(edited) is None:
            continue
        seen += 1
        assert _difference(program, edited) <= _ALLOWED[kind]
        assert parse(str(edited)) == edited
    assert seen > 20


_ALLOWED = {
    "shape": {"verb", "options"},
    "relation": {"verb", "options"},
    "swap": {"letters"},
    "letter": {"letters", "alphabet"},
    "number": {"value"},
    "place": {"letters"},
}


def _difference(program: Program, edited: Program) -> set[str]:
    """Which parts of the statements differ, and whether other letters are in use."""
    assert len(program.statements) == len(edited.statements)
    found = set()
    for old, new in zip(program.statements, edited.statements, strict=True):
        found |= {
            part
            for part, differs in {
                "verb": old.verb != new.verb,
                "options": old.options != new.options,
                "value": old.value != new.value,
                "letters": (old.points, old.target) != (new.points, new.target),
            }.items()
            if differs
        }
    return found | ({"alphabet"} if set(program.points) != set(edited.points) else set())


def test_captions_of_a_group_differ_where_the_edit_is_and_nowhere_else():
    """One wording for the group: a number's edit leaves all other words in place."""
    checked = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        base, *rest = centred_group(5, rng, 4)
        for other in rest:
            if other.edit == "number":
                before, after = (caption(one.program, seed).split() for one in (base, other))
                assert sum(a != b for a, b in zip(before, after, strict=True)) == 1
                checked += 1
    assert checked > 10


def test_look_alikes_are_as_many_as_were_asked_for_or_fewer():
    base = scene(parse("square(A, B, C, D, size=70)\nmark_length(A, B, 6)"))
    assert base is not None
    assert look_alikes(base, 0, np.random.default_rng(0)) == []
    assert len(look_alikes(base, 7, np.random.default_rng(0))) == 7
    assert all(other.edit in KINDS for other in look_alikes(base, 7, np.random.default_rng(0)))


def test_a_group_larger_than_any_diagram_can_give_is_refused():
    with pytest.raises(
        ValueError, match="difficulty 1 has 100 look-alikes; ask for fewer, or for a higher difficulty"
    ):
        exchangeable_group(100, np.random.default_rng(0), 1)


@pytest.mark.parametrize(
    "text",
    [
        "square(A, B, C, D, size=70)\nmark_angle(A, B, C, 80)",
        "square(A, B, C, D, size=70)\nmark_length(A, B, 6)\nmark_length(B, C, 7)",
        'triangle(A, B, C, kind="equilateral", size=70)\nmark_angle(A, B, C, 50)',
        'triangle(A, B, C, kind="right", angle=35, size=70)\nmark_angle(C, A, B, 80)',
        'triangle(A, B, C, kind="right", angle=35, size=70)\nmark_angle(A, B, C, 95)',
        'triangle(A, B, C, kind="isosceles", angle=42, size=70)\nmark_angle(A, B, C, 95)',
        'triangle(A, B, C, kind="isosceles", angle=42, size=70)\nmark_angle(A, B, C, 40)\nmark_angle(B, C, A, 50)',
        'triangle(A, B, C, kind="isosceles", angle=42, size=70)\nmark_angle(C, A, B, 95)',
        "parallelogram(A, B, C, D, angle=60, size=70)\nmark_angle(A, B, C, 75)\nmark_angle(B, C, D, 95)",
        "parallelogram(A, B, C, D, angle=60, size=70)\nmark_angle(A, B, C, 90)",
        "rectangle(A, B, C, D, size=70)\nmark_length(A, B, 9)\nmark_length(B, C, 9)",
        "rectangle(A, B, C, D, size=70)\nmark_length(A, B, 9)\nmark_length(B, C, 6)",
        'triangle(A, B, C, kind="right", angle=35, size=70)\nmark_length(A, B, 8)\nmark_length(B, C, 3)',
        'triangle(A, B, C, kind="right", angle=35, size=70)\nmark_angle(A, B, C, 40)\nmark_angle(B, C, A, 60)',
    ],
)
def test_marks_that_contradict_the_shape_or_one_another_make_no_scene(text):
    assert scene(parse(text)) is None


@pytest.mark.parametrize(
    "text",
    [
        "square(A, B, C, D, size=70)\nmark_angle(A, B, C, 90)\nmark_length(A, B, 6)\nmark_length(B, C, 6)",
        'triangle(A, B, C, kind="right", angle=35, size=70)\nmark_angle(C, A, B, 90)\nmark_angle(A, B, C, 40)',
        'triangle(A, B, C, kind="isosceles", angle=42, size=70)\nmark_angle(C, A, B, 70)',
        "parallelogram(A, B, C, D, angle=60, size=70)\nmark_angle(A, B, C, 70)\nmark_angle(B, C, D, 110)",
        "rectangle(A, B, C, D, size=70)\nmark_length(A, B, 6)\nmark_length(B, C, 9)",
    ],
)
def test_marks_that_the_shape_allows_make_a_scene(text):
    assert scene(parse(text)) is not None
