"""Questions that are read off a generated diagram, to train and to test a model that looks at it.

    sets = question_records(20_000, seed=0, held_out=500)
    sets["instructions"]          # 20,000 records to train on, for SFT; with `turns=6` conversations of up to six
    sets["questions"]             # 500 on diagrams that no training record shows, for evaluation

Form and answer are drawn first and a diagram is then sought for them: yes and no, and each name of a shape, are right
equally often. Letters are random, so that a question without its diagram says nothing of its answer. Conversations
are drawn the other way round, a diagram first: what is rarely asked so far is asked first.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import Any

import numpy as np
from datasets import Dataset

from dataset_builders.code_records import png
from dataset_builders.diagram.asking import FORMS, TARGETS, Asked, ask
from dataset_builders.diagram.figure import EXAM, Figure, FigureError, solve
from dataset_builders.diagram.program import Program, parse
from dataset_builders.diagram.render import render
from dataset_builders.diagram.sample import ALPHABET, clear, sample_program
from dataset_builders.diagram.simple import sample_simple_program
from dataset_builders.instructions import instructions_dataset
from dataset_builders.processes import worker_pool
from dataset_builders.questions import questions_dataset

SOURCE = "generated diagrams"
BENCHMARK = "generated"
SCENES = ("simple", "exam")
"""Diagrams of `simple.py` at 96 pixels with labels on a grid of 16, as the quickstart draws them; and those of
`sample.py` at 336 pixels."""

WORDINGS: dict[str, tuple[str, ...]] = {
    "length": ("How long is {0}{1}?", "What is the length of {0}{1}?", "What number is marked at {0}{1}?"),
    "segment": ("Which segment is {0} long?", "Which segment has length {0}?", "Where is the length {0} marked?"),
    "angle": ("What is angle {0}{1}{2} in degrees?", "How many degrees is ∠{0}{1}{2}?", "How large is ∠{0}{1}{2}?"),
    "parallel": ("Is {0}{1} parallel to {2}{3}?", "Are {0}{1} and {2}{3} parallel?", "Is {0}{1} ∥ {2}{3}?"),
    "perpendicular": (
        "Is {0}{1} perpendicular to {2}{3}?",
        "Are {0}{1} and {2}{3} perpendicular?",
        "Is {0}{1} ⟂ {2}{3}?",
    ),
    "right_angle": (
        "Is angle {0}{1}{2} a right angle?",
        "Is ∠{0}{1}{2} right?",
        "Does ∠{0}{1}{2} measure 90 degrees?",
    ),
    "equal": (
        "Is {0}{1} as long as {2}{3}?",
        "Are {0}{1} and {2}{3} equally long?",
        "Do {0}{1} and {2}{3} have the same length?",
    ),
    "midpoint": (
        "Which point is the midpoint of {0}{1}?",
        "Which point bisects {0}{1}?",
        "What is the midpoint of {0}{1}?",
    ),
    "is_midpoint": ("Is {0} the midpoint of {1}{2}?", "Does {0} bisect {1}{2}?", "Is {0} halfway from {1} to {2}?"),
    "triangle": (
        "What kind of triangle is {0}{1}{2}?",
        "Is triangle {0}{1}{2} equilateral, isosceles, right or scalene?",
        "Which kind of triangle is △{0}{1}{2}?",
    ),
    "quadrilateral": (
        "What kind of quadrilateral is {0}{1}{2}{3}?",
        "Which shape is {0}{1}{2}{3}?",
        "What is {0}{1}{2}{3} called?",
    ),
    "centre": (
        "Which point is the centre of the circle?",
        "What is the centre of the circle?",
        "Where is the circle's centre?",
    ),
    "diameter": (
        "Is {0}{1} a diameter of the circle?",
        "Is {0}{1} a diameter?",
        "Does {0}{1} pass through the circle's centre?",
    ),
}
_ANSWER_TYPES = {
    **dict.fromkeys(FORMS, "yes_no"),
    **dict.fromkeys(("length", "angle"), "math"),
    **dict.fromkeys(("segment", "midpoint", "triangle", "quadrilateral", "centre"), "name"),
}
_PAIRS = {"parallel", "perpendicular", "equal"}
_TRAINING, _HELD_OUT, _TALKING = range(3)  # streams of randomness under one seed
_TRIES = 5_000  # diagrams in a row that answer nothing that is wanted
_GROUP = 64  # questions that share a search, or conversations that share a balance


def question_records(
    number: int,
    seed: int = 0,
    held_out: int = 0,
    scenes: str = "simple",
    difficulty: int = 3,
    forms: Sequence[str] = FORMS,
    turns: int = 1,
    num_proc: int = 1,
) -> dict[str, Dataset]:
    """Generated questions to train on, and others on diagrams that are held out.

    Args:
        number: Records to train on, each with a diagram of its own.
        seed: Of everything; with the number of a record it decides that record, whatever `num_proc`.
        held_out: Records to evaluate on.
        scenes: One of [`SCENES`].
        difficulty: Facts of a diagram, as for the samplers of programs.
        forms: What is asked, some of [`FORMS`], each equally often. `length`, `angle` and `segment` are read from
            numbers, the rest from lines.
        turns: Most questions on a diagram that is trained on. With more than one a record is a conversation, whose
            answers share the cost of looking at the diagram; answers are then balanced as far as diagrams allow.
            Held-out questions have a diagram each.
        num_proc: Processes.

    Returns:
        `instructions`, with the schema [`~dataset_builders.instructions.INSTRUCTIONS`] and the answer alone for a
        reply, and `questions`, with the schema [`~dataset_builders.questions.QUESTIONS`] and the form for a category.
        No program of `questions`, under whatever letters, occurs in `instructions`.

    Raises:
        ValueError: if `scenes` or a form is unknown, `difficulty` or `turns` is below 1, or no diagram answers a form.
    """
    if scenes not in SCENES:
        raise ValueError(f"`scenes` is {scenes!r}; it must be one of {', '.join(SCENES)}.")
    unknown = [form for form in forms if form not in FORMS]
    if unknown or not forms:
        raise ValueError(f"`forms` has {unknown or 'nothing in it'}; there are {', '.join(FORMS)}.")
    if min(number, held_out) < 0 or min(difficulty, turns) < 1:
        raise ValueError("`number` and `held_out` must be 0 or more, and `difficulty` and `turns` 1 or more.")
    settings = {"seed": seed, "scenes": scenes, "difficulty": difficulty, "forms": tuple(forms)}
    tested = list(_made(partial(_group, **settings, stream=_HELD_OUT), held_out, num_proc))
    settings["without"] = frozenset(unlettered(record["program"]) for record in tested)
    if turns == 1:
        trained = map(as_instruction, _made(partial(_group, **settings, stream=_TRAINING), number, num_proc))
    else:
        trained = _made(partial(_conversations, **settings, turns=turns), number, num_proc)
    questions = ({name: value for name, value in record.items() if name != "program"} for record in tested)
    return {
        "instructions": instructions_dataset(trained, SOURCE)[0],
        "questions": questions_dataset(questions, SOURCE)[0],
    }


def as_instruction(question: dict[str, Any]) -> dict[str, Any]:
    """A Questions record without choices as an Instructions record: the question, and the answer alone for a reply."""
    return {
        "id": question["id"],
        "images": [question["image"]],
        "messages": _messages([(question["question"], question["answer"])]),
        "source": question["source"],
    }


def worded(asked: Asked, rng: np.random.Generator) -> str:
    """A question in words; segments and corners are named from either end, shapes from any corner."""
    names = list(asked.names)
    if asked.form in _PAIRS:
        pairs = [names[:2], names[2:]]
        names = [name for i in rng.permutation(2) for name in _turned(pairs[i], rng)]
    elif asked.form == "is_midpoint":
        names[1:] = _turned(names[1:], rng)
    elif asked.form in ("triangle", "quadrilateral"):
        start = int(rng.integers(len(names)))
        names = _turned(names[start:] + names[:start], rng)
    else:
        names = _turned(names, rng)
    wordings = WORDINGS[asked.form]
    return wordings[rng.integers(len(wordings))].format(*names)


def unlettered(program: str | Program) -> str:
    """A program's text under the letters A1, A2, … in the order of its points: equal for equal drawings."""
    if isinstance(program, str):
        program = parse(program)
    numbered = {name: f"{ALPHABET[i // 10]}{i % 10}" for i, name in enumerate(program.points)}
    return str(program.renamed(numbered))


def _group(
    number: int,
    seed: int,
    scenes: str,
    difficulty: int,
    forms: tuple[str, ...],
    stream: int,
    without: frozenset[str] = frozenset(),
) -> list[dict[str, Any]]:
    """Group `number` of Questions records, each with its program besides.

    Forms and targets are drawn before any diagram, so that no answer is more frequent for being easy to find. Each
    diagram then goes to one of the wanted questions that it answers, which wastes far fewer than to seek one by one.
    """
    rng = np.random.default_rng([seed, stream, number])
    picked = [forms[i] for i in rng.integers(len(forms), size=_GROUP)]
    wanted = [(form, TARGETS[form][rng.integers(len(TARGETS[form]))]) for form in picked]
    records: list[dict[str, Any] | None] = [None] * _GROUP
    tries = 0
    while None in records:
        program, figure = _scene(rng, scenes, difficulty)
        asked_for: dict[tuple[str, str], list[Asked]] = {}
        for place in rng.permutation([i for i, record in enumerate(records) if record is None]).tolist():
            if wanted[place] not in asked_for:
                asked_for[wanted[place]] = ask(figure, *wanted[place])
            found = asked_for[wanted[place]]
            if found and not (without and unlettered(program) in without):
                asked = found[rng.integers(len(found))]
                name = f"{('train', 'test')[stream]}-{seed}-{number * _GROUP + place}"
                records[place] = _record(name, program, figure, asked, scenes, rng)
                tries = 0
                break
        tries += 1
        if tries > _TRIES:
            missing = sorted({" ".join(wanted[i]).strip() for i, record in enumerate(records) if record is None})
            raise ValueError(
                f"no diagram of the {scenes} scenes of difficulty {difficulty} answers {', '.join(missing)}; leave "
                "these out of `forms`, or raise `difficulty`."
            )
    return records


def _conversations(
    number: int,
    seed: int,
    scenes: str,
    difficulty: int,
    forms: tuple[str, ...],
    turns: int,
    without: frozenset[str] = frozenset(),
) -> list[dict[str, Any]]:
    """Group `number` of Instructions records, each with up to `turns` questions about one diagram.

    Of what a diagram answers, that is asked which has been asked least in the group, answer by answer: diagrams have
    far more lines that are not parallel than parallel ones.
    """
    rng = np.random.default_rng([seed, _TALKING, number])
    counts: Counter[tuple[str, str]] = Counter()
    records: list[dict[str, Any]] = []
    tries = 0
    while len(records) < _GROUP:
        program, figure = _scene(rng, scenes, difficulty)
        found: dict[tuple[str, str], list[Asked]] = {}
        for asked in (asked for form in forms for asked in ask(figure, form)):
            found.setdefault((asked.form, asked.target), []).append(asked)
        kinds = list(found)
        if not kinds or (without and unlettered(program) in without):
            tries += 1
            if tries > _TRIES:
                raise ValueError(
                    f"no diagram of the {scenes} scenes of difficulty {difficulty} answers any of {', '.join(forms)}."
                )
            continue
        tries = 0
        # Each form as often as the others, and within it each answer: one of six names of a shape is due less often.
        due = [counts[kind] * len(TARGETS[kind[0]]) for kind in kinds]
        chosen = np.lexsort((rng.random(len(kinds)), due))[:turns]
        counts.update(kinds[i] for i in chosen)
        picked = [found[kinds[i]][rng.integers(len(found[kinds[i]]))] for i in rng.permutation(chosen)]
        records.append(
            {
                "id": f"talk-{seed}-{number * _GROUP + len(records)}",
                "images": [_picture(figure, scenes)],
                "messages": _messages([(worded(each, rng), each.answer) for each in picked]),
                "source": SOURCE,
            }
        )
    return records


def _messages(talk: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Turns with role and content, of questions and their answers."""
    roles = ("user", "assistant")
    return [{"role": role, "content": text} for turn in talk for role, text in zip(roles, turn, strict=True)]


def _picture(figure: Figure, scenes: str) -> bytes:
    """The diagram as a PNG file."""
    return png(render(figure, 96, 16) if scenes == "simple" else render(figure, 336))


def _record(
    name: str, program: Program, figure: Figure, asked: Asked, scenes: str, rng: np.random.Generator
) -> dict[str, Any]:
    return {
        "id": name,
        "image": _picture(figure, scenes),
        "question": worded(asked, rng),
        "choices": [],
        "answer": asked.answer,
        "answer_type": _ANSWER_TYPES[asked.form],
        "category": [asked.form],
        "benchmark": BENCHMARK,
        "source": SOURCE,
        "program": str(program),
    }


def _scene(rng: np.random.Generator, scenes: str, difficulty: int) -> tuple[Program, Figure]:
    if scenes == "simple":
        return sample_simple_program(rng, difficulty)
    while True:
        program, figure = sample_program(rng, difficulty)
        # Exams letter one corner after another, which would tell that AB and CD are opposite sides.
        letters = rng.permutation(len(ALPHABET))
        names = {name: ALPHABET[i] for name, i in zip(program.points, letters, strict=False)}
        program = program.renamed(names)
        try:
            figure = solve(program, EXAM)
        except FigureError:
            continue
        if clear(figure):
            return program, figure


def _turned(names: list[str], rng: np.random.Generator) -> list[str]:
    return names[::-1] if rng.random() < 0.5 else names


def _made(make: Callable[[int], list[dict[str, Any]]], count: int, num_proc: int) -> Iterator[dict[str, Any]]:
    """The first `count` records of as many groups as they take."""
    groups = range(-(-count // _GROUP))
    if num_proc < 2 or len(groups) < 2:
        yield from islice(chain.from_iterable(map(make, groups)), count)
        return
    with worker_pool(num_proc) as pool:
        yield from islice(chain.from_iterable(pool.map(make, groups, chunksize=4)), count)
