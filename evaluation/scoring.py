"""Responses to a benchmark's questions, judged by the benchmark's own rule and by the fair one."""

import logging
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from tqdm import tqdm

from evaluation.responses import Response
from evaluation.score_table import SAMPLES, score_table
from evaluation.verdict import Verdict

logger = logging.getLogger(__name__)


class Judged(NamedTuple):
    """What the rules say, one verdict for each record in the order of the records.

    Attributes:
        official, fair (`list[Verdict]`): by the rule of that name.
        failures (`list[str]`): ids of the records at whose response a rule raised; these count as wrong.
    """

    official: list[Verdict]
    fair: list[Verdict]
    failures: list[str]


def judge(
    benchmark: ModuleType,
    records: Sequence[Mapping[str, Any]],
    responses: Sequence[Response | None],
    progress: bool = False,
) -> Judged:
    """Judge each response; a rule that raises costs that response only, and is logged.

    Args:
        benchmark: A module of `evaluation.benchmarks`, or one with the same functions.
        records: As the benchmark's `load` gives them.
        responses: To the records, in their order; what is `None` is wrong.
        progress (`bool`): show a bar on what takes more than two seconds.
    """
    judged = Judged([], [], [])
    pairs = zip(records, responses, strict=True)
    for record, response in tqdm(
        pairs, f"scoring {benchmark.NAME}", len(records), unit="question", delay=2, disable=not progress
    ):
        for rule in ("official", "fair"):
            verdict = Verdict(None, False)
            if response is not None:
                extraction = (response.extraction,) if rule == "official" else ()
                try:
                    verdict = getattr(benchmark, rule)(record, response.text, *extraction)
                except Exception as problem:  # one odd response among thousands must not cost the others
                    name = benchmark.record_id(record)
                    logger.warning(
                        "The %s rule failed at the response to %r (%r); it counts as wrong.", rule, name, problem
                    )
                    if judged.failures[-1:] != [name]:
                        judged.failures.append(name)
            getattr(judged, rule).append(verdict)
    return judged


def scores(
    benchmark: ModuleType,
    records: Sequence[Mapping[str, Any]],
    responses: Sequence[Response | None],
    judged: Judged,
    samples: int = SAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """`scores`, the table of [`score_table`]; and `official_scores`, where a benchmark has figures that are no mean.

    These are We-Math's: the four-dimensional metric and S1 to S3, of all questions that follow from one another.

    Args:
        benchmark, records, responses: As for [`judge`], whose result `judged` is.
        samples, seed: Of the bootstrap intervals.
    """
    verdicts = {"official": judged.official, "fair": judged.fair}
    categories = [benchmark.categories(record) for record in records]
    order = getattr(benchmark, "CATEGORIES", ())
    found = {"scores": score_table(categories, verdicts, samples, seed, order)}
    if hasattr(benchmark, "official_scores"):
        rows = [
            {**record, "response": response.text if response else ""}
            for record, response in zip(records, responses, strict=True)
        ]
        found["official_scores"] = benchmark.official_scores(rows)
    return found
