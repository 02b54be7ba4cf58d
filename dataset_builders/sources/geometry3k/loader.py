"""Geometry3K as hard negatives: textbook diagrams, captions read off their logic forms, and edited captions.

Geometry3K (Lu et al., "Inter-GPS", ACL 2021; MIT licence) annotates what 3,002 textbook diagrams show. Its folders
have one folder per problem:

    test/2418/data.json   logic_form.json   img_diagram.png   img_diagram_point.png
"""

import json
import logging
import random
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets import Dataset, Features, List, Value

from dataset_builders.records import BadRecord, hard_negatives_dataset, report_bad_records
from dataset_builders.sources.geometry3k.captions import caption, caption_facts
from dataset_builders.sources.geometry3k.edits import Negative, compose_negatives, find_edits
from dataset_builders.sources.geometry3k.facts import Fact, Problem, read_problem, sentence
from dataset_builders.sources.geometry3k.truth import Knowledge

logger = logging.getLogger(__name__)

SOURCE = "geometry3k (MIT)"
IMAGES = ("img_diagram_point.png", "img_diagram.png")
CAPTIONS = Features(
    {
        "id": Value("string"),
        "caption": Value("string"),
        "negative_captions": List(Value("string")),
        "negative_caption_kinds": List(Value("string")),
        "source": Value("string"),
    }
)
"""The columns of hard negatives that need no image."""

_ZIP_MEMBER = "logic_forms/diagram_logic_forms_annot.json"


@dataclass(frozen=True)
class Captioned:
    """One problem's caption and its negatives.

    Attributes:
        problem: The annotations.
        facts: What the caption says, in its order; their sentences, joined, are the caption.
        negatives: The edited captions.
        shortfall: Why there are fewer negatives than wanted; empty if there are not.
    """

    problem: Problem
    facts: tuple[Fact, ...]
    negatives: tuple[Negative, ...]
    shortfall: str

    @property
    def caption(self) -> str:
        """The caption of the diagram."""
        return caption(self.facts)

    @property
    def sentences(self) -> list[tuple[Fact, str]]:
        """Each fact with the sentence that states it."""
        return [(fact, sentence(fact)) for fact in self.facts]


@dataclass
class Geometry3KReport:
    """What a run made of the annotations, counted.

    Attributes:
        problems: Problems read.
        captions: Problems of which at least one fact was understood.
        negatives: Negative captions.
        shortfalls: Problems with fewer negatives than wanted, by reason.
        missing: How many negatives they lack together.
        facts: Facts told in captions, by relation.
        edits: Edits in negatives, by type.
        unread: Logic forms that were not understood, by predicate.
        doubtful: Facts left out because the drawing contradicts them, by relation.
        bad: Records left out.
    """

    problems: int = 0
    captions: int = 0
    negatives: int = 0
    missing: int = 0
    shortfalls: Counter[str] = field(default_factory=Counter)
    facts: Counter[str] = field(default_factory=Counter)
    edits: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    doubtful: Counter[str] = field(default_factory=Counter)
    bad: list[BadRecord] = field(default_factory=list)

    def add(self, captioned: Captioned, num_negatives: int) -> None:
        """Counts one problem."""
        self.problems += 1
        self.captions += bool(captioned.facts)
        self.negatives += len(captioned.negatives)
        self.missing += num_negatives - len(captioned.negatives)
        self.shortfalls.update([captioned.shortfall] if captioned.shortfall else [])
        self.facts.update(fact.relation for fact in captioned.facts)
        self.edits.update(edit.type for negative in captioned.negatives for edit in negative.edits)
        self.unread.update(captioned.problem.unread)
        self.doubtful.update(fact.relation for fact in Knowledge(captioned.problem).layout.doubtful)

    def __str__(self) -> str:
        counts = {"facts": self.facts, "edits": self.edits, "shortfalls": self.shortfalls}
        counts |= {"not understood": self.unread, "doubtful": self.doubtful}
        lines = "; ".join(f"{name}: {dict(counter.most_common())}" for name, counter in counts.items())
        head = (
            f"{self.problems} problems, {self.captions} captions, {self.negatives} negatives ({self.missing} missing)"
        )
        return f"{head}; {lines}; left out: {len(self.bad)}"


def load_geometry3k(
    folder: str | Path,
    num_negatives: int = 10,
    seed: int = 0,
    image: str = "img_diagram_point.png",
    num_edits: tuple[int, int] = (1, 2),
) -> Dataset:
    """Reads Geometry3K's official folders as HardNegatives with rule-based negative captions.

    Args:
        folder: A split's folder, or one that holds several; every folder below it with a `logic_form.json` is read.
        num_negatives: Negatives wanted per caption. Simple diagrams allow fewer certainly false edits; how many fall
            short, and why, is logged and in the report of [`geometry3k_with_report`].
        seed: Of the choice of edits. A problem's negatives depend on the seed and its id only.
        image: `img_diagram_point.png` is the textbook's diagram with every annotated point lettered in blue;
            `img_diagram.png` is the diagram as printed, where the letters that captions use are often not printed
            (a bare triangle with 8 and 45°), so that its captions cannot be told from the picture alone.
        num_edits: Least and most edits in a negative, within 1 to 4 as in the paper.

    Returns:
        A data set with the schema `HARD_NEGATIVES`, in the order of the problems' numbers; all negatives are of the
        kind `rule`. Problems of which no fact was understood, or whose files cannot be read, are left out and logged.

    Raises:
        ValueError: if an argument is out of range, or there is no problem below the folder.
    """
    return geometry3k_with_report(folder, num_negatives, seed, image, num_edits)[0]


def geometry3k_with_report(
    folder: str | Path,
    num_negatives: int = 10,
    seed: int = 0,
    image: str = "img_diagram_point.png",
    num_edits: tuple[int, int] = (1, 2),
) -> tuple[Dataset, Geometry3KReport]:
    """[`load_geometry3k`] with the counts of what was made."""
    _check_arguments(num_negatives, num_edits)
    if image not in IMAGES:
        raise ValueError(f"`image` is {image!r}; a Geometry3K problem has {' and '.join(IMAGES)}.")
    folder = Path(folder)
    paths = sorted(folder.rglob("logic_form.json"), key=lambda path: (len(path.parent.name), path.parent.name))
    if not paths:
        raise ValueError(f"{folder}: there is no <problem>/logic_form.json below it; unpack Geometry3K's zips there.")
    report = Geometry3KReport()

    def records() -> Iterator[dict[str, Any] | BadRecord]:
        for index, path in enumerate(paths):
            try:
                annotations = json.loads(path.read_text(encoding="utf-8"))
                problem = _problem(path.parent.name, annotations, "diagram_logic_form")
            except (ValueError, KeyError, TypeError) as error:
                yield _unreadable(str(path), index, error)
                continue
            captioned = caption_problem(problem, num_negatives, seed, num_edits)
            report.add(captioned, num_negatives)
            yield {"image": str(path.parent / image), **_text_columns(captioned)}

    dataset, report.bad = hard_negatives_dataset(records(), str(folder))
    logger.info("Geometry3K, %s: %s", folder, report)
    return dataset, report


def load_geometry3k_logic_forms(
    path: str | Path, num_negatives: int = 10, seed: int = 0, num_edits: tuple[int, int] = (1, 2)
) -> Dataset:
    """Reads the logic forms of all 3,002 problems, without images: for text statistics and blind baselines.

    Args:
        path: `logic_forms.zip` or the `diagram_logic_forms_annot.json` in it.
        num_negatives, seed, num_edits: As for [`load_geometry3k`], which makes the same captions and negatives of
            the same annotations.

    Returns:
        A data set with the schema [`CAPTIONS`].

    Raises:
        ValueError: if an argument is out of range or the file is not what it should be.
    """
    return geometry3k_logic_forms_with_report(path, num_negatives, seed, num_edits)[0]


def geometry3k_logic_forms_with_report(
    path: str | Path, num_negatives: int = 10, seed: int = 0, num_edits: tuple[int, int] = (1, 2)
) -> tuple[Dataset, Geometry3KReport]:
    """[`load_geometry3k_logic_forms`] with the counts of what was made."""
    _check_arguments(num_negatives, num_edits)
    report = Geometry3KReport()
    rows = []
    problems = read_logic_forms(path)
    for index, (problem_id, annotations) in enumerate(problems.items()):
        try:
            problem = _problem(problem_id, annotations, "diagram_logic_forms")
        except (ValueError, KeyError, TypeError) as error:
            report.bad.append(_unreadable(str(path), index, error))
            continue
        captioned = caption_problem(problem, num_negatives, seed, num_edits)
        report.add(captioned, num_negatives)
        if captioned.facts:
            rows.append(_text_columns(captioned))
        else:
            report.bad.append(BadRecord(str(path), index, "diagram_logic_forms", "no fact in it was understood."))
    report_bad_records(report.bad, len(problems), str(path))
    logger.info("Geometry3K, %s: %s", path, report)
    return Dataset.from_dict({name: [row[name] for row in rows] for name in CAPTIONS}, features=CAPTIONS), report


def read_logic_forms(path: str | Path) -> dict[str, dict[str, Any]]:
    """The annotations of all problems by id, from the zip or the JSON in it.

    Raises:
        ValueError: if it is no such zip, or no JSON object.
    """
    path = Path(path)
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                annotations = json.loads(archive.read(_ZIP_MEMBER))
        else:
            annotations = json.loads(path.read_text(encoding="utf-8"))
    except (zipfile.BadZipFile, KeyError):
        raise ValueError(f"{path} is no zip with {_ZIP_MEMBER}; take Geometry3K's logic_forms.zip.") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    if not isinstance(annotations, dict):
        raise ValueError(f"{path} holds a {type(annotations).__name__}; an object of problems by id is needed.")
    return annotations


def caption_problem(
    problem: Problem, num_negatives: int = 10, seed: int = 0, num_edits: tuple[int, int] = (1, 2)
) -> Captioned:
    """The caption of one annotated diagram, and negatives whose every changed fact is certainly false of it."""
    rng = random.Random(f"{seed}-{problem.id}")
    knowledge = Knowledge(problem)
    facts = caption_facts(problem, knowledge)
    edits = find_edits(facts, problem, knowledge, rng)
    negatives, shortfall = compose_negatives(facts, edits, problem, num_negatives, num_edits, rng)
    return Captioned(problem, tuple(facts), tuple(negatives), shortfall)


def _problem(problem_id: str, annotations: Mapping[str, Any], logic_forms: str) -> Problem:
    return read_problem(
        problem_id, annotations[logic_forms], annotations["line_instances"], annotations["point_positions"]
    )


def _text_columns(captioned: Captioned) -> dict[str, Any]:
    return {
        "id": captioned.problem.id,
        "caption": captioned.caption,
        "negative_captions": [negative.caption for negative in captioned.negatives],
        "negative_caption_kinds": ["rule"] * len(captioned.negatives),
        "source": SOURCE,
    }


def _unreadable(origin: str, index: int, error: Exception) -> BadRecord:
    problem = f"it cannot be read ({type(error).__name__}: {error}); unpack Geometry3K again."
    return BadRecord(origin, index, "logic_form", problem)


def _check_arguments(num_negatives: int, num_edits: Iterable[int]) -> None:
    if num_negatives < 0:
        raise ValueError(f"`num_negatives` is {num_negatives}; it must be 0 or more.")
    least, most = num_edits
    if not 1 <= least <= most <= 4:
        raise ValueError(f"`num_edits` is ({least}, {most}); it must be a least and a most within 1 to 4.")
