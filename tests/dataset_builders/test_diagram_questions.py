"""Questions on generated diagrams: true by arithmetic of our own, balanced, and worthless without the diagram."""

import cmath
import math
import re
from collections import Counter

import numpy as np
import pytest

from dataset_builders.diagram import questions
from dataset_builders.diagram.asking import FORMS, QUADRILATERALS, TARGETS, TRIANGLES, ask
from dataset_builders.diagram.blind_answers import blind_accuracy
from dataset_builders.diagram.figure import EXAM, solve
from dataset_builders.diagram.program import parse
from dataset_builders.diagram.questions import SCENES, WORDINGS, question_records, unlettered, worded
from dataset_builders.diagram.sample import sample_program
from dataset_builders.diagram.simple import sample_simple_program
from dataset_builders.instructions import INSTRUCTIONS
from dataset_builders.questions import QUESTIONS

SAMPLERS = {"simple": (sample_simple_program, 3, 1000), "exam": (sample_program, 4, 600)}


@pytest.fixture(scope="module")
def thousand():
    return question_records(0, seed=3, held_out=2600)["questions"]


class Plane:
    """A program's points as complex numbers, and what is drawn between them: nothing of the library's facts."""

    def __init__(self, program):
        figure = solve(program, EXAM)
        self.at = {name: complex(*place) for name, place in figure.points.items()}
        self.circles = figure.circles
        self.text = str(program)
        self.marks = figure.marks
        self.lines = [*figure.segments, *figure.rays, *figure.lines]

    def line(self, names):
        return self.at[names[1]] - self.at[names[0]]

    def turn(self, first, second):
        """Degrees between two lines, 0 to 90."""
        degrees = abs(math.degrees(cmath.phase(self.line(first) / self.line(second)))) % 180
        return min(degrees, 180 - degrees)

    def corner(self, names):
        before, at, after = names
        return abs(math.degrees(cmath.phase((self.at[before] - self.at[at]) / (self.at[after] - self.at[at]))))

    def values(self, kind, names):
        return {f"{value:g}" for there, at, value in self.marks if there == kind and at in (names, names[::-1])}

    def drawn(self, names):
        """Whether a line is drawn along all of it."""
        return any(
            abs((self.line(names) / self.line(line)).imag) < 1e-6
            and all(abs(((self.at[name] - self.at[line[0]]) / self.line(line)).imag) < 1e-4 for name in names)
            for line in self.lines
        )


def sides(plane, names):
    return [abs(plane.line((a, b))) for a, b in zip(names, (*names[1:], names[0]), strict=True)]


def triangle_of(plane, names):
    a, b, c = sorted(sides(plane, names))
    corners = [plane.corner((names[i - 1], names[i], names[(i + 1) % 3])) for i in range(3)]
    if c - a < 1e-3:
        return "equilateral"
    if b - a < 1e-3 or c - b < 1e-3:
        return "isosceles"
    return "right" if any(abs(corner - 90) < 0.01 for corner in corners) else "scalene"


def quadrilateral_of(plane, names):
    a, b, c, d = sides(plane, names)
    opposite = [plane.turn(names[:2], names[2:]) < 0.01, plane.turn(names[1:3], (names[3], names[0])) < 0.01]
    right = abs(plane.corner(names[:3]) - 90) < 0.01
    equal = max(a, b, c, d) - min(a, b, c, d) < 1e-3
    if all(opposite):
        return "square" if right and equal else "rectangle" if right else "rhombus" if equal else "parallelogram"
    if any(opposite):
        return "trapezoid"
    return "kite" if abs(a - b) + abs(c - d) < 1e-3 or abs(b - c) + abs(d - a) < 1e-3 else "?"


def check(plane, form, groups, question, answer):
    """That an answer is right, and a no plainly so."""
    letters = tuple(name for group in groups for name in group)
    if form == "length":
        assert plane.values("length", letters) == {answer}
    elif form == "angle":
        assert plane.values("angle", letters) == {answer}
    elif form == "segment":
        (value,) = re.findall(r"\d+(?:\.\d+)?", question)
        assert plane.values("length", tuple(answer)) == {value} and answer == "".join(sorted(answer))
        length = abs(plane.line(answer))
        for line in plane.lines:
            assert set(line) == set(answer) or abs(abs(plane.line(line)) - length) > 0.05 * length
    elif form in ("parallel", "perpendicular"):
        turn = plane.turn(*groups)
        off = turn if form == "parallel" else 90 - turn
        assert off < 0.1 if answer == "yes" else off > 12
        assert all(plane.drawn(pair) for pair in groups)
    elif form == "right_angle":
        off = abs(plane.corner(letters) - 90)
        assert off < 0.1 if answer == "yes" else off > 12
        assert plane.drawn(letters[:2]) and plane.drawn(letters[1:])
        assert plane.values("angle", letters) <= {"90"} or answer == "no"
    elif form == "equal":
        first, second = (abs(plane.line(pair)) for pair in groups)
        off = abs(first - second) / max(first, second)
        assert off < 0.005 if answer == "yes" else off > 0.2
        assert all(plane.drawn(pair) for pair in groups)
    elif form in ("midpoint", "is_midpoint"):
        start, end = letters[-2:]
        point = answer if form == "midpoint" else letters[0]
        off = abs(plane.at[point] - (plane.at[start] + plane.at[end]) / 2) / abs(plane.line((start, end)))
        assert off > 0.1 if answer == "no" else off < 0.005
    elif form == "triangle":
        assert triangle_of(plane, letters) == answer
    elif form == "quadrilateral":
        assert quadrilateral_of(plane, letters) == answer
    elif form == "centre":
        assert list(plane.circles) == [answer]
    elif form == "diameter":
        ((centre, radius),) = plane.circles.items()
        assert all(abs(abs(plane.line((centre, name))) - radius) < 0.1 for name in letters)
        assert (abs(abs(plane.line(letters)) - 2 * radius) < 0.1) == (answer == "yes")
    else:
        raise AssertionError(form)


@pytest.mark.parametrize("scenes", SCENES)
def test_every_answer_is_right_by_the_points_of_its_diagram(scenes):
    sample, difficulty, count = SAMPLERS[scenes]
    rng = np.random.default_rng(5)
    seen = Counter()
    for _ in range(count):
        program, figure = sample(rng, difficulty)
        plane = Plane(program)
        for form in FORMS:
            for asked in ask(figure, form):
                question = worded(asked, rng)
                groups = [tuple(g) for g in re.findall(r"(?<![A-Za-z])[A-Z]+(?![a-z])", question)]
                check(plane, form, groups, question, asked.answer)
                seen[form, asked.target] += 1
    missing = {(form, target) for form in FORMS for target in TARGETS[form]} - set(seen)
    assert not missing, "every answer of every form occurs"


def test_the_sets_have_both_schemas_and_the_answer_alone_for_a_reply():
    sets = question_records(70, seed=1, held_out=5)
    assert sets["instructions"].features == INSTRUCTIONS and len(sets["instructions"]) == 70
    assert sets["questions"].features == QUESTIONS and len(sets["questions"]) == 5
    row = sets["instructions"][0]
    assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]
    assert row["images"][0].size == (96, 96) and row["source"] == "generated diagrams"
    question = sets["questions"][0]
    assert question["category"][0] in FORMS and question["benchmark"] == "generated"


def test_a_seed_makes_the_same_records_for_any_number_of_processes_and_records():
    first = question_records(130, seed=2, held_out=3)
    assert first["instructions"].to_dict() == question_records(130, 2, 3, num_proc=2)["instructions"].to_dict()
    fewer = question_records(40, seed=2, held_out=3)["instructions"].to_dict()
    assert fewer["messages"] == first["instructions"].to_dict()["messages"][:40]
    other = question_records(40, seed=4)["instructions"]["messages"][:]
    assert other != fewer["messages"]


def test_held_out_diagrams_are_not_trained_on(monkeypatch):
    def pictures(held_out):
        sets = question_records(128, seed=0, held_out=held_out)
        trained = [row["images"][0]["bytes"] for row in sets["instructions"].with_format("arrow")[:].to_pylist()]
        return trained, [row["image"]["bytes"] for row in sets["questions"].with_format("arrow")[:].to_pylist()]

    # With one stream of randomness for both, they would be the same diagrams.
    monkeypatch.setattr(questions, "_HELD_OUT", questions._TRAINING)
    free, _ = pictures(0)
    trained, tested = pictures(64)
    assert set(tested) & set(free), "else this shows nothing"
    assert not set(tested) & set(trained)


def asked_form(question):
    """Which form a question has, by its wording."""
    for form, texts in WORDINGS.items():
        for text in texts:
            if re.fullmatch(re.sub(r"\\\{\d\\\}", r"(?:[A-Z]|[0-9.]+)", re.escape(text)), question):
                return form
    raise AssertionError(question)


def test_a_conversation_asks_several_questions_of_one_diagram_and_answers_them_right(monkeypatch):
    scenes, draw = [], questions._scene

    def drawn(*settings):
        scenes.append(draw(*settings))
        return scenes[-1]

    monkeypatch.setattr(questions, "_scene", drawn)
    records = question_records(64, seed=0, turns=5)["instructions"]
    asked_of = [program for program, figure in scenes if any(ask(figure, form) for form in FORMS)]
    assert records.features == INSTRUCTIONS
    counts = Counter()
    for program, messages in zip(asked_of, records["messages"], strict=True):
        plane = Plane(program)
        assert [turn["role"] for turn in messages] == ["user", "assistant"] * (len(messages) // 2)
        counts[len(messages) // 2] += 1
        for question, answer in zip(messages[::2], messages[1::2], strict=True):
            question, answer = question["content"], answer["content"]
            groups = [tuple(g) for g in re.findall(r"(?<![A-Za-z])[A-Z]+(?![a-z])", question)]
            check(plane, asked_form(question), groups, question, answer)
    assert max(counts) == 5 and counts[5] > 32


def test_answers_of_conversations_are_balanced_as_far_as_diagrams_allow():
    talks = question_records(320, seed=1, turns=6)["instructions"]["messages"]
    answers = {form: Counter() for form in FORMS}
    for messages in talks:
        for question, answer in zip(messages[::2], messages[1::2], strict=True):
            answers[asked_form(question["content"])][answer["content"]] += 1
    for form, counts in answers.items():
        if "yes" in counts:
            # In simple diagrams few lines without a common point are perpendicular.
            assert 0.3 < counts["yes"] / counts.total() < 0.7, form
        assert counts.total() > 8, form


def test_conversations_depend_on_seed_and_number_and_leave_out_what_is_held_out():
    records = question_records(130, seed=2, turns=4)["instructions"].to_dict()
    assert records == question_records(130, seed=2, turns=4, num_proc=2)["instructions"].to_dict()
    assert records["messages"] != question_records(130, seed=3, turns=4)["instructions"].to_dict()["messages"]
    settings = {"seed": 2, "scenes": "simple", "difficulty": 3, "forms": FORMS, "turns": 4}
    program, figure = questions._scene(np.random.default_rng([2, questions._TALKING, 0]), "simple", 3)
    free, without = (
        [record["images"][0]["bytes"] for record in questions._conversations(0, **settings, without=names)]
        for names in (frozenset(), frozenset([unlettered(program)]))
    )
    assert free[0] == questions._picture(figure, "simple")["bytes"] and free[0] not in without


def test_drawings_are_told_apart_whatever_their_letters():
    text = 'triangle({0}, {1}, {2}, kind="right", angle=35)\n{3} = midpoint({0}, {1})\nmark_length({0}, {2}, {4})'
    first, second = text.format(*"ABCD", 6), text.format(*"XKAB", 6)
    assert unlettered(first) == unlettered(second) == unlettered(parse(second))
    assert unlettered(first) != unlettered(text.format(*"ABCD", 7))


def test_yes_and_no_and_every_shape_are_right_equally_often(thousand):
    answers = {form: Counter() for form in FORMS}
    for form, answer in zip(thousand["category"], thousand["answer"], strict=True):
        answers[form[0]][answer] += 1
    for form, counts in answers.items():
        total = sum(counts.values())
        assert 140 < total < 265, form
        if form == "triangle":
            assert set(counts) == set(TRIANGLES)
        elif form == "quadrilateral":
            assert set(counts) == set(QUADRILATERALS)
        elif TARGETS[form] != ("",):
            assert set(counts) == {"yes", "no"}
        share = 1 / len(counts)
        most = counts.most_common(1)[0][1] / total
        assert most < share + 3.5 * math.sqrt(share * (1 - share) / total) + 0.06 * (TARGETS[form] == ("",)), form


def test_without_the_diagram_answers_are_near_chance(thousand):
    table = blind_accuracy(thousand)
    assert set(table) == {*FORMS, "all"}
    for form, row in table.items():
        margin = 0.05 + 3 * math.sqrt(row["chance"] * (1 - row["chance"]) / row["count"])
        assert max(row["majority"], row["text"]) < row["chance"] + margin, (form, row)
    assert table["all"]["text"] < table["all"]["chance"] + 0.04


def test_a_leak_is_seen_by_the_blind_model(thousand):
    def leaky(row):
        return {"question": row["question"] + (" Really?" if row["answer"] == "yes" else "")}

    table = blind_accuracy(thousand.remove_columns("image").map(leaky))
    assert table["parallel"]["text"] > 0.95 and table["parallel"]["majority"] < 0.65


def test_no_question_tells_its_answer(thousand):
    for form, question, answer in zip(thousand["category"], thousand["question"], thousand["answer"], strict=True):
        if form[0] in ("length", "angle"):
            assert answer not in re.findall(r"\d+(?:\.\d+)?", question)
        elif form[0] in ("segment", "midpoint", "centre"):
            assert not set(answer) & set("".join(re.findall(r"(?<![A-Za-z])[A-Z]+(?![a-z])", question)))
        elif "or" not in question.split():
            assert answer not in question.lower().replace("?", "").split()


def test_every_form_has_several_wordings_and_all_are_used(thousand):
    starts = {text.split("{")[0] for texts in WORDINGS.values() for text in texts}
    assert all(len(set(texts)) == 3 for texts in WORDINGS.values()) and set(WORDINGS) == set(FORMS)
    asked = thousand["question"][:]
    assert all(any(question.startswith(start) for question in asked) for start in starts)


def test_letters_of_exam_diagrams_tell_nothing():
    sets = question_records(0, seed=0, held_out=400, scenes="exam", difficulty=4, forms=["parallel"])
    assert sets["questions"][0]["image"].size == (336, 336)
    inside = Counter()
    for question, answer in zip(sets["questions"]["question"], sets["questions"]["answer"], strict=True):
        places = sorted(map(ord, "".join(re.findall(r"(?<![A-Za-z])[A-Z]{2}(?![a-z])", question))))
        inside[answer, places[-1] - places[0] == 3] += 1
    assert inside["yes", True] + inside["no", True] < 20, "four letters in a row are rare"


def test_only_the_forms_that_are_wanted_are_asked():
    sets = question_records(0, seed=0, held_out=60, forms=["angle", "centre"])
    assert {category[0] for category in sets["questions"]["category"]} == {"angle", "centre"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"scenes": "hard"}, "`scenes` is 'hard'; it must be one of simple, exam"),
        ({"forms": ["area"]}, "`forms` has .*area.*there are length, segment"),
        ({"forms": []}, "nothing in it"),
        ({"difficulty": 0}, "`difficulty` and `turns` 1 or more"),
        ({"turns": 0}, "`difficulty` and `turns` 1 or more"),
        ({"turns": 2, "difficulty": 1, "forms": ["length"]}, "difficulty 1 answers any of length"),
        ({"difficulty": 1, "forms": ["length"]}, "difficulty 1 answers length; leave these out"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(arguments, words):
    with pytest.raises(ValueError, match=words):
        question_records(1, **arguments)
