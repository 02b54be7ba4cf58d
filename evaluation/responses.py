"""What a system wrote, read from its output file and matched to the questions of a benchmark.

The benchmarks' own files, VLMEvalKit's, lmms-eval's, LLaVA's and our journal differ in layout and in their words for
the same thing; what is common is a row for each question with an id and a text:

    {"12": {"response": "The answer is (B).", "extraction": "B", …}}            MathVista, one object
    [{"ID": "2steps_1", "key": "2steps_multi", "response": "…<Answer>: C"}]     We-Math, one list
    {"question_id": 0, "prompt": "…", "text": "…Answer:A"}                      G-LLaVA, a line each
    {"index": 0, "ground_truth": "140°", "model_output": "…"}                   R1-V, a line each
    index  question  answer  prediction                                         VLMEvalKit, .tsv, .xlsx, .json
    {"doc_id": 0, "doc": {"pid": "1", …}, "resps": [["…"]]}                     lmms-eval, samples_*.jsonl
    {"id": "12", "response": "…"}                                               ours, a line each; see `journal`
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .row_files import Row, read_rows

TEXT_FIELDS = (
    ("response", "prediction", "model_output", "model_response", "model_solution", "model_answer")
    + ("generated_text", "completion", "output", "text")
    + ("resps", "filtered_resps")
)
"""Where a row's text is looked for; the first of these that the file has is taken for all rows."""

ID_FIELDS = ("id", "pid", "question_id", "index", "ID", "doc_id", "file_name", "qid", "uid")
"""Where a row's id is looked for, after the record's own way to tell it."""

_POSITION_FIELDS = ("doc_id", "index")  # lmms-eval and R1-V count the records of the data file from 0
_QUESTION_FIELDS = ("question", "problem", "problem_text", "prompt", "query", "text")
# Questions of a benchmark share most words, so only those in at most a fifth of them tell one from another. A prompt
# adds words to its question but hardly loses any: on GeoQA all of them recur in the right row, 15% in its neighbour.
_TELLING = 0.2
_SAME_QUESTION = 0.5


class Response(NamedTuple):
    """A system's answer to one question.

    Attributes:
        text (`str`, *optional*): all that it wrote, empty if it wrote nothing; `None` where the file holds an
            extraction without the text that it was read in, so that nobody else can read it.
        extraction (`str`, *optional*): the answer that somebody has read out of it already (MathVista's `extraction`).
        not_asked (`str`, *optional*): why the question could not be asked at all, as our journal notes it.
    """

    text: str | None
    extraction: str | None = None
    not_asked: str | None = None


def read_responses(
    path: str | Path,
    records: Sequence[Mapping[str, Any]],
    record_id: Callable[[Mapping[str, Any]], str],
    allow_missing: bool = False,
    allow_unknown: bool = False,
) -> dict[str, Response]:
    """Responses by record id, in the order of the records.

    Rows are matched by the record's own id where they repeat its fields (or hold it as `doc`), and otherwise by
    whichever fits most records: the key of an object, one of [`ID_FIELDS`], or the position in the data file. Where
    rows repeat the question, it counts into how well they fit.

    Args:
        path: Of a kind that [`read_rows`] reads.
        records: Of the data file, as the benchmark's `load` gives them.
        record_id: The benchmark's.
        allow_missing (`bool`): leave out what has no response instead of raising.
        allow_unknown (`bool`): pass over responses to other questions instead of raising.

    Raises:
        ValueError: if the file cannot be read (with the line), has no ids or no text, an id twice, ids that the data
            does not have, no response to some of the data, or is of other questions altogether.
    """
    path = Path(path)
    rows = read_rows(path)
    known = _by_id(records, record_id)
    texts = _texts(path, rows)
    telling = _telling_words(known)
    ids = _best_ids(path, rows, telling, record_id)
    found: dict[str, tuple[Row, Response]] = {}
    twice: dict[str, str] = {}
    for row, name, text in zip(rows, ids, texts, strict=True):
        if name in found:
            # lm-eval and lmms-eval log a response once for each of a task's filters.
            if not ("filter" in row.fields and text == found[name][1]):
                twice.setdefault(name, f"{name!r} at {found[name][0].place} and {row.place}")
            continue
        found[name] = (row, text)
    if twice:
        raise ValueError(f"{path} has {_ids_of(len(twice), 'twice')}: {_examples(twice.values(), quote=False)}.")
    _check_same_questions(path, found, telling)
    unknown = [name for name in found if name not in known]
    missing = [name for name in known if name not in found]
    wrong = []
    if unknown and not allow_unknown:
        wrong.append(
            f"has {_ids_of(len(unknown), 'that the data does not have')}: {_examples(unknown)} "
            "(allow_unknown passes over them)"
        )
    if missing and not allow_missing:
        wrong.append(
            f"has no response to {len(missing)} of {len(known)} questions: {_examples(missing)} "
            "(allow_missing scores them as wrong)"
        )
    if wrong:
        raise ValueError(f"{path} {', and '.join(wrong)}.")
    return {name: found[name][1] for name in known if name in found}


def _by_id(records: Sequence[Mapping[str, Any]], record_id: Callable) -> dict[str, Mapping[str, Any]]:
    known: dict[str, Mapping[str, Any]] = {}
    for record in records:
        name = record_id(record)
        if name in known:
            raise ValueError(f"The data has the id {name!r} twice, so that responses cannot be told apart by it.")
        known[name] = record
    return known


def _texts(path: Path, rows: Sequence[Row]) -> list[Response]:
    present = {name for row in rows for name in row.fields}
    field = next((name for name in TEXT_FIELDS if name in present), None)
    if field is None and "extraction" not in present:
        raise ValueError(
            f"{path} has no field with what the system wrote: its rows have {_examples(sorted(present), 8)}, and one "
            f"of {', '.join(TEXT_FIELDS)} is needed."
        )
    responses = []
    for row in rows:
        extraction = _extraction(row.fields)
        untold = field not in row.fields and extraction is not None
        text = None if untold else _text(row.fields.get(field))
        reason = row.fields.get("not_asked")
        # In a table the others have an empty cell there.
        responses.append(Response(text, extraction, reason if isinstance(reason, str) and reason else None))
    return responses


def _text(value: Any) -> str:
    while isinstance(value, list):  # lmms-eval: a list of requests, each a list of samples
        value = value[0] if value else None
    if value is None or value != value:  # NaN is how pandas writes nothing
        return ""
    return value if isinstance(value, str) else str(value)


def _extraction(fields: Mapping[str, Any]) -> str | None:
    # lmms-eval keeps it with the score, as in {"gpt_eval_score": {"extraction": …}}.
    holders = (fields, *(value for value in fields.values() if isinstance(value, dict)))
    value = next((holder["extraction"] for holder in holders if "extraction" in holder), None)
    return None if value is None or value != value else str(value)


def _telling_words(known: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """Of each question by id, the words that tell it from the others."""
    words = {name: _words(record, _QUESTION_FIELDS) for name, record in known.items()}
    count = Counter(word for those in words.values() for word in those)
    limit = max(1, _TELLING * len(words))
    return {name: {word for word in those if count[word] <= limit} for name, those in words.items()}


def _best_ids(path: Path, rows: Sequence[Row], known: Mapping[str, set[str]], record_id: Callable) -> list[str]:
    """The ids of the rows by that way of telling them which fits the records best, the earlier of equals."""
    positions = list(known)

    def own(row: Row) -> Any:
        try:
            return record_id(_with_document(row.fields))
        except Exception:  # a row is no record, and lacks what a record has
            return None

    def position(field: str) -> Callable[[Row], str | None]:
        def of(row: Row) -> str | None:
            place = _id(row.fields.get(field))
            return positions[int(place)] if place and place.isdecimal() and int(place) < len(positions) else None

        return of

    ids = [_id(own(row)) for row in rows]
    if None not in ids:
        return _numbered(ids, known)
    ways = [lambda row: row.key]
    ways += [lambda row, field=field: _with_document(row.fields).get(field) for field in ID_FIELDS]
    ways += [position(field) for field in _POSITION_FIELDS]
    best, best_fit, incomplete = None, -1.0, None
    for way in ways:
        ids = [_id(way(row)) for row in rows]
        if None in ids:
            if any(ids) and incomplete is None:
                incomplete = rows[ids.index(None)].place
            continue
        fit = sum(
            1.0 if (share := _same_words(row, known[name])) is None else share
            for row, name in zip(rows, ids, strict=True)
            if name in known
        )
        if fit > best_fit + 1e-6:
            best, best_fit = ids, fit
    if best is None:
        present = sorted({name for row in rows for name in row.fields})
        where = f"{incomplete} has" if incomplete else "its rows have"
        raise ValueError(
            f"{path}: {where} no id; one of {', '.join(ID_FIELDS)} is needed in each row, which "
            f"have {_examples(present, 8)}."
        )
    return best


def _numbered(ids: Sequence[str], known: Mapping[str, Any]) -> list[str]:
    """The ids, the second `x` as `x-2` where the data calls it so: MM-Math has several questions on some pictures."""
    numbered, count = [], Counter()
    for name in ids:
        count[name] += 1
        further = f"{name}-{count[name]}"
        numbered.append(further if count[name] > 1 and further in known else name)
    return numbered


def _with_document(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields with those of the record that lmms-eval (`doc`) and R1-V (`question`) put into a row."""
    for name in ("doc", "question"):
        if isinstance(fields.get(name), dict):
            return {**fields, **fields[name]}
    return fields


def _id(value: Any) -> str | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a table with one empty cell makes all ids of the column floats
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip() or None


def _check_same_questions(path: Path, found: Mapping[str, tuple[Row, Response]], known: Mapping[str, set]) -> None:
    """Raises where the ids, or the questions that rows repeat, are by and large not those of the data."""
    common = [name for name in found if name in known]
    if 2 * len(common) < min(len(found), len(known)):
        raise ValueError(
            f"{path} seems to be of another split or benchmark: {len(common)} of its {len(found)} ids are among the "
            f"{len(known)} of the data (it has {_examples(list(found))}; the data {_examples(list(known))})."
        )
    shares = {name: _same_words(found[name][0], known[name]) for name in common}
    told = {name: share for name, share in shares.items() if share is not None}
    if told and sum(told.values()) / len(told) < _SAME_QUESTION:
        other = [name for name, share in told.items() if share < _SAME_QUESTION]
        raise ValueError(
            f"{path} seems to be of another split or benchmark: its ids are in the data, but {len(other)} of "
            f"{len(told)} rows repeat a question that is not the one of the data, such as {_examples(other)}."
        )


def _same_words(row: Row, wanted: set[str]) -> float | None:
    """The share of these words that the question in a row has, or `None` if there are none in either."""
    # In a row, `text` is what the system wrote.
    there = _words(_with_document(row.fields), _QUESTION_FIELDS[:-1])
    return len(wanted & there) / len(wanted) if wanted and there else None


def _words(fields: Mapping[str, Any], names: Sequence[str]) -> set[str]:
    text = next((fields[name] for name in names if isinstance(fields.get(name), str) and fields[name]), "")
    return set(re.findall(r"\w+", text.lower()))


def _ids_of(count: int, what: str) -> str:
    return f"{count} {'id' if count == 1 else 'ids'} {what}"


def _examples(values: Any, count: int = 3, quote: bool = True) -> str:
    values = list(values)
    shown = ", ".join(repr(value) if quote else str(value) for value in values[:count])
    return f"{shown}, …" if len(values) > count else shown
