"""Accuracy per category with 95% bootstrap intervals: a dict for JSON, a Markdown table, and `.eval_results` YAML."""

from collections.abc import Mapping, Sequence

import numpy as np
import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

from evaluation.verdict import Verdict

SAMPLES = 10_000
"""Bootstrap samples of an interval."""

RULES = ("official", "fair")


def accuracy(right: int, n: int, samples: int = SAMPLES, seed: int = 0) -> dict[str, float | int]:
    """`right` of `n` as `{"n", "correct", "accuracy", "low", "high"}`: percent, with the bootstrap's 95% interval.

    Questions are drawn anew with replacement, as if each were independent of the others. Where all or none are right
    every sample would be the same and the interval a point; the exact (Clopper-Pearson) bound is given there instead.

    Raises:
        ValueError: if `n` is 0 or `right` is not in 0..n.
    """
    if not 0 <= right <= n or n == 0:
        raise ValueError(f"{right} right answers of {n} questions have no accuracy.")
    if right in (0, n):
        reach = 100 * (1 - 0.025 ** (1 / n))
        low, high = (0.0, reach) if right == 0 else (100 - reach, 100.0)
    else:
        # How many of n draws with replacement are right is binomial, so this is the bootstrap without its n indices.
        draws = np.random.default_rng(seed).binomial(n, right / n, size=samples)
        low, high = 100 * np.percentile(draws / n, [2.5, 97.5])
    return {"n": int(n), "correct": int(right), "accuracy": 100 * right / n, "low": float(low), "high": float(high)}


def score_table(
    categories: Sequence[Sequence[str]],
    verdicts: Mapping[str, Sequence[Verdict | None]],
    samples: int = SAMPLES,
    seed: int = 0,
    order: Sequence[str] = (),
) -> dict[str, dict]:
    """What each rule says of each category: `{"all": {"n": 754, "official": {...}, "fair": {...}}, "angle": ...}`.

    Args:
        categories (`list[list[str]]`): rows of the table that each question counts into.
        verdicts (`dict[str, list[Verdict]]`): of each rule, one verdict for each question in the same order; `None`
            where the rule had nothing to judge, which is not counted.
        samples, seed: of the bootstrap; see [`accuracy`].
        order (`list[str]`, *optional*): categories that come first, if they occur, after `"all"`; the others follow by
            name.

    Returns:
        `dict`: JSON-able; each category has `n`, and for every rule what [`accuracy`] gives of the questions that it
        judged, or `None` if there are none.

    Raises:
        ValueError: if there are no questions, or a rule has another number of verdicts.
    """
    if not categories:
        raise ValueError("There are no questions to make a table of.")
    for rule, said in verdicts.items():
        if len(said) != len(categories):
            raise ValueError(f"The rule {rule!r} has {len(said)} verdicts for {len(categories)} questions.")
    members: dict[str, list[int]] = {}
    for question, names in enumerate(categories):
        for name in {"all", *names}:
            members.setdefault(name, []).append(question)
    first = {name: place for place, name in enumerate(["all", *order])}
    table = {}
    for name in sorted(members, key=lambda name: (first.get(name, len(first)), name)):
        questions = members[name]
        table[name] = {"n": len(questions)}
        for rule, said in verdicts.items():
            judged = [said[question] for question in questions if said[question] is not None]
            right = sum(bool(verdict.correct) for verdict in judged)
            table[name][rule] = accuracy(right, len(judged), samples, seed) if judged else None
    return table


def markdown(table: Mapping[str, Mapping]) -> str:
    """The table of [`score_table`] in Markdown: percent, `25.2 [22.5, 27.9]`, with `of 335` if not of all."""
    rules = [rule for rule in next(iter(table.values())) if rule != "n"]
    lines = [
        f"| category | questions | {' | '.join(f'{rule} % [95%]' for rule in rules)} |",
        f"| --- |{' ---: |' * (1 + len(rules))}",
    ]
    for name, row in table.items():
        cells = (_cell(row[rule], row["n"]) for rule in rules)
        label = name.replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {label} | {row['n']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(score: Mapping | None, n: int) -> str:
    if score is None:
        return "–"
    part = "" if score["n"] == n else f" of {score['n']}"
    return f"{score['accuracy']:.1f} [{score['low']:.1f}, {score['high']:.1f}]{part}"


def eval_results(
    table: Mapping[str, Mapping], dataset_id: str, rule: str = "official", notes: str = "", date: str | None = None
) -> str:
    """The table as YAML for `.eval_results/<name>.yaml` of a model repository, one entry for each category.

    Args:
        table: Of [`score_table`].
        dataset_id (`str`): the benchmark's data set on the Hub, such as `"AI4Math/MathVista"`.
        rule (`str`, *optional*, defaults to `"official"`): whose accuracy is the value, in percent.
        notes (`str`, *optional*): added to the notes, which name the rule, the number of questions and the interval.
        date (`str`, *optional*): when the responses were scored, ISO-8601.
    """
    entries = []
    for name, row in table.items():
        score = row[rule]
        if score is None:
            continue
        said = f"{rule} rule, {score['n']} questions, 95% interval {score['low']:.1f} to {score['high']:.1f}"
        entries.append(
            EvalResultEntry(
                dataset_id=dataset_id,
                task_id=name,
                value=round(score["accuracy"], 2),
                date=date,
                notes=f"{said}; {notes}" if notes else said,
            )
        )
    return yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, allow_unicode=True)
