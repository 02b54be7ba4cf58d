"""Drawings to probe towers with: balanced, true of what they say, the same for a seed."""

import math

import numpy as np
import pytest

from dataset_builders.diagram.figure import angle_at, distance
from mmgeolm.probe_sets import LETTERS, TASKS, probe_set


@pytest.mark.parametrize("task", TASKS)
def test_every_scene_is_drawn_once_for_each_answer(task):
    part, again, other = (probe_set(task, 4, seed, "simple") for seed in (0, 0, 1))
    count = len(part.names)
    assert part.images.shape == (4 * count, 96, 96) and count == (8 if task == "corner" else 2)
    assert (part.answers == np.tile(np.arange(count), 4)).all()
    assert (part.scenes == np.repeat(np.arange(4), count)).all()
    assert len({image.tobytes() for image in part.images}) == 4 * count
    assert (part.images == again.images).all() and not (part.images == other.images).all()
    # More scenes do not change the first ones.
    assert (probe_set(task, 2, 0, "simple").images == part.images[: 2 * count]).all()


def figures(task: str, count: int = 25):
    for number in range(count):
        yield TASKS[task][1](np.random.default_rng(number))


def heading(figure, first: str, second: str) -> float:
    (x, y), (u, v) = figure.points[first], figure.points[second]
    return math.degrees(math.atan2(v - y, u - x)) % 180


def test_segments_are_parallel_or_visibly_not():
    for drawn in figures("parallel"):
        for name, figure in drawn.items():
            turn = (heading(figure, *figure.segments[0]) - heading(figure, *figure.segments[1])) % 180
            turn = min(turn, 180 - turn)
            assert turn < 1e-6 if name == "parallel" else 14.9 < turn < 60.1


def test_angles_are_right_or_visibly_not():
    for drawn in figures("right_angle"):
        for name, figure in drawn.items():
            off = abs(angle_at(figure, *figure.points) - 90)
            assert off < 1e-6 if name == "right angle" else 14.9 < off < 50.1


def test_ticks_are_on_equal_sides_and_as_many_in_both_drawings():
    for drawn in figures("ticks"):
        for name, figure in drawn.items():
            sides = [distance(figure, *side) for side in figure.segments]
            assert max(sides) - min(sides) < 1e-6
            assert [kind for kind, _, _ in figure.marks] == ["equal", "equal"]
            for _, names, _ in figure.marks:
                shared = set(names[:2]) & set(names[2:])
                assert bool(shared) == (name == "sides side by side")
            assert len({frozenset(pair) for _, n, _ in figure.marks for pair in (n[:2], n[2:])}) == 4


def test_lines_touch_or_cut_the_circle():
    for drawn in figures("tangent"):
        for name, figure in drawn.items():
            ((centre, radius),) = figure.circles.items()
            (first, second), (x, y) = figure.segments[0], figure.points[centre]
            (a, b), (c, d) = figure.points[first], figure.points[second]
            off = abs((c - a) * (y - b) - (d - b) * (x - a)) / math.dist((a, b), (c, d))
            assert off == pytest.approx(radius) if name == "tangent" else off < 0.76 * radius


def test_each_letter_stands_once_at_the_topmost_corner():
    for drawn in figures("corner"):
        assert list(drawn) == list(LETTERS)
        for letter, figure in drawn.items():
            tops = sorted(figure.points, key=lambda name: -figure.points[name][1])
            assert tops[0] == letter and figure.points[tops[0]][1] - figure.points[tops[1]][1] >= 8
        # Every letter is at each other corner once, too: which letters there are tells the top with a third.
        others = [name for letter, figure in drawn.items() for name in figure.points if name != letter]
        assert sorted(others) == sorted([*LETTERS, *LETTERS])


def test_unknown_tasks_and_scenes_are_refused():
    with pytest.raises(ValueError, match="no probe 'colour'; there are parallel"):
        probe_set("colour", 1)
    with pytest.raises(ValueError, match="`scenes` is 'photo'"):
        probe_set("corner", 1, scenes="photo")
