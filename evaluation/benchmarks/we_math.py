r"""We-Math testmini: 525 composed problems and the 1,215 one-step problems they are made of (CC BY-NC 4.0).

    {"ID": "2steps_7", "split": "testmini", "knowledge concept": "Circumference of Circles", "key": "2steps_1",
     "question": "As shown in the diagram, the radius is 2 cm. What is the circumference (in cm)?",
     "option": "A. 4π;B. 2π;C. 8π; D. No correct answer", "answer": "A", "image_path": "2steps/image/7-1.png"}

`2steps_7` has the keys `2steps_1`, `2steps_2` and `2steps_multi`; a result row has a `response` besides. Official
scorers: https://github.com/We-Math/We-Math/tree/main/evaluation, `accuracy.py` and `four_dimensional_metrics.py`.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..answers import read_choice
from ..pictures import find_pictures
from ..row_files import read_rows
from ..verdict import Verdict

NAME = "we_math"
CATEGORIES = ("all", "S1", "S2", "S3")

PROMPT = (
    "Now, we require you to solve a multiple-choice math question. Please briefly describe your thought process and"
    " provide the final answer(option).\nQuestion: {question}\nOption: {option}\nRegarding the format, please answer"
    " following the template below, and be sure to include two <> symbols:\n<Thought process>: <<your thought"
    " process>> <Answer>: <<your option>>"
)

# Keys of a composed problem's parts, the composed one last.
PARTS = {
    "2steps": ("2steps_1", "2steps_2", "2steps_multi"),
    "3steps": ("3steps_1", "3steps_2", "3steps_3", "3steps_multi"),
}
KEYS = tuple(key for keys in PARTS.values() for key in keys)
UNKNOWN_OPTIONS = 5

Rule = Callable[[Mapping[str, Any], str], Verdict]


def official(record: Mapping[str, Any], response: str, extraction: str | None = None) -> Verdict:
    """The first sign after the last "Answer", `<>:.` left out, if it is one of A to H; without "Answer", of the whole.

    "Based on…" is a B, and neither "(A)" nor "**Answer:** A" is an A.

    Args:
        record: With `answer`.
        response: Free text.
        extraction (`str`, *optional*): a letter that was read before.
    """
    text = response.split("Answer")[-1] if extraction is None else extraction
    text = re.sub("[><:.]", "", text.strip()).strip()
    letter = text[0] if text and text[0] in "ABCDEFGH" else None
    return Verdict(letter, letter is not None and letter == record["answer"])


def fair(record: Mapping[str, Any], response: str) -> Verdict:
    """Our rule: the option that the response settles on, by its letter or its text."""
    letter = read_choice(response, options(record))
    return Verdict(letter, letter is not None and letter == record["answer"])


def options(record: Mapping[str, Any]) -> list[str]:
    """Texts of the options, from the one string `option`; five empty texts where it cannot be split with certainty."""
    text = str(record.get("option") or "")
    marks = list(re.finditer(r"(?:^|;|\s)\s*([A-H])\s*[.．:、]", text))
    # A letter is taken only in its turn, as in "A. Line A; B. Line B".
    starts = []
    for mark in marks:
        if mark[1] == chr(ord("A") + len(starts)):
            starts.append(mark)
    if len(starts) < 2:
        return [""] * UNKNOWN_OPTIONS
    ends = [mark.start() for mark in starts[1:]] + [len(text)]
    return [text[mark.end() : end].strip(" ;") for mark, end in zip(starts, ends, strict=True)]


def record_id(record: Mapping[str, Any]) -> str:
    """`2steps_7-1` or `2steps_7-multi`, as images are named; the `ID` alone is that of the whole group."""
    return f"{record['ID']}-{record['key'].rpartition('_')[2]}"


def categories(record: Mapping[str, Any]) -> list[str]:
    """S1 for one-step problems, S2 and S3 for those composed of two and three steps."""
    key = record["key"]
    return ["all", {"2steps_multi": "S2", "3steps_multi": "S3"}.get(key, "S1")]


def prompt(record: Mapping[str, Any]) -> str:
    """The official wording."""
    return PROMPT.format(question=record["question"], option=record["option"])


def pictures(record: Mapping[str, Any], image_folder: Path) -> list[Path]:
    """The file of `image_path`, such as `2steps/image/7-1.png`."""
    return find_pictures(image_folder, [record["image_path"]])


def load(path: str | Path) -> list[dict[str, Any]]:
    """Records of `testmini.json`, the data set's parquet file, or a result file, in any kind of file that is read.

    Raises:
        ValueError: if there is no such file, or it holds something else; the message names file and place.
    """
    rows = read_rows(path)
    for row in rows:
        if not all(isinstance(row.fields.get(name), str) for name in ("ID", "key", "answer")):
            raise ValueError(
                f"{path}, {row.place} is no record of We-Math: it needs the texts `ID`, `key` and `answer`."
            )
        if row.fields["key"] not in KEYS:
            raise ValueError(f"{path}, {row.place} has the key {row.fields['key']!r}; known are {', '.join(KEYS)}.")
    records = [row.fields for row in rows]
    twice = [name for name, count in Counter(map(record_id, records)).items() if count > 1]
    if twice:
        raise ValueError(f"{path} has {_some(twice)} more than once.")
    return records


def official_scores(
    rows: Sequence[Mapping[str, Any]], nodes: Sequence[Mapping[str, Any]] | None = None, rule: Rule = official
) -> dict[str, Any]:
    """What both official scripts count, in plain numbers; all rates, scores and accuracies are fractions of 1.

    Keys:
        `counts`: `InsufficientKnowledge` (some step wrong, the composed problem too), `InadequateGeneralization` (all
            steps right, the composed problem wrong), `CompleteMastery_strict` (all right), `CompleteMastery_loose`
            (any step and the composed problem right), `RoteMemorization_strict` (some step wrong, the composed problem
            right), `RoteMemorization_loose` (all steps wrong, the composed problem right).
        `rates`: the same names with `_rate`: of all groups; `RoteMemorization` of itself and `CompleteMastery`, and
            `None` where both are 0, at which the official script fails.
        `scores`: `strict`, `loose`: 1 less IK, RM and half of IG, over all groups.
        `accuracy`: `S1`, `S2`, `S3`, `None` without such problems; with `nodes` also the 12 fields of knowledge.

    The official scripts divide by 525 whatever they are given; here it is the number of groups.

    Args:
        rows: In the official result format, in any order: `ID`, `key`, `answer`, `response` (`None` is wrong);
            `knowledge concept` for `nodes`.
        nodes (*optional*): the content of `knowledge_structure_nodes.json`.
        rule (*optional*, defaults to [`official`]): by which a row is right; [`fair`] gives the fair figures.

    Raises:
        ValueError: if rows are missing, double, of an unknown key or without a text to score; the message names them.
    """
    right = {(row["ID"], row["key"]): rule(row, row["response"] or "").correct for row in _checked(rows)}
    groups = list(dict.fromkeys((name, key.partition("_")[0]) for name, key in right))
    counts = dict.fromkeys(
        ["InadequateGeneralization", "InsufficientKnowledge"]
        + ["CompleteMastery_loose", "CompleteMastery_strict", "RoteMemorization_loose", "RoteMemorization_strict"],
        0,
    )
    for name, kind in groups:
        *steps, composed = (right[name, key] for key in PARTS[kind])
        if composed:
            counts["CompleteMastery_strict" if all(steps) else "RoteMemorization_strict"] += 1
            counts["CompleteMastery_loose" if any(steps) else "RoteMemorization_loose"] += 1
        else:
            counts["InadequateGeneralization" if all(steps) else "InsufficientKnowledge"] += 1
    rates: dict[str, float | None] = {}
    scores = {}
    for mode in ("strict", "loose"):
        mastery, rote = counts[f"CompleteMastery_{mode}"], counts[f"RoteMemorization_{mode}"]
        rates[f"CompleteMastery_{mode}_rate"] = mastery / len(groups)
        rates[f"RoteMemorization_{mode}_rate"] = rote / (mastery + rote) if mastery + rote else None
        lost = 0.5 * counts["InadequateGeneralization"] + rote + counts["InsufficientKnowledge"]
        scores[mode] = (len(groups) - lost) / len(groups)
    for name in ("InadequateGeneralization", "InsufficientKnowledge"):
        rates[f"{name}_rate"] = counts[name] / len(groups)
    accuracy = {
        column: _mean([correct for (_, key), correct in right.items() if column in categories({"key": key})])
        for column in ("S1", "S2", "S3")
    }
    if nodes is not None:
        accuracy |= _by_knowledge(rows, right, nodes)
    return {"counts": counts, "rates": rates, "scores": scores, "accuracy": accuracy}


def fair_scores(rows: Sequence[Mapping[str, Any]], nodes: Sequence[Mapping[str, Any]] | None = None) -> dict[str, Any]:
    """[`official_scores`] by the [`fair`] rule; rows with `option` are read best."""
    return official_scores(rows, nodes, fair)


def printed(scores: Mapping[str, Any], model: str = "") -> dict[str, Any]:
    """The figures of [`official_scores`] as the official scripts print them."""
    rates = {name: _percent(rate) for name, rate in scores["rates"].items()}
    four = {"Model": model}
    for mode in ("strict", "loose"):
        title = mode.capitalize()
        four[f"Score ({title})"] = _percent(scores["scores"][mode])
        for name in ("InsufficientKnowledge", "InadequateGeneralization", "CompleteMastery", "RoteMemorization"):
            key = name if name in scores["counts"] else f"{name}_{mode}"
            four[f"{name} ({title})"] = f"{rates[key + '_rate']} ({scores['counts'][key]})"
    columns = {"S1": "One-step(S1)", "S2": "Two-step(S2)", "S3": "Three-step(S3)"}
    accuracy = {columns.get(name, name): _percent(value) for name, value in scores["accuracy"].items()}
    return {
        "counts": dict(scores["counts"]),
        "rates": rates,
        "four_dim": four,
        "accuracy": {"Model": model} | accuracy,
    }


def _by_knowledge(
    rows: Sequence[Mapping[str, Any]], right: Mapping[tuple[str, str], bool], nodes: Sequence[Mapping[str, Any]]
) -> dict[str, float | None]:
    """Accuracy on one-step problems by field: the mean over its concepts of the mean over their problems."""
    by_concept: dict[str, list[bool]] = {}
    for row in rows:
        if categories(row)[1] == "S1":
            by_concept.setdefault(row["knowledge concept"], []).append(right[row["ID"], row["key"]])
    fields: dict[str, list[float]] = {}
    for node in nodes:
        mean = _mean(by_concept.get(node["full node"].split("_")[-1], []))
        fields.setdefault(node["root2"], []).extend([] if mean is None else [mean])
    return {field: _mean(means) for field, means in sorted(fields.items())}


def _checked(rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    if not rows:
        raise ValueError("There are no rows; We-Math's scores need the rows of whole groups.")
    for place, row in enumerate(rows):
        lacking = [name for name in ("ID", "key", "answer") if not isinstance(row.get(name), str)]
        if not isinstance(row.get("response", 0), str | None):
            lacking.append("response")
        if lacking:
            raise ValueError(f"Row {place} ({row.get('ID')}, {row.get('key')}) has no text as {', '.join(lacking)}.")
        if row["key"] not in KEYS:
            raise ValueError(f"Row {place} ({row['ID']}) has the key {row['key']!r}; known are {', '.join(KEYS)}.")
    count = Counter((row["ID"], row["key"]) for row in rows)
    twice = [f"{name} {key}" for (name, key), times in count.items() if times > 1]
    if twice:
        raise ValueError(f"There is more than one row of {_some(twice)}.")
    groups = dict.fromkeys((name, key.partition("_")[0]) for name, key in count)
    missing = [f"{name} {key}" for name, kind in groups for key in PARTS[kind] if (name, key) not in count]
    if missing:
        raise ValueError(f"There is no row of {_some(missing)}; the scores need whole groups.")
    return rows


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _percent(value: float | None) -> str:
    return "nan%" if value is None else f"{value:.2%}"
