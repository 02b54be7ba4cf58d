"""Geometry3K as diagram programs: each relation, agreement with the raw annotations, and that no negative caption is
entailed by the logic forms.

`MMGEOLM_GEOMETRY3K_PROBLEMS=3002` holds the negatives of all problems against their logic forms, not of a sample.
"""

import functools
import itertools
import json
import logging
import math
import os
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import sympy
from sympy.parsing.sympy_parser import (
    implicit_multiplication_application,
    parse_expr,
    standard_transformations,
)

from dataset_builders.diagram.facts import facts_of, refuted
from dataset_builders.diagram.figure import DRAWN, angle_at, solve
from dataset_builders.diagram.program import parse
from dataset_builders.sources.geometry3k import load_geometry3k_logic_forms, read_logic_forms
from dataset_builders.sources.geometry3k.facts import Fact, Problem, read_problem
from dataset_builders.sources.geometry3k.programs import REASONS, Translation, Untranslated, program_of

ROOT = Path(__file__).parents[2]
REAL = Path(os.environ.get("MMGEOLM_REAL_DATA", ROOT / ".." / "shared" / "realdata")) / "geometry3k"
FOLDERS, LOGIC_FORMS = REAL / "test", REAL / "logic_forms_all3002.zip"
needs_folders = pytest.mark.skipif(not FOLDERS.is_dir(), reason=f"no Geometry3K problems in {FOLDERS}")
needs_logic_forms = pytest.mark.skipif(not LOGIC_FORMS.is_file(), reason=f"no Geometry3K logic forms at {LOGIC_FORMS}")
SAMPLE = int(os.environ.get("MMGEOLM_GEOMETRY3K_PROBLEMS", 400))

# A right triangle with its altitude AD, to scale, and a midpoint M of AC.
TRIANGLE = {"A": (0, 0), "B": (400, 0), "C": (0, 300), "D": (144, 192), "M": (0, 150)}
SIDES = ["AB", "AC", "BC", "AD"]
# A circle of radius 100 about O: the diameter AB, C a quarter turn away, and T outside, from which TC touches it.
CIRCLE = {"O": (100, 100), "A": (0, 100), "B": (200, 100), "C": (100, 0), "T": (250, 0)}
ON_CIRCLE = [f"PointLiesOnCircle({point}, Circle(O, radius))" for point in "ABC"]


def _translated(forms, lines, positions):
    used = {name: at for name, at in positions.items() if name in "".join([*forms, *lines])}
    return program_of(read_problem("hand", forms, lines, used))


def _lines(translation):
    assert isinstance(translation, Translation), translation
    return str(translation.program).splitlines()


# Each relation


@pytest.mark.parametrize(
    ("forms", "said"),
    [
        (["Equals(LengthOf(Line(A, B)), 40)"], 'mark_length(A, B, 40)'),
        (["Equals(LengthOf(Line(B, C)), 2x-7)"], 'mark_length(B, C, "2x - 7")'),
        (["Equals(LengthOf(Line(B, C)), 5\\sqrt{3})"], 'mark_length(B, C, "5√3")'),
        (["Equals(LengthOf(Line(B, C)), 4.5)"], "mark_length(B, C, 4.5)"),
        (["Equals(MeasureOf(Angle(A, B, C)), 37)"], "mark_angle(A, B, C, 37)"),
        (["Equals(MeasureOf(Angle(A, B, C)), \\frac{1}{2}x+4)"], 'mark_angle(A, B, C, "(1/2)x + 4")'),
        (["Perpendicular(Line(A, B), Line(A, C))"], "mark_right_angle(B, A, C)"),
        (["PointLiesOnLine(D, Line(B, C))"], "D = point_on(B, C, ratio=0.64)"),
        (["PointLiesOnLine(D, Line(B, C))", "Perpendicular(Line(A, D), Line(D, B))"], "D = foot(A, B, C)"),
        (["PointLiesOnLine(D, Line(B, C))", "Perpendicular(Line(A, D), Line(D, B))"], "mark_right_angle(A, D, B)"),
        (
            ["PointLiesOnLine(M, Line(A, C))", "Equals(LengthOf(Line(A, M)), LengthOf(Line(M, C)))"],
            "M = midpoint(A, C)",
        ),
        (
            ["PointLiesOnLine(M, Line(A, C))", "Equals(LengthOf(Line(A, M)), LengthOf(Line(M, C)))"],
            "mark_equal(A, M, M, C)",
        ),
        (
            ["Equals(MeasureOf(Angle(A, B, D)), MeasureOf(Angle(D, A, C)))"],
            "mark_equal_angles(A, B, D, D, A, C)",
        ),
    ],
)  # fmt: skip
def test_each_relation_of_a_triangle_is_said(forms, said):
    translation = _translated(forms, SIDES, TRIANGLE)
    assert said in _lines(translation)
    assert not translation.lost and not translation.drawn_badly


@pytest.mark.parametrize(
    ("forms", "said"),
    [
        (ON_CIRCLE, "A = on_circle(O, turn=180.0)"),
        ([*ON_CIRCLE, "PointLiesOnLine(O, Line(A, B))"], "B = diameter(O, A)"),
        ([*ON_CIRCLE, "Equals(MeasureOf(Arc(A, C)), 90)"], "mark_arc(O, C, A, 90)"),
        ([*ON_CIRCLE, "Equals(MeasureOf(Arc(C, A)), 90)"], "mark_arc(O, C, A, 90)"),
        ([*ON_CIRCLE, "Equals(MeasureOf(Arc(A, B, C)), 270)"], "mark_arc(O, A, C, 270)"),
        ([*ON_CIRCLE, "Equals(MeasureOf(Arc(A, C)), 3x)"], 'mark_arc(O, C, A, "3x")'),
    ],
)
def test_each_relation_of_a_circle_is_said(forms, said):
    translation = _translated(forms, [], CIRCLE)
    lines = _lines(translation)
    assert said in lines and not translation.lost
    # Above is C with its letter, below nothing but the circle.
    assert lines[0] == "circle(O, at=(50.0, 47.0), size=80.0)"


def test_two_lines_that_meet_make_an_intersection_and_parallels_are_marked():
    positions = {"A": (0, 0), "B": (200, 0), "C": (300, 100), "D": (100, 100), "X": (150, 50)}
    forms = [f"PointLiesOnLine(X, Line({ends}))" for ends in ("A, C", "B, D")] + ["Parallel(Line(A, B), Line(C, D))"]
    translation = _translated(forms, ["AB", "BC", "CD", "DA", "AC", "BD", "AX", "XC"], positions)
    lines = _lines(translation)
    assert {"X = intersection(A, C, B, D)", "mark_parallel(A, B, C, D)"} <= set(lines)
    # AX and XC are parts of AC.
    assert sum(line.startswith("segment") for line in lines) == 6 and not translation.lost


def test_a_tangent_touches_exactly_though_it_was_annotated_beside():
    positions = CIRCLE | {"C": (103, 2)}
    forms = [*ON_CIRCLE, "Perpendicular(Line(O, C), Line(C, T))"]
    translation = _translated(forms, ["OC", "CT"], positions)
    assert "mark_right_angle(O, C, T)" in _lines(translation)
    assert angle_at(solve(translation.program, DRAWN), "O", "C", "T") == pytest.approx(90, abs=0.02)


def test_the_secants_second_point_is_on_the_line_as_well_though_only_the_circle_is_said():
    positions = CIRCLE | {"D": (300, 98), "B": (199, 103)}
    forms = [*ON_CIRCLE, "PointLiesOnLine(B, Line(A, D))"]
    translation = _translated(forms, ["AD"], positions)
    figure = solve(translation.program, DRAWN)
    assert translation.lost == {"on_segment": 1}
    assert angle_at(figure, "A", "B", "D") == pytest.approx(180, abs=0.1)


@pytest.mark.parametrize(
    ("form", "relation"),
    [
        ("Equals(MeasureOf(Angle(A, B, C)), MeasureOf(angle 1))", "angle_label"),
        ("Equals(AreaOf(Triangle(A, B, C)), 54)", "area"),
        ("Equals(MeasureOf(Angle(A, B, C)), 323)", "angle"),
        ("Equals(MeasureOf(Arc(A, B)), 60)", "arc"),
        ("Perpendicular(Line(A, D), Line(B, C))", "perpendicular"),  # no letter is annotated where they meet
        ("PointLiesOnLine(M, Line(A, C))", "on_segment"),  # in the middle, which nothing says that it is
        ("Equals(LengthOf(Arc(A, B)), 6)", "arc_length"),
        ("Tangent(Line(A, B), Circle(D))", "tangent"),
    ],
)
def test_what_the_language_has_no_words_for_is_counted(form, relation):
    assert _translated([form], SIDES, TRIANGLE).lost == {relation: 1}


@pytest.mark.parametrize(
    ("form", "relation"),
    [
        ("Equals(LengthOf(Line(A, B)), LengthOf(Line(A, C)))", "equal_lengths"),
        ("Equals(MeasureOf(Angle(A, B, C)), MeasureOf(Angle(A, C, B)))", "equal_angles"),
        ("Parallel(Line(A, D), Line(B, C))", "parallel"),
        ("Perpendicular(Line(A, B), Line(A, C))", "perpendicular"),
    ],
)
def test_what_the_positions_do_not_show_is_counted_and_left_out(form, relation):
    # No direction is off by the 30 degrees that make all positions doubtful.
    positions = {"A": (0, 0), "B": (400, 0), "C": (100, 300), "D": (-150, 100)}
    translation = _translated([form], SIDES, positions)
    assert translation.drawn_badly == {relation: 1}
    assert not any(line.startswith("mark") for line in _lines(translation))


@pytest.mark.parametrize(
    ("forms", "lines", "positions", "reason"),
    [
        ([], [], {}, "no point is annotated"),
        ([], ["AB"], {"A": (0, 0), "B": (-1, -1)}, "a point has no position"),
        (
            ["PointLiesOnCircle(A, Circle(O, r1))", "PointLiesOnCircle(B, Circle(O, r2))"],
            ["AB", "OA"],
            CIRCLE,
            "two circles have one centre",
        ),
        ([], ["AB", "BC"], {"A": (0, 0), "B": (9, 0), "C": (9, 0.01)}, "two points are annotated in one place"),
        (["PointLiesOnLine(C, Line(A, B))"], ["AB"], TRIANGLE, "the positions contradict the annotations"),
        # D is near enough to AB and to AC, but then B and C are on one line with A and D.
        (
            [f"PointLiesOnLine(D, Line({ends}))" for ends in ("A, B", "A, C")],
            ["AB", "AC"],
            {"A": (0, 0), "B": (100, 30), "C": (100, -30), "D": (10, 0)},
            "the positions contradict the annotations",
        ),
    ],
)
def test_problems_without_a_program_say_why(forms, lines, positions, reason):
    assert reason in REASONS
    assert _translated(forms, lines, positions) == Untranslated(reason)


def test_primes_become_digits_and_the_picture_keeps_its_shape_and_sense():
    positions = {"A": (10, 20), "A'": (410, 20), "A''": (10, 120)}
    problem = Problem(
        "primes",
        ("A", "A'", "A''"),
        (("A", "A'"), ("A'", "A''")),
        (Fact("length", (("A", "A'"),), "4"), Fact("angle", (("A", "A'", "A''"),), "x")),
        positions,
    )
    lines = _lines(program_of(problem))
    assert {"mark_length(A, A1, 4)", 'mark_angle(A, A1, A2, "x")', "segment(A1, A2)"} <= set(lines)
    # 400 wide and 100 high, in 80 hundredths; A'' is below A.
    assert lines[:3] == ["point(A, at=(10.0, 60.0))", "point(A1, at=(90.0, 60.0))", "point(A2, at=(10.0, 40.0))"]


# Real problems


@pytest.fixture(scope="module")
def annotations():
    return read_logic_forms(LOGIC_FORMS)


@pytest.fixture(scope="module")
def outcomes(annotations):
    problems = {
        number: read_problem(number, raw["diagram_logic_forms"], raw["line_instances"], raw["point_positions"])
        for number, raw in annotations.items()
    }
    return {number: (problem, program_of(problem)) for number, problem in problems.items()}


@pytest.fixture(scope="module")
def drawn(outcomes):
    """Problem, translation and figure of each translated problem."""
    return {
        number: (problem, outcome, solve(outcome.program, DRAWN))
        for number, (problem, outcome) in outcomes.items()
        if isinstance(outcome, Translation)
    }


@needs_logic_forms
def test_most_real_problems_become_programs_that_print_and_parse(outcomes, drawn):
    positioned = [p for p, _ in outcomes.values() if p.points and p.positions.keys() == set(p.points)]
    assert len(outcomes) == 3002 and len(positioned) > 2600
    assert len(drawn) > 0.96 * len(positioned)
    assert {o.reason for _, o in outcomes.values() if isinstance(o, Untranslated)} <= set(REASONS[:-1])
    for _, outcome, _ in drawn.values():
        assert parse(str(outcome.program)) == outcome.program


@needs_logic_forms
def test_real_figures_refute_nothing_that_their_programs_say(drawn):
    for number, (_, outcome, figure) in drawn.items():
        false = [fact for fact in facts_of(outcome.program) if refuted(figure, fact)]
        assert not false, (number, false)


@needs_logic_forms
def test_real_points_lie_where_they_are_annotated(annotations, drawn):
    """Up to the scale and shift that fit best: the same one for x and y, y turned over."""
    for number, (problem, _, figure) in drawn.items():
        raw = annotations[number]["point_positions"]
        names = [(raw[point], figure.points[point]) for point in problem.points]
        pairs = [(x, new[0], -y, new[1]) for (x, y), new in names]
        means = [sum(column) / len(pairs) for column in zip(*pairs, strict=True)]
        centred = [[value - mean for value, mean in zip(row, means, strict=True)] for row in pairs]
        scale = sum(x * u + y * v for x, u, y, v in centred) / sum(x * x + y * y for x, _, y, _ in centred)
        assert max(math.hypot(scale * x - u, scale * y - v) for x, u, y, v in centred) < 4, number
        assert all(0 <= value <= 100 for place in figure.points.values() for value in place)


@needs_logic_forms
def test_real_points_are_on_their_circles_and_segments_or_counted(annotations, drawn):
    checked = 0
    for number, (_, outcome, figure) in drawn.items():
        off = Counter()
        for form in {re.sub(r"\s", "", text) for text in annotations[number]["diagram_logic_forms"]}:
            if found := re.fullmatch(r"PointLiesOnCircle\((\w),Circle\((\w).*\)\)", form):
                point, centre = found.groups()
                gap = math.dist(figure.points[point], figure.points[centre]) - figure.circles[centre]
                off["on_circle"] += abs(gap) > 2.6
                checked += 1
            elif found := re.fullmatch(r"PointLiesOnLine\(([A-Z]),Line\(([A-Z]),([A-Z])\)\)", form):
                if len(set(found.groups())) < 3:
                    continue  # a slip of the annotator
                (x, y), (ax, ay), (bx, by) = (figure.points[name] for name in found.groups())
                along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / math.dist((ax, ay), (bx, by)) ** 2
                along = max(0.0, min(1.0, along))
                gap = math.dist((x, y), (ax + along * (bx - ax), ay + along * (by - ay)))
                off["on_segment"] += gap > 4
                checked += 1
        assert off["on_circle"] <= outcome.drawn_badly["on_circle"], number
        # A fact of part of a line is off with the fact of the whole line.
        assert not off["on_segment"] or outcome.drawn_badly["on_segment"], number
    assert checked > 11_000


@needs_logic_forms
def test_real_markings_are_in_the_program_with_their_values_or_counted(annotations, drawn):
    checked, uncounted = Counter(), []
    for number, (problem, outcome, figure) in drawn.items():
        missing = Counter()
        for form in {re.sub(r"\s", "", text) for text in annotations[number]["diagram_logic_forms"]}:
            if found := re.fullmatch(r"Equals\(LengthOf\(Line\((\w),(\w)\)\),([\d.]+)\)", form):
                kind, there = "length", _marked(figure, "length", {found[1], found[2]}, None, found[3])
            elif found := re.fullmatch(r"Equals\(MeasureOf\(Angle\((\w),(\w),(\w)\)\),([\d.]+)\)", form):
                kind = "angle"
                there = _marked(figure, "angle", {*found.groups()[:3]}, found[2], found[4]) or _marked(
                    figure, "arc", {*found.groups()[:3]}, None, found[4]
                )
            elif found := re.fullmatch(r"Perpendicular\(Line\((\w),(\w)\),Line\((\w),(\w)\)\)", form):
                kind, there = "perpendicular", _square_at(figure, found.groups())
            elif found := re.fullmatch(r"Equals\(LengthOf\(Line\((\w),(\w)\)\),LengthOf\(Line\((\w),(\w)\)\)\)", form):
                pair = {frozenset(found.groups()[:2]), frozenset(found.groups()[2:])}
                marks = [names for what, names, _ in figure.marks if what == "equal"]
                kind = "equal_lengths"
                there = len(pair) == 1 or any({frozenset(n[:2]), frozenset(n[2:])} == pair for n in marks)
            else:
                continue
            checked[kind] += 1
            missing[kind] += not there
        for kind, count in missing.items():
            unread = problem.unread["Perpendicular" if kind == "perpendicular" else "Equals"]
            if count > outcome.lost[kind] + outcome.drawn_badly[kind] + unread:
                uncounted.append((number, kind, count))
    assert checked["length"] > 2000 and checked["angle"] > 1000 and checked["perpendicular"] > 1300
    assert not uncounted


def _marked(figure, kind, points, vertex, value):
    """Whether a mark with the value stands at these points, or at others on the rays of the same angle."""
    for what, names, marked in figure.marks:
        if what == kind and not isinstance(marked, str) and marked == float(value):
            if points == set(names) and (vertex is None or vertex == names[1]):
                return True
            if vertex and names[1] == vertex and _same_angle(figure, [*(points - {vertex})], vertex, names):
                return True
    return False


def _same_angle(figure, ends, vertex, names):
    direct = all(angle_at(figure, a, vertex, b) < 3 for a, b in zip(ends, (names[0], names[2]), strict=True) if a != b)
    turned = all(angle_at(figure, a, vertex, b) < 3 for a, b in zip(ends, (names[2], names[0]), strict=True) if a != b)
    return direct or turned


def _square_at(figure, ends):
    """Whether a right angle is marked between lines of the directions of two segments, at a point of both."""
    a, b, c, d = (figure.points[end] for end in ends)
    if a == b or c == d:
        return True  # a slip of the annotator, which states nothing
    for what, names, _ in figure.marks:
        if what == "right_angle":
            p, v, q = (figure.points[name] for name in names)
            if all(_off(v, *line) < 5 for line in ((a, b), (c, d))) and (
                max(_turn(p, v, a, b), _turn(q, v, c, d)) < 6 or max(_turn(q, v, a, b), _turn(p, v, c, d)) < 6
            ):
                return True
    return False


def _turn(p, q, a, b):
    turn = math.degrees(math.atan2(q[1] - p[1], q[0] - p[0]) - math.atan2(b[1] - a[1], b[0] - a[0])) % 180
    return min(turn, 180 - turn)


def _off(point, a, b):
    (x, y), (ax, ay), (bx, by) = point, a, b
    return abs((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / math.dist(a, b)


@needs_folders
def test_real_folders_are_translated_and_counted_by_the_script(tmp_path):
    script = ROOT / "examples" / "runs" / "geometry3k_programs.py"
    command = [sys.executable, script, "--problems", FOLDERS, "--output", tmp_path / "programs.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    programs = json.loads((tmp_path / "programs.json").read_text(encoding="utf-8"))
    positioned = int(re.search(r"(\d+) with all points positioned", done.stdout)[1])
    assert positioned > 50 and len(programs) >= 0.8 * positioned
    # Compared with the picture by eye.
    assert programs["2860"].splitlines() == [
        "point(A, at=(18.04, 90.0))",
        "point(B, at=(18.26, 10.0))",
        "point(C, at=(81.96, 89.68))",
        "D = foot(A, B, C)",
        "segment(A, B)",
        "segment(A, C)",
        "segment(B, C)",
        "mark_right_angle(A, D, B)",
        "mark_right_angle(C, A, B)",
        "mark_length(A, D, 12)",
        'mark_length(C, D, "t + 1")',
        "mark_length(B, D, 24)",
    ]


# Negatives of real problems


@needs_logic_forms
def test_no_negative_caption_of_real_problems_is_stated_by_the_logic_forms(annotations, tmp_path):
    """Of each negative at least one changed sentence is no statement of the logic forms under any name.

    What they state is worked out here, from their text: collinear points and orders, equal segments and angles by
    transitivity, the values of equal things, and the shapes that sides and markings make.
    """
    numbers = random.Random(3).sample(sorted(annotations, key=int), min(SAMPLE, len(annotations)))
    path = tmp_path / "sample.json"
    path.write_text(json.dumps({number: annotations[number] for number in numbers}))
    negatives = sentences = stated_sentences = 0
    for row in load_geometry3k_logic_forms(path):
        stated = Stated(annotations[row["id"]])
        positive = _sentences(row["caption"])
        assert all(map(stated, positive)), (row["id"], positive)  # or else the checker misses what is stated
        for caption in row["negative_captions"]:
            changed = [sentence for sentence in _sentences(caption) if sentence not in positive]
            verdicts = {sentence: stated(sentence) for sentence in changed}
            assert not all(verdicts.values()), (row["id"], verdicts, annotations[row["id"]]["diagram_logic_forms"])
            negatives += 1
            sentences += len(verdicts)
            stated_sentences += sum(verdicts.values())
    logging.getLogger(__name__).info(
        "%s negatives, %s changed sentences, %s of them stated", negatives, sentences, stated_sentences
    )
    assert negatives > 9 * len(numbers)


def _sentences(caption):
    return re.split(r"(?<=\.) (?=[A-Z∠])", caption)


@pytest.mark.parametrize(
    ("sentence", "is_stated"),
    [
        ("BA = 40.", True),
        ("EF = 40.", True),  # as long as AB
        ("AB = FE.", True),
        ("CE = AB.", False),
        ("AB = 41.", False),
        ("BC = 2(x - 5).", True),
        ("BC = 2x - 5.", False),
        ("∠DBA is labelled ∠1.", True),
        ("∠CBA is labelled ∠1.", True),
        ("∠BAD is labelled ∠1.", False),
        ("CA is perpendicular to BA.", True),
        ("DA is perpendicular to CB.", True),
        ("DA is perpendicular to AB.", False),
        ("∠CDA = 90°.", True),
        ("D lies on segment CB.", True),
        ("B lies on segment CD.", False),
        ("CAB is a right triangle.", True),
        ("DAB is a right triangle.", True),
        ("ABC is an isosceles triangle.", False),
        ("ABE is a triangle.", False),
    ],
)
def test_the_checker_knows_the_other_names_of_what_is_stated(sentence, is_stated):
    forms = [
        "Perpendicular(Line(A, B), Line(A, C))",
        "Perpendicular(Line(A, D), Line(D, C))",
        "PointLiesOnLine(D, Line(B, C))",
        "Equals(LengthOf(Line(A, B)), 40)",
        "Equals(LengthOf(Line(A, B)), LengthOf(Line(E, F)))",
        "Equals(LengthOf(Line(B, C)), 2x-10)",
        "Equals(MeasureOf(Angle(A, B, D)), MeasureOf(angle 1))",
    ]
    lines = ["AB", "AC", "BC", "AD", "EF"]
    stated = Stated({"diagram_logic_forms": forms, "line_instances": lines, "point_positions": {}})
    assert stated(sentence) == is_stated


_N = r"[A-Z]'{0,2}"


class Stated:
    """Whether the raw logic forms of one problem state a sentence, by rules written only here."""

    def __init__(self, raw):
        forms = [re.sub(r"\s", "", text) for text in raw["diagram_logic_forms"]]
        self.at = raw["point_positions"]
        self.between, self.on, self.tangents, self.pairs = set(), set(), set(), set()
        equal, valued, self.labels = [], [], []
        for form in forms:
            if f := re.fullmatch(rf"PointLiesOnLine\(({_N}),Line\(({_N}),({_N})\)\)", form):
                self.between.add((f[1], frozenset(f.groups()[1:])))
            elif f := re.fullmatch(rf"PointLiesOnCircle\(({_N}),Circle\(({_N}).*\)\)", form):
                self.on.add((f[1], f[2]))
            elif f := re.fullmatch(rf"Tangent\(Line\(({_N}),({_N})\),Circle\(({_N}).*\)\)", form):
                self.tangents.add((frozenset(f.groups()[:2]), f[3]))
        self._close_between()
        self.lines = self._collinear()
        drawn = [re.findall(_N, line) for line in raw["line_instances"]]
        self.drawn = {frozenset(line) for line in drawn if len(line) == 2} | {ends for _, ends in self.between}
        for form in forms:
            if f := re.fullmatch(rf"(Perpendicular|Parallel)\(Line\(({_N}),({_N})\),Line\(({_N}),({_N})\)\)", form):
                self.pairs.add((f[1], frozenset((self._line(f[2], f[3]), self._line(f[4], f[5])))))
            elif form.startswith("Equals(") and (sides := _sides(form)):
                sides = sides if self._thing(sides[0]) else sides[::-1]
                things = [self._thing(side) for side in sides]
                label = re.fullmatch(r"MeasureOf\((?:Angle\()?(?:angle)?(\w+)\)+", sides[1])
                if things[0] and things[1]:
                    equal.append((things[0], things[1]))
                elif things[0] and label:
                    self.labels.append((things[0], label[1]))
                elif things[0]:
                    value = re.sub(r"^(?:LengthOf|MeasureOf)\((.*)\)$", r"\1", sides[1])
                    valued.append((things[0], value))
        self.parent = {}
        for first, second in equal:
            self.parent[self._root(first)] = self._root(second)
        self.values = [(self._root(thing), value) for thing, value in valued]

    def __call__(self, sentence):
        if f := re.fullmatch(rf"({_N}) lies on segment ({_N})({_N})\.", sentence):
            return (f[1], frozenset(f.groups()[1:])) in self.between
        if f := re.fullmatch(rf"(.*?) lies? on circle ({_N})\.", sentence):
            return all((point, f[2]) in self.on for point in re.findall(_N, f[1]))
        if f := re.fullmatch(rf"({_N})({_N}) is (perpendicular|parallel) to ({_N})({_N})\.", sentence):
            return self._directed(f[3], f.groups()[:2], f.groups()[3:])
        if f := re.fullmatch(rf"({_N})({_N}) is tangent to circle ({_N})\.", sentence):
            return (frozenset(f.groups()[:2]), f[3]) in self.tangents
        if f := re.fullmatch(rf"({_N})({_N}) = ({_N})({_N})\.", sentence):
            return self._equal(self._segment(f[1], f[2]), self._segment(f[3], f[4]))
        if f := re.fullmatch(rf"∠({_N})({_N})({_N}) = ∠({_N})({_N})({_N})\.", sentence):
            return self._equal(self._angle(*f.groups()[:3]), self._angle(*f.groups()[3:]))
        if f := re.fullmatch(rf"∠({_N})({_N})({_N}) is labelled ∠(\w+)\.", sentence):
            return (self._angle(f[1], f[2], f[3]), f[4]) in self.labels
        if f := re.fullmatch(rf"∠({_N})({_N})({_N}) = (.*)°\.", sentence):
            right = self._directed("perpendicular", (f[1], f[2]), (f[2], f[3])) and f[4] == "90"
            return right or self._has(self._angle(f[1], f[2], f[3]), f[4])
        if f := re.fullmatch(rf"({_N})({_N}) = (.*)\.", sentence):
            return self._has(self._segment(f[1], f[2]), f[3])
        if f := re.fullmatch(rf"Arc ((?:{_N})+) measures (.*)°\.", sentence):
            return self._arc_measures(re.findall(_N, f[1]), f[2])
        if f := re.fullmatch(rf"Arc ((?:{_N})+) is (.*) long\.", sentence):
            points = re.findall(_N, f[1])
            return self._has(("arc length", frozenset((points[0], points[-1]))), f[2])
        if f := re.fullmatch(r"The area of (\S+) (\S+) is (.*)\.", sentence):
            return self._has(("area", f[1], frozenset(re.findall(_N, f[2]))), f[3])
        if f := re.fullmatch(r"Segments? (.*) (?:is|are) drawn\.", sentence):
            pairs = [re.findall(_N, pair) for pair in re.split(r", | and ", f[1])]
            return all(self._is_drawn(*pair) for pair in pairs)
        if f := re.fullmatch(rf"((?:{_N})+) is an? (.*)\.", sentence):
            return self._is_shape(re.findall(_N, f[1]), f[2])
        raise ValueError(f"The checker does not know the sentence {sentence!r}.")

    def _close_between(self):
        """B between A and C, C between A and D: then B and C are between A and D, and C between B and D."""
        grown = True
        while grown:
            known = self.between
            by_end = {}
            for point, ends in known:
                for end in ends:
                    by_end.setdefault(end, []).append((point, ends))
            more = set()
            for a, held in by_end.items():
                order = {(p, q) for p, ends in held for q in ends - {a} if q != p}
                for (b, c), (c2, d) in itertools.product(order, order):
                    if c == c2 and b != d:
                        more |= {(b, frozenset((a, d))), (c, frozenset((b, d))), (c, frozenset((a, d)))}
            grown = not more <= known
            self.between = known | more

    def _collinear(self):
        lines = []
        for point, ends in sorted(self.between, key=str):
            merged = {point, *ends}
            for line in [line for line in lines if len(line & merged) > 1]:
                lines.remove(line)
                merged |= line
            lines.append(merged)
        return [frozenset(line) for line in lines]

    def _line(self, a, b):
        return next((line for line in self.lines if {a, b} <= line), frozenset((a, b)))

    def _segment(self, a, b):
        return ("segment", frozenset((a, b)))

    def _angle(self, a, v, b):
        return ("angle", v, frozenset((self._ray(v, a), self._ray(v, b))))

    def _ray(self, v, a):
        """All points known to be on the ray from v through a."""
        ray, grown = {a}, True
        while grown:
            more = {p for p, ends in self.between if v in ends and ends & ray} | ray
            more |= {q for p, ends in self.between if v in ends and p in ray for q in ends - {v}}
            grown, ray = more != ray, more
        return frozenset(ray)

    def _thing(self, side):
        if f := re.fullmatch(rf"(?:LengthOf\()?Line\(({_N}),({_N})\)\)?", side):
            return self._segment(f[1], f[2])
        if f := re.fullmatch(rf"(?:MeasureOf\()?Angle\(({_N}),({_N}),({_N})\)\)?", side):
            return self._angle(f[1], f[2], f[3])
        if f := re.fullmatch(rf"(Measure|Length)Of\((?:Minor\(|Major\()?Arc\(((?:{_N},?)+)\)+", side):
            points = f[2].split(",")
            return ("arc" if f[1] == "Measure" else "arc length", frozenset((points[0], points[-1])))
        if f := re.fullmatch(rf"AreaOf\((\w+)\(((?:{_N},?)+)\)\)", side):
            return ("area", f[1].lower(), frozenset(f[2].split(",")))
        return None

    def _root(self, thing):
        while self.parent.get(thing, thing) != thing:
            thing = self.parent[thing]
        return thing

    def _equal(self, first, second):
        """The same, equal by a chain of forms, or of one value."""
        if self._root(first) == self._root(second):
            return True
        return any(self._has(second, value) for root, value in self.values if root == self._root(first))

    def _has(self, thing, value):
        return any(root == self._root(thing) and _same_value(value, known) for root, known in self.values)

    def _directed(self, relation, first, second):
        return (relation.capitalize(), frozenset((self._line(*first), self._line(*second)))) in self.pairs

    def _arc_measures(self, points, value):
        first, last = points[0], points[-1]
        centres = {centre for point, centre in self.on if point == first} & {c for p, c in self.on if p == last}
        angles = [self._angle(first, centre, last) for centre in centres]
        return any(self._has(thing, value) for thing in (("arc", frozenset((first, last))), *angles))

    def _is_drawn(self, a, b):
        return frozenset((a, b)) in self.drawn or any({a, b} <= line for line in self.lines)

    def _cross(self, a, b, c, d):
        """Whether two segments cross as diagonals do: at a point of both, or where they are drawn."""
        inside = [{point for point, ends in self.between if ends == frozenset(pair)} for pair in ((a, b), (c, d))]
        if inside[0] & inside[1]:
            return True
        places = [self.at.get(name, (-1, -1)) for name in (a, b, c, d)]
        if (-1, -1) in map(tuple, places):
            return False
        a, b, c, d = (complex(*place) for place in places)
        sides = [((q - p).conjugate() * (r - p)).imag for p, q, r in ((a, b, c), (a, b, d), (c, d, a), (c, d, b))]
        return sides[0] * sides[1] < 0 and sides[2] * sides[3] < 0

    def _is_shape(self, names, shape):
        """In doubt yes: then another sentence of the caption has to be false."""
        sides = list(zip(names, names[1:] + names[:1], strict=True))
        if not all(self._is_drawn(*side) for side in sides):
            return False
        if len(names) == 3 and any(set(names) <= line for line in self.lines):
            return False
        corners = list(zip(names[-1:] + names[:-1], names, names[1:] + names[:1], strict=True))
        right = [
            self._directed("perpendicular", corner[:2], corner[1:]) or self._has(self._angle(*corner), "90")
            for corner in corners
        ]
        equal = [self._equal(self._segment(*p), self._segment(*q)) for p, q in itertools.combinations(sides, 2)]
        if shape == "right triangle":
            return any(right)
        if shape == "isosceles triangle":
            return any(equal)
        if shape == "equilateral triangle":
            return sum(equal) > 1 or all(self._has(self._angle(*corner), "60") for corner in corners)
        if len(names) != 4:
            return True
        opposite = ((sides[0], sides[2]), (sides[1], sides[3]))
        if any(self._cross(*p, *q) for p, q in opposite):
            return False
        parallel = [self._directed("parallel", *pair) for pair in opposite]
        alike = [self._equal(self._segment(*p), self._segment(*q)) for p, q in opposite]
        same_pair = any(map(all, zip(parallel, alike, strict=True)))
        is_parallelogram = all(parallel) or all(alike) or same_pair or sum(right) > 2
        return {
            "trapezoid": any(parallel),
            "parallelogram": is_parallelogram,
            "rectangle": sum(right) > 2 or (is_parallelogram and any(right)),
            "rhombus": sum(equal) > 2,
            "square": sum(equal) > 0 and any(right),
        }.get(shape, True)


def _sides(form):
    """Both sides of Equals(left,right)."""
    depth, start = 0, len("Equals(")
    for place in range(start, len(form) - 1):
        depth += (form[place] in "({") - (form[place] in ")}")
        if form[place] == "," and depth == 0:
            return form[start:place], form[place + 1 : -1]
    return None


@functools.cache
def _same_value(first, second):
    """Whether two formulas are equal for two values of their unknowns; as text, if one of them is no formula."""
    values = [_evaluated(text) for text in (first, second)]
    return first == second if None in values else all(abs(a - b) < 1e-6 for a, b in zip(*values, strict=True))


@functools.cache
def _evaluated(text):
    text = text.replace("−", "-").replace("²", "^2").strip("°")
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", text)
    text = re.sub(r"\\sqrt\{([^{}]*)\}|√(\w+)|√\(([^()]*)\)", r"(sqrt(\1\2\3))", text)
    text = re.sub(r"(\d)(?=[(a-z])|(?<=[a-z)])(?=\()|(?<=\))(?=[a-z\d])", r"\1*", text).replace("sqrt*", "sqrt")
    text = text.replace("^", "**").replace("{", "(").replace("}", ")")
    try:
        transformations = (*standard_transformations, implicit_multiplication_application)
        names = {letter: sympy.Symbol(letter) for letter in "abcdefghijklmnopqrstuvwxyz"}
        formula = parse_expr(text, local_dict=names, transformations=transformations)
        return tuple(
            float(formula.subs({name: offset + 0.37 * i for i, name in enumerate(names.values())}))
            for offset in (1.31, 5.77)
        )
    except (SyntaxError, TypeError, ValueError, AttributeError):
        return None
