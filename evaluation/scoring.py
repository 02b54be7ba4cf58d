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
        official, fair (`list[Verdict]`): by the rule of that name; `None` in `fair` where there is an extraction for
            the official rule, and no text to read.
        failures (`list[str]`): ids of the records at whose response a rule raised; these count as wrong.
    """

    official: list[Verdict]
    fair: list[Verdict | None]
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
        responses: To the records, in their order; what is `None`, or could not be asked, is wrong.
        progress (`bool`): show a bar on what takes more than two seconds.
    """
    judged = Judged([], [], [])
    pairs = zip(records, responses, strict=True)
    for record, response in tqdm(
        pairs, f"scoring {benchmark.NAME}", len(records), unit="question", delay=2, mininterval=1, disable=not progress
    ):
        if response is not None and response.not_asked is not None:
            response = None  # MathVista's rule would guess an option for its empty text
        for rule in ("official", "fair"):
            verdict: Verdict | None = Verdict(None, False)
            if rule == "fair" and response is not None and response.text is None:
                verdict = None
            elif response is not None:
                extraction = (response.extraction,) if rule == "official" else ()
                try:
                    verdict = getattr(benchmark, rule)(record, response.text or "", *extraction)
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
    judged: Judged,
    samples: int = SAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Every figure of a benchmark: `scores`, the table of [`score_table`], and those that are no mean over questions.

    The latter are We-Math's, whose questions build on one another: `official_scores` and `fair_scores`, by either
    rule. Where they cannot be had, as for a part of a group of questions, `official_scores_lack` says why.

    Args:
        benchmark, records: As for [`judge`], whose result `judged` is.
        samples, seed: Of the bootstrap intervals.
    """
    verdicts = {"official": judged.official, "fair": judged.fair}
    categories = [benchmark.categories(record) for record in records]
    order = getattr(benchmark, "CATEGORIES", ())
    found: dict[str, Any] = {"scores": score_table(categories, verdicts, samples, seed, order)}
    if hasattr(benchmark, "official_scores"):
        rows = [{"response": "", **record} for record in records]
        for rule, said in verdicts.items():
            if None in said:
                continue
            by_id = {benchmark.record_id(record): verdict for record, verdict in zip(records, said, strict=True)}
            try:
                found[f"{rule}_scores"] = benchmark.official_scores(
                    rows, rule=lambda row, response, by_id=by_id: by_id[benchmark.record_id(row)]
                )
            except ValueError as problem:
                logger.warning("%s's further figures are left out: %s", benchmark.NAME, problem)
                found["official_scores_lack"] = str(problem)
    return found
