"""What the metrics of the benchmarks have in common; each is a folder with a module of its name.

🤗 Evaluate loads a metric by the path of its folder and copies its module, which therefore imports this package.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import evaluate
from datasets import Features, Json, Value

from evaluation.responses import Response
from evaluation.score_table import SAMPLES
from evaluation.scoring import judge, scores

INPUTS = """
Args:
    predictions (`list[str]`): what a system wrote.
    references (`list[dict]`): the records, without images, in the benchmark's published field names.
    extractions (`list[str]`, *optional*): answers that were read out of the predictions before, for the official rule.
    samples, seed: of the bootstrap intervals.

Returns:
    `official` and `fair`: accuracy over all records by either rule, in percent; `scores`: for each category its
    number of questions, accuracies and 95% intervals; `official_scores` and `fair_scores` where the benchmark has
    further figures.
"""


def path(name: str) -> str:
    """The folder to give to `evaluate.load`: of a benchmark's name, or `hit_at_k`.

    Raises:
        ValueError: if there is no such metric; names those there are.
    """
    here = Path(__file__).parent
    names = sorted(module.parent.name for module in here.glob("*/*.py") if module.stem == module.parent.name)
    if name not in names:
        raise ValueError(f"There is no metric {name!r}; there are {', '.join(names)}.")
    return str(here / name)


def benchmark_info(benchmark: ModuleType) -> evaluate.MetricInfo:
    """Description, inputs and their types of a benchmark's metric."""
    return evaluate.MetricInfo(
        description=benchmark.__doc__,
        citation="",
        inputs_description=INPUTS,
        # Records differ from one another in what they have: choices, precision, nested metadata.
        features=Features({"predictions": Value("string"), "references": Json()}),
    )


def benchmark_metric(
    benchmark: ModuleType,
    predictions: Sequence[str | None],
    references: Sequence[Mapping[str, Any]],
    extractions: Sequence[str | None] | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """What [`INPUTS`] says that a metric returns."""
    if extractions is None:
        extractions = [None] * len(predictions)
    if len(extractions) != len(predictions):
        raise ValueError(f"There are {len(extractions)} extractions for {len(predictions)} predictions.")
    responses = [Response(text or "", extraction) for text, extraction in zip(predictions, extractions, strict=True)]
    judged = judge(benchmark, references, responses)
    found = scores(benchmark, references, judged, samples, seed)
    return {rule: found["scores"]["all"][rule]["accuracy"] for rule in ("official", "fair")} | found
