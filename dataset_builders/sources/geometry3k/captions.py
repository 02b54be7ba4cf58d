"""From the annotations of a diagram to its caption: which facts are told, once each, and in which order."""

from collections.abc import Iterable

from dataset_builders.sources.geometry3k.facts import OF_SEGMENTS, Fact, Problem, sentence
from dataset_builders.sources.geometry3k.shapes import outlines, side_segments
from dataset_builders.sources.geometry3k.truth import Knowledge

_ORDER = ("polygon", "segments", "on_segment", "on_circle", "tangent", "parallel", "perpendicular")


def caption_facts(problem: Problem, knowledge: Knowledge) -> list[Fact]:
    """The facts a caption tells: shapes first, then lines and circles, then what is marked, in the annotations' order.

    Left out are facts that the drawing contradicts, points on a part of a segment that are told of the whole, and
    a relation of two lines or a value of one thing told already. The list is empty if nothing was understood.
    """
    told: dict[object, Fact] = {}
    whole = _whole_segments(knowledge)
    for fact in knowledge.facts:
        if fact.relation == "on_segment" and fact not in whole:
            continue
        told.setdefault(_identity(fact, knowledge), fact)
    facts = outlines(problem, knowledge) + list(told.values())
    rest = _segments_left(problem, knowledge, facts)
    if rest:
        facts.append(Fact("segments", tuple(rest)))
    return sorted(facts, key=lambda fact: _ORDER.index(fact.relation) if fact.relation in _ORDER else len(_ORDER))


def caption(facts: Iterable[Fact]) -> str:
    """The facts' sentences, one after the other."""
    return " ".join(map(sentence, facts))


def _identity(fact: Fact, knowledge: Knowledge) -> object:
    match fact.relation:
        case "perpendicular" | "parallel":
            return fact.relation, frozenset(knowledge.line(segment) for segment in fact.objects)
        case "length":
            return fact.relation, frozenset(fact.objects[0]), fact.value
        case "angle":
            return fact.relation, knowledge.angle_key(fact.objects[0]), fact.value
        case "angle_label":
            return fact.relation, knowledge.angle_key(fact.objects[0])
        case "equal_lengths":
            return fact.relation, frozenset(map(frozenset, fact.objects))
        case "equal_angles":
            return fact.relation, frozenset(map(knowledge.angle_key, fact.objects))
        case "on_segment":
            return fact.relation, fact.objects[0], frozenset(fact.objects[1])
    return fact


def _whole_segments(knowledge: Knowledge) -> set[Fact]:
    """The `on_segment` facts of the longest segments: "B lies on AD", not "B lies on AC", for A, B, C, D on a line."""
    facts = [fact for fact in knowledge.facts if fact.relation == "on_segment"]
    inner = {(knowledge.line(fact.objects[1]), fact.objects[0][0]) for fact in facts}
    whole = {f for f in facts if not any((knowledge.line(f.objects[1]), end) in inner for end in f.objects[1])}
    # Where the annotations do not give the longest segment, a shorter one is better than none.
    told = {(knowledge.line(fact.objects[1]), fact.objects[0]) for fact in whole}
    return whole | {fact for fact in facts if (knowledge.line(fact.objects[1]), fact.objects[0]) not in told}


def _segments_left(problem: Problem, knowledge: Knowledge, facts: Iterable[Fact]) -> list[tuple[str, ...]]:
    mentioned = set()
    for fact in facts:
        if fact.relation == "polygon":
            mentioned.update(side_segments(fact))
        if fact.relation in OF_SEGMENTS:
            mentioned.update(frozenset(points) for points in fact.objects if len(points) == 2)
        if fact.relation in ("angle", "angle_label", "equal_angles"):
            mentioned.update(frozenset((v, side)) for a, v, b in fact.objects for side in (a, b))
    return [s for s in problem.segments if frozenset(s) not in mentioned and len(knowledge.line(s)) == 2]
