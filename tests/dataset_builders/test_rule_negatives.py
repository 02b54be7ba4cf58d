"""Rule-based negatives of any caption: what may be edited and how, and that no negative says what its caption says."""

import json
import os
import re
import time
from collections import Counter
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from dataset_builders.negatives.grammar import fold, read, tokenise
from dataset_builders.negatives.implied import contradictions
from dataset_builders.negatives.numbers import other_numbers
from dataset_builders.negatives.rule import canonical, rule_negatives
from dataset_builders.sources.geometry3k import load_geometry3k_logic_forms, read_logic_forms

REAL = Path(os.environ.get("MMGEOLM_REAL_DATA", Path(__file__).parents[2] / ".." / "shared" / "realdata"))
QUESTIONS = REAL / "geoqa_gllava" / "test_questions.jsonl"
LOGIC_FORMS = REAL / "geometry3k" / "logic_forms_all3002.zip"
needs_questions = pytest.mark.skipif(not QUESTIONS.is_file(), reason=f"no G-LLaVA questions at {QUESTIONS}")
needs_logic_forms = pytest.mark.skipif(not LOGIC_FORMS.is_file(), reason=f"no Geometry3K logic forms at {LOGIC_FORMS}")


def _edits(caption, **options):
    """All edits (type, old, new) that turn up over several seeds."""
    options = {"exchangeable": False, "num_negatives": 8} | options
    return {
        (edit.type, edit.old, edit.new)
        for seed in range(12)
        for edits in rule_negatives(caption, seed=seed, **options).edits
        for edit in edits
    }


def _check(caption, result, wanted=10, num_edits=(1, 4)):
    """What holds of every result."""
    assert len(result.captions) == len(result.edits) <= wanted
    assert bool(result.shortfall) == (len(result.captions) < wanted)
    forms = {canonical(caption), *map(canonical, result.captions)}
    assert len(forms) == len(result.captions) + 1
    letters = {label for thing in read(tokenise(caption)).things for label in thing.labels}
    for negative, edits in zip(result.captions, result.edits, strict=True):
        assert num_edits[0] <= len(edits) <= num_edits[1]
        text, at = "", 0
        for edit in edits:
            assert at <= edit.start < edit.end and caption[edit.start : edit.end] == edit.old != edit.new
            text += caption[at : edit.start] + edit.new
            at = edit.end
            if edit.type == "order":
                matched = len(edit.old) == 3 and re.search("[∼~≅]|similar|congruent", caption)  # there ABC is not CBA
                assert matched or _letters_changed(edit.old, edit.new) >= 2, edit
        assert text + caption[at:] == negative
        assert {label for thing in read(tokenise(negative)).things for label in thing.labels} <= letters
        assert contradictions(read(tokenise(negative))) <= contradictions(read(tokenise(caption)))


def _letters_changed(old, new):
    """Letters that differ in the names of two texts, each name read forwards or backwards, in any order if swapped."""
    rows = [
        re.findall(r"(?<![A-Za-z])(?:[A-Z](?:_?\d|')?)+(?![a-z])|(?:^|(?<=[∠ ]))\d+(?![.\d°])", fold(text))
        for text in (old, new)
    ]
    rows = [[re.findall(r"[A-Z](?:_?\d|')?|\d+", name) for name in row] for row in rows]
    changed = 0
    for a, b in zip(*rows, strict=True):
        changed += min(sum(x != y for x, y in zip(a, c, strict=True)) for c in (b, b[::-1]))
    return changed


# By hand: a caption, edits that must turn up, and texts that no edit may bring in.

TABLE = [
    # Order
    (
        "In △ABC, DE ∥ BC.",
        [("order", "DE ∥ BC", "BE ∥ CD"), ("order", "DE ∥ BC", "CE ∥ BD")],
        ["ED", "CB", "△BCA", "△ACB"],
    ),
    ("∠ABC = 50°.", [("order", "ABC", "BAC"), ("order", "ABC", "ACB")], ["CBA", "ABD"]),
    ("angle ABC is 50 degrees", [("order", "ABC", "ACB"), ("number", "50", "55")], ["CBA"]),
    ("Quadrilateral ABCD is shown with AC = 7.", [("order", "ABCD", "ABDC")], ["BCDA", "DCBA", "CDAB", "ADCB"]),
    (
        "Square ABCD has side AB = 5.",
        [("order", "ABCD", "ACBD"), ("shape", "Square", "Trapezoid")],
        ["Rectangle", "BA"],
    ),
    ("Regular pentagon ABCDE, AB = 3.", [("order", "ABCDE", "ABCED")], ["BCDEA", "EDCBA"]),
    ("△ABC ∼ △DEF, AB = 4.", [("order", "DEF", "EDF"), ("relation", "∼", "≅")], ["BAC ∼"]),
    ("∠A = 80°, ∠B = 60°.", [("order", "A = 80°, ∠B", "B = 80°, ∠A")], []),
    ("D is the midpoint of BC, AB = 3.", [("order", "D is the midpoint of BC", "B is the midpoint of CD")], ["CB"]),
    ("Ray AB meets line CD at E, EC = 2.", [("order", "AB meets line CD", "AC meets line BD")], ["line DC"]),
    ("AB = AC, BC = 6.", [("relation", "= ", "= 2")], ["AC = AB", "BA = ", "BC = AC"]),
    ("Point A' is on B'C', B'C' = 4.", [("order", "A' is on B'C'", "B' is on A'C'")], ["C'B'"]),
    ("A_1 lies on B_1C_1 and B_1C_1 = 5.", [("order", "A_1 lies on B_1C_1", "B_1 lies on A_1C_1")], []),
    ("Point C is on line AB, AB = 3.", [("number", "3", "4")], ["line BC", "line AC"]),
    ("AB and CD are the two chords of circle O, BE = 4.", [("number", "4", "3")], ["AC", "AD", "BC"]),
    ("angle 1 = 50.0, if angle 2 = 50.0, AB = 3.0.", [("number", "3.0", "4.0")], ["2 = 50.0, if angle 1", "2 = 50.0"]),
    # Isosceles: what AB = AC makes true, or a mere renaming, is no error
    ("In △ABC, AB = AC, ∠ABC = 50°.", [("order", "ABC", "BAC")], ["ACB", "∠ABC = 50° ="]),
    ("Isosceles triangle ABC with AB = AC and ∠B = 40°.", [("number", "40", "35")], ["scalene", "Scalene", "Right"]),
    # Shape
    ("A square is shown, its side is 4.", [("shape", "A square", "A trapezoid")], ["rectangle", "rhombus"]),
    (
        "A rectangle ABCD of area 12.",
        [("shape", "A rectangle", "A rhombus"), ("shape", "A rectangle", "A square")],
        [],
    ),
    ("An equilateral triangle ABC.", [("shape", "An equilateral", "A scalene")], ["isosceles", "right"]),
    ("A scalene triangle ABC.", [("shape", "A scalene", "An isosceles")], ["An scalene", "A isosceles"]),
    ("The right triangle ABC has legs AC and BC.", [], ["acute", "obtuse", "equilateral"]),
    ("A right triangle ABC.", [("shape", "A right", "An acute"), ("shape", "A right", "An obtuse")], ["equilateral"]),
    ("An equilateral triangle ABC is right of CD, CD = 3.", [], ["acute", "obtuse"]),
    ("A circle and a square of area 16 square units.", [("shape", "A circle", "An ellipse")], ["trapezoid units"]),
    ("An isosceles trapezoid ABCD.", [("shape", "An isosceles", "A right")], ["A isosceles"]),
    ("In parallelogram ABCD, ∠AOB = 90°.", [("shape", "parallelogram", "trapezoid")], ["rhombus", "square"]),
    ("A pentagon and a point P, P is 3 away.", [("shape", "A pentagon", "An octagon")], ["a octagon"]),
    # Relation
    ("AB is parallel to CD.", [("relation", "parallel", "perpendicular")], ["BA"]),
    ("AB ⟂ CD at E.", [("relation", "⟂", "∥")], ["CD ⟂ AB"]),
    (
        "Triangle ABC is inscribed in circle O.",
        [("relation", "inscribed in", "circumscribed about")],
        ["BCA", "circle A"],
    ),
    ("AB is a chord of circle O.", [("relation", "is a chord of", "is a diameter of")], ["circle A", "BA"]),
    ("AB is a diameter of circle O.", [("relation", "is a diameter of", "is a tangent of")], ["chord"]),
    (
        "The circle O has a radius of 5.",
        [("relation", "has a radius of", "has a diameter of"), ("number", "5", "4")],
        [],
    ),
    ("△ABC ≅ △DEF.", [("order", "DEF", "EDF")], ["∼", "similar"]),
    ("AD bisects ∠BAC.", [("order", "AD bisects ∠BAC", "BD bisects ∠ABC")], ["∠CAB", "bisects ∠ABD"]),
    # Numbers
    ("AB = 80.0, CD = 2.", [("number", "80.0", "85.0")], ["80.5", "85,"]),
    ("y = 2x - 1 passes through P(2, -3).", [("number", "2", "3")], [" 1x", " 0x"]),
    ("Angle 1 = 50°.", [("number", "50", "55")], ["Angle 2"]),
    ("The sector is 25% of circle O, OA = 1.52.", [("number", "25", "20")], ["125"]),
    (r"$AB = 2\sqrt{3}$ and $\angle ABC = 60^\circ$.", [("order", "ABC", "BAC")], [r"\sqrt{4}", r"\sqrt{9}", "90"]),
    (
        r"AD = \frac{1}{2} BC, $AD \parallel BC$.",
        [("relation", r"\parallel", r"\perp")],
        [r"\frac{2}{4}", r"\frac{3}{2}"],
    ),
    ("In Rttriangle ABC, angle C = 90.0, AB = 5.0.", [("number", "5.0", "4.0")], ["80.0", "95.0"]),
    # Questions state nothing
    ("In the figure, AB = 3.0, then the length of CD is ()", [("number", "3.0", "2.0")], ["DC", "of AB"]),
    (
        "In triangle ABC, AB = 5. What is the perimeter of square DEFG with side 4?",
        [("number", "5", "4")],
        ["trapezoid"],
    ),
]


@pytest.mark.parametrize(("caption", "must", "must_not"), TABLE, ids=[row[0][:30] for row in TABLE])
def test_edits_of_captions_of_the_three_data_sets(caption, must, must_not):
    edits = _edits(caption)
    assert set(must) <= edits, sorted(edits)
    for text in must_not:
        for seed in range(3):
            for negative in rule_negatives(caption, 30, seed).captions:
                assert text in caption or text not in negative, negative
    for exchangeable in (True, False):
        _check(caption, rule_negatives(caption, exchangeable=exchangeable))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("△ABC", "△CBA"),
        ("triangle ABC", "△ BCA"),
        ("∠ABC = 60°", "angle CBA = 60.0 degrees"),
        ("side AB = 5", "segment BA = 5"),
        ("square ABCD", "square CBAD"),
        ("AB ∥ CD", "DC ∥ BA"),
        ("AB is parallel to CD", "CD is parallel to BA"),
        ("△ABC ∼ △DEF", "△EFD ~ △BCA"),
        ("AB = BC = CD", "DC = AB = CB"),
        ("AB = 3, CD = 4.", "CD = 4, AB = 3."),
        ("If angle 1 = 50, angle 2 = 50", "angle 1 = 50.0, if angle 2 = 50.0"),
        ("AB ⊥ CD. ∠A = 5°.", "∠A = 5°. CD ⟂ AB."),
        ("points A, B and C lie on ⊙O", "points C, A and B lie on ⊙O"),
        ("D and E are on AB and AC respectively", "E and D are on AC and AB respectively"),
        (r"$\triangle ABC$, $\angle A = \frac{1}{2}$", "△ACB, ∠A = 1/2"),
        ("isosceles triangle ABC with AB = AC", "isosceles triangle ACB with AC = AB"),
        ("ＡＢ＝５", "AB=5"),
    ],
)
def test_captions_that_say_the_same_have_one_canonical_form(first, second):
    assert canonical(first) == canonical(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("ray AB", "ray BA"),
        ("∠ABC", "∠BAC"),
        ("square ABCD", "square ACBD"),
        ("△ABC ∼ △DEF", "△ABC ∼ △EDF"),
        ("AB = 3, CD = 4", "CD = 3, AB = 4"),
        ("D and E are on AB and AC respectively", "E and D are on AB and AC respectively"),
        ("AB ∥ DE and ∠A = 80°", "AB ∥ DE and ∠B = 80°"),
        ("P(2, -3)", "P(3, -2)"),
        ("A is on BC", "B is on AC"),
    ],
)
def test_captions_that_say_different_things_have_different_forms(first, second):
    assert canonical(first) != canonical(second)


# Never an equivalent: compared by spelling out every way to say a statement


def _spellings(sentence):
    """All ways to write one of the sentences of `_sentences`, by brute force."""
    if match := re.fullmatch(r"([A-G]{2}) (∥|⊥|=) ([A-G]{2})", sentence):
        a, sign, b = match.groups()
        sides = product((a, a[::-1]), (b, b[::-1]))
        return frozenset(f"{x} {sign} {y}" for p, q in sides for x, y in ((p, q), (q, p)))
    if match := re.fullmatch(r"(∠|)(\w+) = (\d+)(.*)", sentence):
        sign, name, number, unit = match.groups()
        return frozenset(f"{sign}{spelt} = {number}{unit}" for spelt in (name, name[::-1]))
    if match := re.fullmatch(r"(\w) is the midpoint of (\w\w)", sentence):
        return frozenset(f"{match[1]} is the midpoint of {name}" for name in (match[2], match[2][::-1]))
    if match := re.fullmatch(r"△(\w{3}) (∼|≅) △(\w{3})", sentence):
        first, sign, second = match.groups()
        rows = [("".join(first[i] for i in p), "".join(second[i] for i in p)) for p in permutations(range(3))]
        return frozenset(f"△{a} {sign} △{b}" for p, q in rows for a, b in ((p, q), (q, p)))
    if match := re.fullmatch(r"(\w+) ([A-G]{4})", sentence):
        turns = [match[2][i:] + match[2][:i] for i in range(4)]
        return frozenset(f"{match[1]} {name}" for turn in turns for name in (turn, turn[::-1]))
    return frozenset((sentence,))


def _meaning(caption):
    return Counter(map(_spellings, caption.rstrip(".").split(". ")))


_letters = st.permutations("ABCDEFG").map("".join)
_sentences = st.one_of(
    st.builds(lambda p, sign: f"{p[:2]} {sign} {p[1:3] if sign != '∥' else p[2:4]}", _letters, st.sampled_from("∥⊥=")),
    st.builds(lambda p, sign: f"{p[:2]} {sign} {p[2:4]}", _letters, st.sampled_from("∥⊥=")),
    st.builds(lambda p, n: f"∠{p[:3]} = {n}°", _letters, st.integers(5, 170)),
    st.builds(lambda p, n: f"{p[:2]} = {n}", _letters, st.integers(1, 30)),
    st.builds(lambda p: f"{p[0]} is the midpoint of {p[1:3]}", _letters),
    st.builds(lambda p, sign: f"△{p[:3]} {sign} △{p[3:6]}", _letters, st.sampled_from("∼≅")),
    st.builds(lambda p, word: f"{word} {p[:4]}", _letters, st.sampled_from(("Square", "Rhombus", "Quadrilateral"))),
)
_captions = st.lists(_sentences, min_size=1, max_size=6, unique_by=_spellings).map(lambda row: ". ".join(row) + ".")


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(_captions, st.integers(0, 9), st.booleans(), st.sampled_from([(1, 4), (1, 1), (2, 3)]))
def test_negatives_are_never_equivalents_and_keep_all_constraints(caption, seed, exchangeable, num_edits):
    result = rule_negatives(caption, 8, seed, num_edits, exchangeable)
    meanings = [_meaning(caption), *map(_meaning, result.captions)]
    assert all(a != b for i, a in enumerate(meanings) for b in meanings[:i])
    _check(caption, result, 8, num_edits)
    assert set(re.findall("[A-G]", "".join(result.captions))) <= set(caption) | set("ARST")  # capitals of words
    assert result == rule_negatives(caption, 8, seed, num_edits, exchangeable)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text(max_size=200))
def test_any_text_is_survived(text):
    if text.strip():
        _check(text, rule_negatives(text, 4), 4)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 5000), st.integers(0, 3), st.booleans(), st.randoms(use_true_random=False))
def test_other_numbers_are_of_the_same_make(value, decimals, angle, rng):
    text = f"{value}.{'0' * decimals}" if decimals else str(value)
    for other in other_numbers(text, rng, 5, angle):
        assert other != text and re.fullmatch(r"\d+" + (rf"\.0{{{decimals}}}" if decimals else ""), other)
        assert not angle or (float(other) < 90) == (value < 90) or 45 <= float(other) <= 135
        assert not angle or value >= 180 or float(other) < 180


# The rest of the contract


def test_the_true_number_is_not_the_middle_one():
    import random

    ranks = Counter()
    for seed in range(400):
        others = other_numbers("60", random.Random(seed), 4)
        ranks[sum(int(other) < 60 for other in others)] += 1
    assert set(ranks) == set(range(5)) and min(ranks.values()) > 40


LONG = (
    "In circle O, AB is a diameter of circle O, chord CD intersects AB at E, BE = DE, angle ABC = 40.0, CE = 3.0, "
    "triangle ACE is similar to triangle DBE, FG is parallel to AC, and H is the midpoint of FG."
)


def test_seeds_differ_and_the_same_seed_does_not():
    assert rule_negatives(LONG, seed=1) == rule_negatives(LONG, seed=1) != rule_negatives(LONG, seed=2)


def test_edits_are_spread_over_the_caption():
    for seed in range(10):
        edits = [edit for row in rule_negatives(LONG, 20, seed, exchangeable=False).edits for edit in row]
        touched = Counter(len(LONG[: edit.start]) * 4 // len(LONG) for edit in edits)
        assert set(touched) == {0, 1, 2, 3} and max(touched.values()) <= 3 * min(touched.values()) + 2
        places = Counter((edit.start, edit.end) for edit in edits)
        assert max(places.values()) <= len(edits) / 4


def test_exchangeable_sets_have_no_centre():
    ranks = {}
    for exchangeable in (True, False):
        first = 0
        for seed in range(150):
            texts = [LONG, *rule_negatives(LONG, 10, seed, exchangeable=exchangeable).captions]
            features = TfidfVectorizer(token_pattern=r"[^\s,]+", use_idf=False).fit_transform(texts)
            similarity = (features @ features.T).sum(axis=1)
            first += int(np.asarray(similarity).ravel().argmax() == 0)
        ranks[exchangeable] = first / 150
    assert ranks[False] > 0.4 and ranks[True] < 0.2  # chance: 0.09


def test_both_numbers_of_a_ratio_do_not_change_to_the_same_ratio():
    for caption in ("In △ABC, AD:DB = 2.0:3.0.", "In △ABC, AE = frac {1.0}{3.0}AB."):
        for seed in range(30):
            for negative in rule_negatives(caption, 10, seed).captions:
                (a, b), (c, d) = (map(float, re.findall(r"\d+\.\d", text)) for text in (negative, caption))
                assert a * d != b * c or (a, b) == (c, d)


def test_drastic_relations_stand_back_unless_asked_for():
    assert not any(new in ("perpendicular", "∥") for _, _, new in _edits(LONG, num_negatives=10))
    assert ("relation", "parallel", "perpendicular") in _edits(LONG, subtle=False)


@pytest.mark.parametrize("caption", ["", "  \n"])
def test_an_empty_caption_is_refused(caption):
    with pytest.raises(ValueError, match="The caption is empty; write what the diagram shows"):
        rule_negatives(caption)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="`num_negatives` is -1"):
        rule_negatives("AB = 3", -1)
    for num_edits in ((0, 2), (3, 2)):
        with pytest.raises(ValueError, match="`num_edits` is"):
            rule_negatives("AB = 3", num_edits=num_edits)


@pytest.mark.parametrize(
    ("caption", "reason"),
    [
        ("A nice picture of something.", "the caption names nothing that could be edited"),
        ("triangle ABC", "the caption names nothing that could be edited"),
        ("∠ABC", "1 places to edit have no more than 2 distinct negatives"),
    ],
)
def test_a_shortfall_is_reasoned(caption, reason):
    assert rule_negatives(caption).shortfall == reason
    assert rule_negatives("AB = 3", num_edits=(3, 4)).shortfall.endswith("where 3 are needed")
    assert rule_negatives(caption, 0).shortfall == ""


def test_other_scripts_and_widths_survive():
    caption = "如图，△ＡＢＣ，∠ＡＢＣ＝５０°，ＤＥ∥ＢＣ。（ＡＢ＝３）"
    result = rule_negatives(caption)
    _check(caption, result)
    assert result.shortfall == "" and all(text.startswith("如图，△") for text in result.captions)
    assert not any(re.search("[A-Z0-9]", text) for text in result.captions)


def test_latex_is_left_as_it_is():
    caption = r"In $\triangle ABC$, $\angle BAC = 60^{\circ}$ and $AB = 2\sqrt{3}$, \text{where} $AD \perp BC$."
    for text in rule_negatives(caption).captions:
        assert text.count("$") == 8 and r"^{\circ}" in text and r"\text{where}" in text and r"\triangle ABC" in text


def test_ten_thousand_characters_take_less_than_a_second():
    caption = (LONG + " ") * (10_000 // len(LONG) + 1)
    start = time.process_time()
    result = rule_negatives(caption)
    assert time.process_time() - start < 1
    assert len(result.captions) == 10


# Real captions


@needs_questions
def test_real_questions_have_ten_negatives_each():
    texts = [json.loads(line)["text"] for line in QUESTIONS.read_text().splitlines()]
    captions = [re.search(r"Question:(.*?)\nChoices", text, re.S)[1] for text in texts][::3]
    results = [rule_negatives(caption) for caption in captions]
    assert sum(not result.shortfall for result in results) > 0.98 * len(captions)
    for caption, result in zip(captions, results, strict=True):
        _check(caption, result)
    for caption, result in zip(captions, results, strict=True):
        if asked := re.search(r", then ([^.,]|\.\d)*\(\s*\)\.?\s*$", caption):
            assert all(edit.end <= asked.start() for row in result.edits for edit in row)
    types = Counter(edit.type for result in results for row in result.edits for edit in row)
    assert set(types) == {"order", "shape", "relation", "number"}


@needs_logic_forms
def test_captions_of_logic_forms_have_negatives_too(tmp_path):
    sample = tmp_path / "sample.json"
    sample.write_text(json.dumps(dict(list(read_logic_forms(LOGIC_FORMS).items())[::15])))
    captions = load_geometry3k_logic_forms(sample, num_negatives=0)["caption"][:]
    results = [rule_negatives(caption) for caption in captions]
    assert sum(not result.shortfall for result in results) > 0.95 * len(captions)
    for caption, result in zip(captions, results, strict=True):
        _check(caption, result)
