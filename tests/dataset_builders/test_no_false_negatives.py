"""No negative is true of its positive, says a checker that shares no code with the library.

Captions are read from their English, figures from coordinates (`plain_geometry`), and, of some, from an exact
construction of the program to 60 digits (`exact_geometry`). `MMGEOLM_RECORDS=20000` asks for so many records of each
kind, for which there is no time in an everyday run.
"""

import os

import exact_geometry
import numpy as np
import pytest
from plain_geometry import certainly_false, claims_of

from dataset_builders.code_records import code_record
from dataset_builders.diagram.caption import caption
from dataset_builders.diagram.facts import facts_of
from dataset_builders.diagram.figure import DRAWN, solve
from dataset_builders.diagram.program import parse
from dataset_builders.diagram.sample import sample_program
from dataset_builders.negatives.image import Scene, tell_apart
from dataset_builders.negatives.retrieval import retrieval_negatives

RECORDS = int(os.environ.get("MMGEOLM_RECORDS", "60"))
EXACT = 1 if RECORDS < 1000 else 20  # every so manieth record is checked exactly as well


def figures_of(record):
    programs = [parse(text) for text in record["program"].split("\n---\n")]
    return programs, [solve(program, DRAWN) for program in programs]


def is_false(text, figure, program, exactly):
    """Whether a caption says something certainly false of a figure, and exactly false where that can be computed."""
    false = [claim for claim in claims_of(text) if certainly_false(claim, figure)]
    if not false or not exactly:
        return bool(false)
    exact = exact_geometry.draw(program)
    return any(exact_geometry.truth(claim, exact) is not True for claim in false)


@pytest.mark.parametrize("difficulty", [2, 4])
@pytest.mark.parametrize(("kind", "num_edits"), [("image", (1, 1)), ("image", (1, 2)), ("rule", (1, 4))])
def test_each_generated_negative_is_false(kind, num_edits, difficulty):
    made = 0
    for number in range(RECORDS // 2):
        record = code_record(number, 17, 10, kind, difficulty=difficulty, num_edits=num_edits, images="programs")
        if not isinstance(record, dict):
            continue  # a diagram with fewer look-alikes is left out, and counted
        programs, figures = figures_of(record)
        exactly = number % EXACT == 0
        captions = record["negative_image_captions" if kind == "image" else "negative_captions"]
        assert len(captions) == len(programs) - 1 == 10
        for text, program, figure in zip(captions, programs[1:], figures[1:], strict=True):
            assert is_false(text, figures[0], programs[0], exactly), (text, str(programs[0]))
            if kind == "image":
                assert is_false(record["caption"], figure, program, exactly), (record["caption"], str(program))
            made += 1
    assert made > 9 * (RECORDS // 2)


def test_each_retrieved_negative_is_false():
    drawn = [sample_program(np.random.default_rng([23, number]), 2) for number in range(max(RECORDS, 300))]
    scenes = [Scene(program, figure, tuple(facts_of(program))) for program, figure in drawn]
    captions = [caption(scene.program, 5) for scene in scenes]

    def same(first, second):
        return not tell_apart(scenes[first], scenes[second])

    found = retrieval_negatives(captions, 10, 0, same=same)
    checked = 0
    for anchor, row in enumerate(found.rows):
        for negative in row:
            figure, program = scenes[anchor].figure, scenes[anchor].program
            assert is_false(captions[negative], figure, program, anchor % EXACT == 0), (
                captions[negative],
                str(program),
            )
            checked += 1
    assert checked > 5 * len(captions)


def test_the_checker_can_fail():
    figure = solve(parse("square(A, B, C, D)\nmark_length(A, B, 6)"))
    assert not any(certainly_false(claim, figure) for claim in claims_of("Rectangle ABCD. BC = 6."))
    assert any(certainly_false(claim, figure) for claim in claims_of("Square ABCD. BA = 7."))
