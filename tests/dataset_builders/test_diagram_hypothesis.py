"""Programs drawn from the vocabulary itself: every one is printed and read back; none does more to the solver than be
refused."""

import math
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataset_builders.diagram.caption import describe
from dataset_builders.diagram.facts import agree, facts_of, holds, refuted
from dataset_builders.diagram.figure import DRAWN, EXAM, ROOMY, Figure, FigureError, solve
from dataset_builders.diagram.program import (
    VOCABULARY,
    OptionRule,
    Program,
    ProgramError,
    Statement,
    Verb,
    parse,
    with_options,
)
from dataset_builders.diagram.sample import sample_program
from dataset_builders.diagram.simple import sample_simple_program

steady = settings(derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
LETTERS = [letter + digit for digit in ("", "1", "7") for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
FORMULA = "0123456789ABCxyz√π²°.+-−*/^()= "


def numbers(low: float, high: float) -> st.SearchStrategy:
    """Whole numbers, round ones and any others of a range, its ends included."""
    whole = st.integers(math.ceil(low), math.floor(high)) if math.ceil(low) <= math.floor(high) else st.nothing()
    return st.one_of(whole, st.sampled_from([low, high]), st.floats(low, high, allow_nan=False))


def option(rule: OptionRule) -> st.SearchStrategy:
    if rule.choices:
        return st.sampled_from(rule.choices)
    if rule.pair:
        return st.tuples(numbers(rule.low, rule.high), numbers(rule.low, rule.high))
    return numbers(rule.low, rule.high)


@st.composite
def statements(draw: st.DrawFn, made: list[str]) -> Statement | None:
    """A statement over points that are there, and new letters for those that it makes; `None` where they do not do."""
    name = draw(st.sampled_from(list(VOCABULARY)))
    verb: Verb = VOCABULARY[name]
    count = draw(st.integers(verb.least, verb.most))
    if verb.role == "shape":
        new = count if verb.new is None else verb.new
    else:
        new = int(verb.role == "construction")
    free = [letter for letter in LETTERS if letter not in made]
    old = count - (new if verb.role == "shape" else 0)
    size = verb.group or old
    if len(made) < min(size, old) or (old and not made) or len(free) < new:
        return None
    made_now = draw(st.permutations(free))[:new]
    picked = [point for _ in range(old // size if size else 0) for point in draw(st.permutations(made))[:size]]
    value = None
    if verb.value:
        texts = st.text(FORMULA, min_size=1, max_size=24)
        value = draw(st.one_of(numbers(*verb.value), texts) if verb.text else numbers(*verb.value))
    names = draw(st.lists(st.sampled_from(list(verb.options)), unique=True)) if verb.options else []
    options = tuple((key, draw(option(verb.options[key]))) for key in names)
    if verb.role == "shape":
        return Statement(name, (*made_now, *picked), None, value, options)
    return Statement(name, tuple(picked), made_now[0] if new else None, value, options)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    made: list[str] = []
    found = []
    for _ in range(draw(st.integers(1, 12))):
        statement = draw(statements(made))
        if statement is not None:
            found.append(statement)
            made += statement.makes
    return Program(tuple(found or [Statement("point", ("A",))]))


@settings(steady, max_examples=100)
@given(programs())
def test_a_printed_program_is_read_back_as_it_was(program):
    text = str(program)
    again = parse(text)
    assert again == program and str(again) == text
    assert [statement.line for statement in again.statements] == list(range(1, len(program.statements) + 1))
    assert again.points == program.points


def is_sound(figure: Figure) -> bool:
    """Whether everything in a figure is a finite number, and stands at points that are there."""
    values = [value for place in figure.points.values() for value in place]
    values += [*figure.circles.values(), *(value for ellipse in figure.ellipses.values() for value in ellipse)]
    named = [*figure.segments, *figure.rays, *figure.lines, *figure.arcs, *figure.outline]
    named += [names for _, names, _ in figure.marks] + [(centre,) for centre in (*figure.circles, *figure.ellipses)]
    return all(map(math.isfinite, values)) and all(name in figure.points for names in named for name in names)


@pytest.mark.parametrize("limits", [ROOMY, EXAM, DRAWN])
def test_a_random_program_is_solved_or_refused(limits):
    """Whatever it solves is sound, and can be described and judged."""
    outcomes = []

    @settings(steady, max_examples=100)
    @given(programs())
    def check(program: Program) -> None:
        start = time.process_time()
        try:
            figure = solve(program, limits)
        except FigureError as error:
            assert str(error).endswith((".", ").")) and "\n" not in str(error)
            outcomes.append(False)
        else:
            assert is_sound(figure)
            facts = facts_of(program)
            assert [fact for fact, _ in describe(program)] == facts
            for fact in facts:
                assert not (holds(figure, fact) and refuted(figure, fact)), fact
            assert isinstance(agree(figure, facts), bool)
            outcomes.append(True)
        assert time.process_time() - start < 2

    check()
    assert True in outcomes and False in outcomes


@pytest.mark.parametrize("sampler", [sample_program, sample_simple_program])
def test_a_sampled_program_with_any_option_changed_is_solved_or_refused(sampler):
    """Programs that go deep: a drawable one, in which one option is anything that the vocabulary allows."""
    solved = []

    @settings(steady, max_examples=100)
    @given(st.integers(0, 10_000), st.integers(1, 8), st.data())
    def check(seed: int, difficulty: int, data: st.DataObject) -> None:
        program, _ = sampler(np.random.default_rng(seed), difficulty)
        index = data.draw(st.integers(0, len(program.statements) - 1))
        rules = VOCABULARY[program.statements[index].verb].options
        if not rules:
            return
        key = data.draw(st.sampled_from(list(rules)))
        changed = with_options(program.statements[index], [(key, data.draw(option(rules[key])))])
        edited = program.replaced(index, changed)
        assert parse(str(edited)) == edited
        for limits in (ROOMY, EXAM, DRAWN):
            try:
                figure = solve(edited, limits)
            except FigureError:
                continue
            assert is_sound(figure)
            solved.append(limits)

    check()
    assert set(solved) == {ROOMY, EXAM, DRAWN}


def refused_or_read(text: str) -> None:
    start = time.process_time()
    try:
        program = parse(text)
    except ProgramError as error:
        assert error.line >= 1 and error.column >= 1
        assert str(error) == f"line {error.line}, column {error.column}: {error.reason}"
    else:
        assert parse(str(program)) == program
    assert time.process_time() - start < 2


@settings(steady, max_examples=100)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    refused_or_read(text)


TOKENS = [*VOCABULARY, *"ABCD", *"()=,.:;'\"[]{}*-+#\\@!%", "\n", " ", "\t", "A1", "at", "size", "kind"]
TOKENS += ["1/3", "1e999", "0x", "9" * 30, "lambda", "import", "f'", "**", ":=", "True", "None", "10_0", "--"]
TOKENS += ["\0", "é", "\ud800", "∠"]


@settings(steady, max_examples=200)
@given(st.lists(st.sampled_from(TOKENS), max_size=40).map("".join))
def test_any_heap_of_tokens_is_read_or_refused(text):
    refused_or_read(text)


@settings(steady, max_examples=100)
@given(programs(), st.integers(0, 2000), st.integers(0, 20), st.text(max_size=5))
def test_a_program_with_a_hole_in_it_is_read_or_refused(program, start, length, patch):
    text = str(program)
    start %= len(text)
    refused_or_read(text[:start] + patch + text[start + length :])
