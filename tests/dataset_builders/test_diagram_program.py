"""The diagram language: what is read comes back as it was, and nothing but the language is read."""

import ast
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_builders.diagram import program as program_module
from dataset_builders.diagram.program import (
    MAX_CHARACTERS,
    VOCABULARY,
    Program,
    ProgramError,
    Statement,
    parse,
    with_options,
)
from dataset_builders.diagram.simple import sample_simple_program as sample_program

TRIANGLE = "triangle(A, B, C)\n"


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), difficulty=st.integers(1, 6))
def test_a_printed_program_is_read_back_as_it_was(seed, difficulty):
    program, _ = sample_program(np.random.default_rng(seed), difficulty)
    assert parse(str(program)) == program
    assert str(parse(str(program))) == str(program)


@settings(max_examples=100, deadline=None)
@given(
    x=st.floats(0, 100), y=st.integers(0, 100), turn=st.floats(-360, 360), ratio=st.floats(0.05, 0.95), data=st.data()
)
def test_every_number_in_range_is_printed_without_loss(x, y, turn, ratio, data):
    length = data.draw(st.one_of(st.integers(1, 9999), st.floats(0.1, 9999)))
    options = (("ratio", ratio), ("at", (x, y)), ("turn", turn))
    program = Program(
        (Statement("rectangle", tuple("ABCD"), options=options), Statement("mark_length", ("A", "B"), value=length))
    )
    assert parse(str(program)) == program


def test_every_word_of_the_vocabulary_can_be_read():
    program = parse(
        """
        # comments and blank lines are allowed

        circle(O, at=(50, 50), size=60)
        P = radius(O, turn=30)
        Q = diameter(O, P)
        R = chord(O, P, turn=-75)
        triangle(A, B, C, kind="scalene", angle=50, other=75, at=(48, 52), size=60, turn=-20)
        D = midpoint(A, B)
        E = point_on(B, C, ratio=0.3)
        F = foot(A, B, C)
        G = median(A, B, C)
        H = bisector(A, B, C)
        I = cevian(A, B, C, ratio=0.2)
        segment(D, E)
        mark_length(A, B, 6)
        mark_angle(A, B, C, 40)
        mark_right_angle(A, F, B)
        square(J, K, L, M)
        """.replace("\n        ", "\n")
    )
    assert program.points == tuple("OPQRABCDEFGHIJKLM")
    assert parse(str(program)) == program


# Points that come first, for each word, and points that it makes.
BEFORE = "circle(O)\nA = radius(O, turn=10)\ntriangle(B, C, D)\nE = point_on(B, C)\n"
POINTS = {
    **{word: "O" for word in ("on_circle", "radius")},
    **{word: "OA" for word in ("diameter", "chord", "tangent", "secant")},
    "tangent_from": "BO",
    **{word: "BE" for word in ("segment", "ray", "line", "midpoint", "point_on", "rotation", "mark_length")},
    **{word: "BCDE" for word in ("intersection", "mark_equal", "mark_parallel")},
    "mark_equal_angles": "BCDCDB",
    **{word: "XYZBCD" for word in ("similar", "congruent")},
    **{word: "X" for word in ("point", "circle", "ellipse")},
    "triangle": "XYZ",
    "polygon": "UVXYZ",
    **{word: "" for word in ("axes", "number_line", "plot", "graph")},
}


@pytest.mark.parametrize("word", VOCABULARY)
def test_each_word_is_read_and_printed_back(word):
    verb = VOCABULARY[word]
    default = "UVXY" if verb.role == "shape" else "BCD"
    arguments = [*POINTS.get(word, default), *(["50"] if verb.value else [])]
    text = BEFORE + ("Z = " if verb.role == "construction" else "") + f"{word}({', '.join(arguments)})"
    program = parse(text)
    assert program.statements[-1].verb == word
    assert parse(str(program)) == program


def test_formulas_may_stand_for_numbers():
    text = 'triangle(A, B, C)\nmark_length(A, B, "2x - 7")\nmark_angle(A, B, C, "(x + 5)")'
    assert str(parse(text)) == text
    with pytest.raises(ProgramError, match="line 2, column 19"):
        parse("triangle(A, B, C)\nmark_length(A, B, '{x}; y')")


# Each with words of the reason that a reader is given.
REFUSED = [
    ("import os", "Import is not part of the language"),
    ("from os import system", "ImportFrom is not part of the language"),
    ("for A in B: pass", "For is not part of the language"),
    ("while True: pass", "While is not part of the language"),
    ("def f(): pass", "FunctionDef is not part of the language"),
    ("class A: pass", "ClassDef is not part of the language"),
    ("with A: pass", "With is not part of the language"),
    ("del A", "Delete is not part of the language"),
    ("D: int = midpoint(A, B)", "AnnAssign is not part of the language"),
    ("A += 1", "AugAssign is not part of the language"),
    ("print(1)", "no verb `print`; there are point, triangle,"),
    ("exec('1')", "no verb `exec`"),
    ("__import__('os')", "no verb `__import__`"),
    ("os.system('true')", "with a verb of the vocabulary"),
    ("triangle.__class__(A, B, C)", "with a verb of the vocabulary"),
    ("(lambda: 1)()", "with a verb of the vocabulary"),
    ("lambda: 1", "a statement is"),
    ("f'{print(1)}'", "a statement is"),
    ("(yield)", "a statement is"),
    ("[segment(A, B) for A in B]", "a statement is"),
    ("A := 1", "not Python syntax"),
    ("triangle(A, B", "not Python syntax"),
    ("", "the program is empty"),
    ("# nothing", "the program is empty"),
    ("triangle(A, B, C, f'{print(1)}')", "a point is one capital letter"),
    ("triangle(A, B, print(1))", "a point is one capital letter"),
    ("triangle(A, B, C.x)", "a point is one capital letter"),
    ("triangle(A, B, c)", "a point is one capital letter"),
    ("triangle(A, B, AB)", "a point is one capital letter"),
    ("triangle(A, B, Ä)", "a point is one capital letter"),
    ("triangle(*A, B, C)", "a point is one capital letter"),
    ("triangle(A, B, 'C')", "a point is one capital letter"),
    ("triangle(A, B, __builtins__)", "a point is one capital letter"),
    ("triangle(A, B, C, kind=f'{1}')", "`kind` is one of equilateral, isosceles, right, scalene"),
    ("triangle(A, B, C, kind='obtuse')", "`kind` is one of"),
    ("triangle(A, B, C, kind=right)", "`kind` is one of"),
    ("triangle(A, B, C, colour=3)", "`triangle` has no option `colour`; its options are kind,"),
    ("triangle(A, B, C, **{'size': 3})", "`triangle` has no option `**`"),
    ("triangle(A, B, C, size=50, size=60)", "the option `size` is given twice"),
    ("triangle(A, B, C, kind='right', kind='scalene')", "the option `kind` is given twice"),
    ("triangle(A, B, C, at=50)", "`at` is a pair of numbers"),
    ("triangle(A, B, C, at=(50, 50, 50))", "`at` is a pair of numbers"),
    ("triangle(A, B, C, at=(50, 101))", "between 0 and 100"),
    ("triangle(A, B, C, size='60')", "a number is written out"),
    ("triangle(A, B, C, size=True)", "a number is written out"),
    ("triangle(A, B, C, size=60j)", "a number is written out"),
    ("triangle(A, B, C, size=30 + 30)", "a number is written out"),
    ("triangle(A, B, C, size=--60)", "a number is written out"),
    ("triangle(A, B, C, size=-60)", "between 1 and 100"),
    ("triangle(A, B, C, size=1e999)", "between 1 and 100"),
    ("triangle(A, B)", "`triangle` takes 3 points; it was given 2"),
    ("square(A, B, C, D, E)", "`square` takes 4 points; it was given 5"),
    ("polygon(A, B, C, D)", "`polygon` takes 5 to 8 points; it was given 4"),
    ("triangle(A, B, A)", "the same point is named twice"),
    ("D = triangle(A, B, C)", "`triangle` makes no point: write `triangle(...)`"),
    (TRIANGLE + "midpoint(A, B)", "`midpoint` makes a point: write `D = midpoint(...)`"),
    (TRIANGLE + "D = E = midpoint(A, B)", "one point is made at a time"),
    (TRIANGLE + "D, E = midpoint(A, B)", "a point is one capital letter"),
    (TRIANGLE + "D.x = midpoint(A, B)", "a point is one capital letter"),
    (TRIANGLE + "D = (E := midpoint(A, B))", "a statement is"),
    (TRIANGLE + "D = 9**9**9", "a statement is"),
    (TRIANGLE + "D = midpoint(A, A)", "the same point is named twice"),
    (TRIANGLE + "D = midpoint(A, E)", "the point E is used before it is made"),
    (TRIANGLE + "D = midpoint(A, D)", "the point D is used before it is made"),
    (TRIANGLE + "segment(A, D)", "the point D is used before it is made"),
    (TRIANGLE + "A = midpoint(B, C)", "the point A is made twice"),
    (TRIANGLE + "triangle(C, D, E)", "the point C is made twice"),
    (TRIANGLE + "D = midpoint(A, B, ratio=0.5)", "`midpoint` has no option `ratio`; its options are none"),
    (TRIANGLE + "mark_length()", "`mark_length` takes 2 points and a number"),
    (TRIANGLE + "mark_length(A, B)", "a number is written out"),
    (TRIANGLE + "mark_length(A, B, 0)", "between 0.01 and 99999"),
    (TRIANGLE + "mark_angle(A, B, C, 180)", "between 1 and 179"),
    (TRIANGLE + "mark_length(A, B, '')", "a text that stands for a number is"),
    (TRIANGLE + "mark_length(A, B, '{x}')", "a text that stands for a number is"),
    (
        TRIANGLE + "mark_length(A, B, '123456789 + 123456789 + 1')",
        "a text that stands for a number is",
    ),
    (TRIANGLE + "mark_equal(A, A, B, C)", "the same point is named twice"),
    (TRIANGLE + "mark_equal_angles(A, B, C, B, C, B)", "the same point is named twice"),
    (TRIANGLE + "similar(D, E, E, A, B, C)", "the same point is named twice"),
    (TRIANGLE + "similar(D, E, C, A, B, C)", "the point C is made twice"),
    (TRIANGLE + "similar(D, E, F, A, B, X)", "the point X is used before it is made"),
    ("point(A12)", "a point is one capital letter, A to Z, or one with a digit"),
    ("O = axes(x=(0, 1001))", "between -1000 and 1000"),
    ("axes()", "`axes` makes a point: write `D = axes(...)`"),
    ("O = axes(A)", "`axes` takes 0 points; it was given 1"),
    ("#" * (MAX_CHARACTERS + 1), "at most 20000 are read"),
    ("triangle(A, B, \ud800)", "cannot be read"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED, ids=[ascii(text[-40:]) for text, _ in REFUSED])
def test_what_is_not_the_language_is_refused_in_one_sentence(text, words):
    with pytest.raises(ProgramError) as caught:
        parse(text)
    reason = caught.value.reason
    assert words in reason
    assert "\n" not in reason and reason.endswith(".")
    assert str(caught.value) == f"line {caught.value.line}, column {caught.value.column}: {reason}"
    lines = text.split("\n")
    assert 1 <= caught.value.line <= len(lines)
    assert 1 <= caught.value.column <= len(lines[caught.value.line - 1]) + 1


def test_every_reason_of_the_reader_is_among_them():
    source = Path(program_module.__file__)
    raises = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Raise)]
    reached = set()
    for text, _ in REFUSED:
        with pytest.raises(ProgramError) as caught:
            parse(text)
        line = [entry.lineno + 1 for entry in caught.traceback if Path(entry.path) == source][-1]
        reached |= {ast.unparse(node) for node in raises if node.lineno <= line <= node.end_lineno}
    assert len(reached) > 15 and reached == {ast.unparse(node) for node in raises}


def test_a_refusal_names_line_and_column():
    with pytest.raises(ProgramError) as caught:
        parse("# a comment\ntriangle(A, B, C)\n\nD = midpoint(A, b)\n")
    assert (caught.value.line, caught.value.column) == (4, 17)
    with pytest.raises(ProgramError) as caught:
        parse("triangle(A, B, C)\nD = midpoint(A,")
    assert caught.value.line == 2


HUGE = {
    "power": "9**9**9",
    "power as an option": "triangle(A, B, C, size=9**9**9)",
    "power as a mark": TRIANGLE + "mark_length(A, B, 9**9**9)",
    "shift": TRIANGLE + "mark_length(A, B, 1 << 10**10)",
    "repeated text": "triangle(A, B, C, kind='x' * 10**10)",
    "thousands of digits": f"triangle(A, B, C, size={'9' * 15_000})",
    "a long hexadecimal": f"triangle(A, B, C, size=0x{'f' * 15_000})",
    "nested brackets": f"triangle(A, B, C, size={'(' * 9_000}60{')' * 9_000})",
    "nested calls": "triangle(" * 2_000 + ")" * 2_000,
    "nested signs": f"triangle(A, B, C, size={'-' * 15_000}60)",
    "nested lists": "[" * 9_000 + "]" * 9_000,
    "a long sum": "triangle(A, B, C, size=" + "1+" * 9_000 + "1)",
    "a long chain of attributes": "a" + ".a" * 9_000,
    "too long": "#" * (MAX_CHARACTERS + 1),
    "a million lines": TRIANGLE * 1_000_000,
    "a null character": "triangle(A, B, C)\0",
    "half a surrogate pair": "triangle(A, B, \ud800)",
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE)
def test_giant_numbers_and_depths_are_refused_at_once(text):
    start = time.process_time()
    with pytest.raises(ProgramError):
        parse(text)
    assert time.process_time() - start < 2


def test_a_program_of_the_greatest_length_is_read():
    text = TRIANGLE + "segment(A, B)\n" * ((MAX_CHARACTERS - len(TRIANGLE)) // len("segment(A, B)\n"))
    assert len(parse(text).statements) > 1000


def test_nothing_is_executed(tmp_path: Path):
    """Every place where an expression may stand is tried; none may leave a trace."""
    trace = tmp_path / "trace"
    attack = f"open({str(trace)!r}, 'w')"
    places = [
        attack,
        f"D = {attack}",
        f"triangle({attack}, B, C)",
        f"triangle(A, B, C, size={attack})",
        f"triangle(A, B, C, at=({attack}, 1))",
        f"triangle(A, B, C, kind={attack})",
        f"triangle(A, B, C, **{attack})",
        f"triangle(A, B, C, kind=f'{{{attack}}}')",
        TRIANGLE + f"mark_length(A, B, {attack})",
        f"({attack}).x = midpoint(A, B)",
        f"def f(x={attack}): pass",
        f"@{attack}\ndef f(): pass",
        f"assert {attack}",
    ]
    modules = set(sys.modules)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for place in places:
            with pytest.raises(ProgramError):
                parse(place)
    assert not trace.exists()
    assert set(sys.modules) == modules


def test_renaming_keeps_everything_but_the_letters():
    program = parse('triangle(A, B, C, kind="right", at=(40, 60))\nD = midpoint(B, C)\nmark_length(A, D, 6)')
    renamed = program.renamed({"A": "B", "B": "A", "D": "K"})
    assert str(renamed) == 'triangle(B, A, C, kind="right", at=(40, 60))\nK = midpoint(A, C)\nmark_length(B, K, 6)'
    assert renamed.renamed({"A": "B", "B": "A", "K": "D"}) == program


def test_options_default_to_the_vocabulary():
    square = parse("square(A, B, C, D, turn=30)").statements[0]
    assert [square.option(name) for name in ("at", "size", "turn")] == [(50, 50), 60, 30]
    turned = with_options(square, [("turn", 45), ("size", 70)])
    assert turned.options == (("turn", 45), ("size", 70))
    with pytest.raises(KeyError):
        square.option("ratio")


def test_replacing_a_statement_keeps_the_others():
    program = parse(TRIANGLE + "segment(A, B)\nmark_length(A, B, 6)")
    assert str(program.replaced(1)) == TRIANGLE + "mark_length(A, B, 6)"
    two = program.replaced(1, Statement("segment", ("B", "C")), Statement("segment", ("C", "A")))
    assert str(two) == TRIANGLE + "segment(B, C)\nsegment(C, A)\nmark_length(A, B, 6)"
