"""Geometry3K: the parser, the captions, and above all that negative captions are false of their diagrams."""

import json
import math
import os
import random
import re
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from dataset_builders.records import HARD_NEGATIVES
from dataset_builders.sources.geometry3k import (
    CAPTIONS,
    caption_problem,
    geometry3k_logic_forms_with_report,
    geometry3k_with_report,
    load_geometry3k,
    load_geometry3k_logic_forms,
    read_logic_forms,
    values,
)
from dataset_builders.sources.geometry3k.facts import Fact, read_problem, sentence
from dataset_builders.sources.geometry3k.logic_forms import LogicFormError, parse
from dataset_builders.sources.geometry3k.truth import Knowledge

REAL = Path(os.environ.get("MMGEOLM_REAL_DATA", Path(__file__).parents[2] / ".." / "shared" / "realdata"))
FOLDERS = REAL / "geometry3k" / "test"
LOGIC_FORMS = REAL / "geometry3k" / "logic_forms_all3002.zip"
needs_folders = pytest.mark.skipif(not FOLDERS.is_dir(), reason=f"no Geometry3K problems in {FOLDERS}")
needs_logic_forms = pytest.mark.skipif(not LOGIC_FORMS.is_file(), reason=f"no Geometry3K logic forms at {LOGIC_FORMS}")

# A right triangle ABC with the altitude AD, to scale: AB = 40, AC = 30, BC = 50, and D between B and C.
ALTITUDE = {
    "logic_forms": [
        "Perpendicular(Line(A, B), Line(A, C))",
        "Perpendicular(Line(A, D), Line(D, C))",
        "PointLiesOnLine(D, Line(B, C))",
        "Equals(LengthOf(Line(A, B)), 40)",
        "Equals(LengthOf(Line(A, C)), 30)",
        "Equals(LengthOf(Line(B, C)), 2x-10)",
        "Equals(MeasureOf(Angle(A, B, D)), MeasureOf(angle 1))",
        "",
    ],
    "line_instances": ["AB", "AC", "BC", "AD", "BD", "DC", ""],
    "point_positions": {"A": [0, 0], "B": [400, 0], "C": [0, 300], "D": [144, 192]},
}


@pytest.fixture(scope="module")
def altitude():
    return read_problem("altitude", **ALTITUDE)


def _fact(relation, *names, value=""):
    return Fact(relation, tuple(tuple(name) for name in names), value)


# Parser and values


def test_logic_forms_are_parsed_whatever_their_nesting():
    term = parse("Equals(MeasureOf(Angle(A,B, C)), \\frac{1}{2}x+4)")
    assert str(term) == "Equals(MeasureOf(Angle(A, B, C)), \\frac{1}{2}x+4)"
    assert parse("Find(AreaOf(Shaded(Shape($))))").args[0].args[0].args[0].args[0].name == "$"
    assert parse("Equals(LengthOf(Line(A, B)), 2(x+3))").args[1].name == "2(x+3)"
    assert parse("  ") is None


@pytest.mark.parametrize("text", ["PointLiesOnLine(Y, Line(Z, I)) K))", "Equals(x, ", "Line(A, )", "Line(A, B"])
def test_broken_logic_forms_are_refused(text):
    with pytest.raises(LogicFormError, match=re.escape(repr(text))):
        parse(text)


def test_formulas_differ_only_if_they_do_for_every_unknown():
    assert values.differ("2x-7", "2x-9") and values.differ("2x+1", "3x+1") and values.differ("6", "7")
    assert not values.differ("x", "8") and not values.differ("x", "y") and not values.differ("2x-7", "3x+1")
    assert values.same("x+3", "3+x") and values.same("5\\sqrt{3}", "\\sqrt{75}") and not values.same("6", "6.1")
    assert not values.is_value("2n9") and not values.is_value("Angle(E,D,F)")


def test_changed_formulas_always_differ_and_stay_tidy():
    for text in ("6", "40.1", "2x-7", "x+3", "5\\sqrt{3}", "\\frac{1}{2}x+4", "y^{2}-4"):
        changed = values.with_number_changed(text, random.Random(0))
        assert len(changed) > 2
        assert all(values.differ(text, new) and values.is_value(new) for new in changed)
    assert "2x+7" in values.with_number_changed("2x-7", random.Random(0))
    assert values.spoken_degrees("\\frac{1}{2}x+4") == "((1/2)x + 4)°" and values.spoken("5\\sqrt{3}") == "5√3"


# Captions


def test_the_caption_says_what_the_diagram_shows(altitude):
    assert caption_problem(altitude).caption == (
        "ABC is a right triangle. D lies on segment BC. AB is perpendicular to AC. AD is perpendicular to DC. "
        "AB = 40. AC = 30. BC = 2x - 10. ∠ABD is labelled ∠1."
    )


def test_each_sentence_is_tied_to_its_fact(altitude):
    captioned = caption_problem(altitude)
    assert captioned.caption == " ".join(text for _, text in captioned.sentences)
    assert all(sentence(fact) == text for fact, text in captioned.sentences)
    assert (_fact("length", "AB", value="40"), "AB = 40.") in captioned.sentences


def test_an_arc_is_not_called_an_angle_where_its_radii_are_not_drawn():
    forms = [f"PointLiesOnCircle({p}, Circle(O, radius_0_0))" for p in "ABC"]
    forms += ["Equals(MeasureOf(Angle(A, O, B)), 80)", "Equals(MeasureOf(Angle(B, O, C)), 50)"]
    problem = read_problem("arcs", forms, ["OB", "OC"], {})
    assert caption_problem(problem).caption == "A, B and C lie on circle O. Arc AB measures 80°. ∠BOC = 50°."


def test_an_arc_listed_as_a_line_is_no_drawn_segment():
    forms = [f"PointLiesOnCircle({p}, Circle(O, radius_0_0))" for p in "ABC"]
    problem = read_problem("chords", [*forms, "Equals(LengthOf(Line(B, C)), 7)"], ["AB", "BC", "CD"], {})
    assert caption_problem(problem).caption == "Segment CD is drawn. A, B and C lie on circle O. BC = 7."


def test_logic_forms_that_are_not_understood_are_counted_by_predicate():
    forms = ["Equals(LengthOf(Line(A, B)), 2n9)", "PointLiesOnLine(Y, Line(Z, I)) K))", "Kite($)", "", "Equals(A, B)"]
    problem = read_problem("odd", [*forms, "Parallel(Line(A, B), Line(C, D))"], ["AB", "CD"], {})
    assert problem.unread == {"Equals": 2, "PointLiesOnLine": 1, "Kite": 1}
    assert caption_problem(problem).caption == "AB is parallel to CD."


def test_a_fact_that_the_drawing_contradicts_is_not_told():
    positions = {"A": [0, 0], "B": [100, 0], "C": [0, 100], "D": [100, 20]}
    forms = ["Parallel(Line(A, B), Line(C, D))", "Equals(LengthOf(Line(A, B)), 5)"]
    assert "parallel" not in caption_problem(read_problem("slip", forms, ["AB", "CD"], positions)).caption


# Truth


@pytest.mark.parametrize(
    "fact",
    [
        _fact("length", "AB", value="41"),
        _fact("length", "BC", value="2x-8"),
        _fact("length", "AD", value="40"),  # drawn at 24
        _fact("equal_lengths", "AB", "AC"),
        _fact("equal_lengths", "AB", "AD"),
        _fact("parallel", "AB", "AC"),
        _fact("perpendicular", "AB", "BC"),
        _fact("perpendicular", "AB", "BD"),
        _fact("angle", "BAC", value="80"),
        _fact("angle", "ACB", value="90"),
        _fact("angle_label", "ACD", value="1"),
        _fact("angle_label", "ABC", value="2"),
        _fact("on_segment", "B", "DC"),
        _fact("on_segment", "D", "AB"),
    ],
)
def test_what_is_false_is_refuted(altitude, fact):
    assert Knowledge(altitude).refutes(fact)


@pytest.mark.parametrize(
    "fact",
    [
        _fact("length", "BA", value="40"),
        _fact("length", "BC", value="50"),  # true, though not marked
        _fact("length", "AD", value="24"),
        _fact("perpendicular", "AC", "BA"),
        _fact("perpendicular", "AD", "BD"),  # BD is on the line DC
        _fact("perpendicular", "BC", "DA"),
        _fact("angle", "CAB", value="90"),
        _fact("angle", "ADB", value="90"),
        _fact("angle_label", "CBA", value="1"),  # the same angle as ABD
        _fact("on_segment", "D", "CB"),
        _fact("equal_lengths", "AB", "BA"),
        _fact("equal_angles", "ABD", "ABC"),
        _fact("equal_angles", "BAD", "ACB"),  # true by similar triangles
    ],
)
def test_what_is_or_may_be_true_is_not_refuted(altitude, fact):
    assert not Knowledge(altitude).refutes(fact)


def test_without_positions_only_markings_and_order_refute():
    knowledge = Knowledge(read_problem("blank", **ALTITUDE | {"point_positions": {p: [-1, -1] for p in "ABCD"}}))
    assert knowledge.refutes(_fact("length", "AB", value="41"))
    assert knowledge.refutes(_fact("on_segment", "B", "DC"))
    assert knowledge.refutes(_fact("equal_lengths", "AB", "AC"))
    assert not knowledge.refutes(_fact("length", "AD", value="40"))
    assert not knowledge.refutes(_fact("perpendicular", "AB", "BC"))
    assert not knowledge.refutes(_fact("on_segment", "D", "AB"))


def test_a_drawing_at_odds_with_its_markings_refutes_nothing():
    positions = ALTITUDE["point_positions"]
    forms = ["Equals(LengthOf(Line(A, B)), 40)", "Equals(LengthOf(Line(A, C)), 70)"]
    knowledge = Knowledge(read_problem("skewed", forms, ["AB", "AC", "AD"], positions))
    assert not knowledge.refutes(_fact("length", "AD", value="40"))
    assert knowledge.refutes(_fact("length", "AC", value="40"))


# Negatives


def test_negatives_are_distinct_and_change_one_to_the_most_edits(altitude):
    captioned = caption_problem(altitude, num_negatives=30, num_edits=(1, 3))
    texts = [negative.caption for negative in captioned.negatives]
    assert len(set(texts)) == 30 and captioned.caption not in texts and captioned.shortfall == ""
    knowledge = Knowledge(altitude)
    for negative in captioned.negatives:
        assert 1 <= len(negative.edits) <= 3
        changed = [new for old, new in zip(captioned.facts, negative.facts, strict=True) if old != new]
        assert changed and not set(changed) & set(captioned.facts)
        assert all(knowledge.refutes(fact) for fact in changed if fact.relation != "polygon")
    assert {edit.type for negative in captioned.negatives for edit in negative.edits} >= {"number", "letters"}


def test_a_shortfall_is_reasoned():
    forms = ["PointLiesOnLine(D, Line(B, C))"]
    captioned = caption_problem(read_problem("poor", forms, ["BC"], {}))
    assert [negative.caption for negative in captioned.negatives] == captioned_orders(captioned)
    assert captioned.shortfall == "too few distinct edits are certainly false"
    assert caption_problem(read_problem("empty", [], [], {})).shortfall == "no fact was understood"


def captioned_orders(captioned):
    """Both false orders of three points on a line, in the order in which they were drawn."""
    orders = ["B lies on segment DC.", "C lies on segment BD."]
    return sorted(orders, key=[negative.caption for negative in captioned.negatives].index)


def test_the_same_seed_gives_the_same_negatives_and_another_seed_others(altitude):
    first, again, other = (caption_problem(altitude, seed=seed).negatives for seed in (3, 3, 4))
    assert first == again and first != other


# Files


@pytest.fixture
def one_problem(tmp_path):
    folder = tmp_path / "test" / "7"
    folder.mkdir(parents=True)
    annotations = {"diagram_logic_form": ALTITUDE["logic_forms"]} | {
        key: ALTITUDE[key] for key in ("line_instances", "point_positions")
    }
    (folder / "logic_form.json").write_text(json.dumps(annotations))
    for name in ("img_diagram.png", "img_diagram_point.png"):
        Image.new("RGB", (40, 30)).save(folder / name)
    return tmp_path


def test_folders_become_hard_negatives(one_problem):
    dataset = load_geometry3k(one_problem, num_negatives=5)
    assert dataset.features == HARD_NEGATIVES
    row = dataset[0]
    assert row["id"] == "7" and row["source"] == "geometry3k (MIT)" and row["image"].size == (40, 30)
    assert len(row["negative_captions"]) == 5 and row["negative_caption_kinds"] == ["rule"] * 5


def test_unreadable_problems_are_left_out_and_counted(one_problem):
    for name, text in (("8", "{"), ("9", "{}")):
        (one_problem / "test" / name).mkdir()
        (one_problem / "test" / name / "logic_form.json").write_text(text)
    dataset, report = geometry3k_with_report(one_problem)
    assert dataset["id"][:] == ["7"]
    assert [record.index for record in report.bad] == [1, 2] and report.problems == 1


def test_wrong_arguments_are_refused(one_problem, tmp_path):
    with pytest.raises(ValueError, match="no <problem>/logic_form.json below it"):
        load_geometry3k(tmp_path / "test" / "7" / "nothing")
    with pytest.raises(ValueError, match="`image` is 'diagram.png'"):
        load_geometry3k(one_problem, image="diagram.png")
    with pytest.raises(ValueError, match=r"`num_edits` is \(0, 2\)"):
        load_geometry3k(one_problem, num_edits=(0, 2))
    (tmp_path / "forms.zip").write_text("no zip")
    with pytest.raises(ValueError, match="is no zip with logic_forms/"):
        load_geometry3k_logic_forms(tmp_path / "forms.zip")


def test_logic_forms_are_read_from_the_json_as_from_the_zip(tmp_path):
    forms = {"7": {"diagram_logic_forms": ALTITUDE["logic_forms"]} | ALTITUDE}
    (tmp_path / "forms.json").write_text(json.dumps(forms))
    with zipfile.ZipFile(tmp_path / "forms.zip", "w") as archive:
        archive.writestr("logic_forms/diagram_logic_forms_annot.json", json.dumps(forms))
    from_json, from_zip = (load_geometry3k_logic_forms(tmp_path / f"forms.{end}") for end in ("json", "zip"))
    assert from_json.features == CAPTIONS
    assert from_json[0] == from_zip[0] and len(from_json[0]["negative_captions"]) == 10


@needs_folders
def test_real_folders_become_hard_negatives():
    dataset, report = geometry3k_with_report(FOLDERS)
    assert len(dataset) == report.captions == len(list(FOLDERS.iterdir())) and not report.bad
    assert dataset["id"][:] == sorted(dataset["id"][:], key=int)
    for row in dataset:
        assert row["image"].width > 50 and row["caption"]
        assert len(set(row["negative_captions"])) == len(row["negative_captions"]) <= 10
        assert row["caption"] not in row["negative_captions"]
    assert report.negatives == sum(map(len, dataset["negative_captions"][:]))
    assert report.missing == 10 * len(dataset) - report.negatives < 0.05 * 10 * len(dataset)


@needs_folders
def test_real_captions_are_what_their_diagrams_show():
    captions = dict(
        zip(*[load_geometry3k(FOLDERS, num_negatives=0)[name][:] for name in ("id", "caption")], strict=True)
    )
    # Compared with the pictures by eye.
    assert captions["2445"] == (
        "AED is a triangle. G lies on segment DE. GA is perpendicular to GD. ∠DEA = 45°. AG = x. AE = 8. GD = y. "
        "∠ADE = 30°."
    )
    assert captions["2945"] == (
        "G lies on segment AH. F lies on segment AH. K lies on segment HC. J lies on segment HC. "
        "G, K, F and J lie on circle B. Arc KF measures 88°. Arc JG measures 26°."
    )
    assert captions["2691"] == "QRS is an equilateral triangle. RS = 6x - 5. RQ = 5x. SQ = 3x + 10. RS = RQ. RQ = SQ."


@needs_logic_forms
def test_a_sample_of_all_problems_is_read_almost_wholly(tmp_path):
    everything = read_logic_forms(LOGIC_FORMS)
    assert len(everything) == 3002
    (tmp_path / "sample.json").write_text(json.dumps(dict(list(everything.items())[::10])))
    dataset, report = geometry3k_logic_forms_with_report(tmp_path / "sample.json")
    forms = sum(bool(text) for problem in list(everything.values())[::10] for text in problem["diagram_logic_forms"])
    assert report.problems == 301 and len(dataset) >= 300
    assert sum(report.unread.values()) < 0.01 * forms
    assert report.negatives > 0.96 * 10 * report.problems


@needs_logic_forms
def test_no_negative_of_real_problems_is_entailed_by_its_annotations():
    """Reads every changed sentence back and holds it against the raw annotations, by rules written only here."""
    annotations = read_logic_forms(LOGIC_FORMS)
    checked = 0
    for problem_id in list(annotations)[5::8]:
        raw = annotations[problem_id]
        problem = read_problem(problem_id, raw["diagram_logic_forms"], raw["line_instances"], raw["point_positions"])
        captioned = caption_problem(problem)
        letters = set("".join(sentence(fact) for fact in captioned.facts)) | set("".join(problem.points))
        for negative in captioned.negatives:
            assert set(re.findall(r"\b[A-Z]", negative.caption)) - set("AT") <= letters | {"S"}
            for old, new in zip(captioned.facts, negative.facts, strict=True):
                if old != new:
                    text = sentence(new)
                    assert not _may_be_true(text, raw), (problem_id, text, raw)
                    checked += 1
    assert checked > 4000


NAME = r"([A-Z]'{0,2})"


def _may_be_true(text, raw):
    """Whether a sentence follows from the raw logic forms, or fits the drawing closely with nothing against it."""
    forms = {re.sub(r"\s", "", form) for form in raw["diagram_logic_forms"]}
    at = {name: xy for name, xy in raw["point_positions"].items() if xy != [-1, -1]}
    if found := re.fullmatch(f"{NAME} lies on segment {NAME}{NAME}\\.", text):
        p, a, b = found.groups()
        stated = {f"PointLiesOnLine({p},Line({a},{b}))", f"PointLiesOnLine({p},Line({b},{a}))"} & forms
        if stated or not {p, a, b} <= at.keys():
            return bool(stated)
        between = math.dist(at[a], at[p]) + math.dist(at[p], at[b])
        return between < 1.002 * math.dist(at[a], at[b])
    if found := re.fullmatch(f"(.*) (?:lie|lies) on circle {NAME}\\.", text):
        points, centre = re.findall(NAME, found[1]), found[2]
        on = {p for p in points if any(form.startswith(f"PointLiesOnCircle({p},Circle({centre}") for form in forms)}
        return on == set(points)
    if found := re.fullmatch(f"{NAME}{NAME} (is perpendicular to|is parallel to|=) {NAME}{NAME}\\.", text):
        a, b, relation, c, d = found.groups()
        return _relation_may_be_true((a, b), relation, (c, d), forms, at)
    if found := re.fullmatch(f"{NAME}{NAME} = (.*)\\.", text):
        a, b, value = found.groups()
        marked = [
            _spoken(form) for form in forms for e in _both(a, b) if form.startswith(f"Equals(LengthOf(Line({e}))")
        ]
        return value.replace(" ", "") in marked
    if found := re.fullmatch(f"∠{NAME}{NAME}{NAME} (= |is labelled ∠)(.*)\\.", text):
        a, v, b, relation, value = found.groups()
        names = [f"{a},{v},{b}", f"{b},{v},{a}"]
        marked = [_spoken(form) for form in forms for n in names if form.startswith(f"Equals(MeasureOf(Angle({n}))")]
        plain = re.sub(r"[()°]", "", value.replace(" ", "")) if relation == "= " else f"angle{value}"
        drawn = _angle(at, a, v, b)
        if relation == "= " and re.fullmatch(r"[\d.]+°", value) and drawn is not None and not marked:
            return abs(drawn - float(value[:-1])) < 5
        return plain in marked
    return False


def _relation_may_be_true(first, relation, second, forms, at):
    name = {
        "is perpendicular to": "Perpendicular(Line",
        "is parallel to": "Parallel(Line",
        "=": "Equals(LengthOf(Line",
    }
    close = ")" if relation == "=" else ""
    opening = name[relation]
    stated = {
        f"{opening}({p}){close},{opening.split('(', 1)[1]}({q}){close})"
        for x, y in ((first, second), (second, first))
        for p in _both(*x)
        for q in _both(*y)
    }
    if stated & forms or set(first) == set(second):
        return True
    if not {*first, *second} <= at.keys():
        return False
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = (at[p] for p in (*first, *second))
    lengths = math.hypot(bx - ax, by - ay), math.hypot(dx - cx, dy - cy)
    sine = abs((bx - ax) * (dy - cy) - (by - ay) * (dx - cx)) / (lengths[0] * lengths[1] or 1)
    if relation == "=":
        numbers = [
            {float(v) for form in forms for e in _both(*s) if form.startswith(f"Equals(LengthOf(Line({e}))")
             and re.fullmatch(r"[\d.]+", v := _spoken(form))}
            for s in (first, second)
        ]  # fmt: skip
        unequal = numbers[0] and numbers[1] and not numbers[0] & numbers[1]
        return (
            not unequal and abs(math.log(lengths[0] / lengths[1])) < 0.05 and not _marked_apart(first, second, forms)
        )
    if relation == "is parallel to":
        return sine < math.sin(math.radians(5)) and not set(first) & set(second)
    # A right angle in the drawing is only refuted by a marking of the two lines.
    parallel = any(form.startswith("Parallel") and all(",".join(p) in form for p in (first, second)) for form in forms)
    return sine > math.cos(math.radians(5)) and not parallel


def _marked_apart(first, second, forms):
    """Whether two formulas in one unknown are marked that differ by a number: x and x-3."""
    values_ = [
        [_spoken(form) for form in forms for e in _both(*s) if form.startswith(f"Equals(LengthOf(Line({e}))")]
        for s in (first, second)
    ]
    return any(values.differ(a, b) for a in values_[0] for b in values_[1])


def _spoken(form):
    """The right side of Equals(..., value), as a caption has it, without spaces; `angle1` for a label."""
    depth, start = 0, form.index("(") + 1
    for place in range(start, len(form)):
        depth += (form[place] == "(") - (form[place] == ")")
        if form[place] == "," and depth == 0:
            value = form[place + 1 : -1]
            value = re.sub(r"^(?:MeasureOf|LengthOf)\((?:Angle\()?(.*?)\)+$", r"\1", value)
            value = f"angle{value}" if "MeasureOf" in form[place:] and value.isdigit() else value
            return values.spoken(value).replace(" ", "").replace("(", "").replace(")", "")
    return ""


def _angle(at, a, v, b):
    if not {a, v, b} <= at.keys() or at[v] in (at[a], at[b]):
        return None
    turn = [math.atan2(at[p][1] - at[v][1], at[p][0] - at[v][0]) for p in (a, b)]
    degrees = abs(math.degrees(turn[0] - turn[1])) % 360
    return min(degrees, 360 - degrees)


def _both(a, b):
    return f"{a},{b}", f"{b},{a}"
