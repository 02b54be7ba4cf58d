"""Files of every layout are read and matched, and what is wrong with a file is said in one sentence."""

import csv
import importlib.util
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from evaluation.responses import Response, read_responses
from evaluation.row_files import read_rows

QUESTIONS = {
    "7": "In triangle ABC, angle A is 80 degrees and DE is parallel to BC. How large is angle CED?",
    "8": "The circle with centre O has radius 5. How long is a chord at distance 3 from the centre?",
    "9": "A rectangle is folded along its diagonal; its sides measure 6 and 8. What is ED?",
    "10": "Two tangents meet outside of the circle. Determine the arc between the points of contact.",
}
RECORDS = [{"pid": pid, "question": question} for pid, question in QUESTIONS.items()]
TEXTS = ["It is 100.\nAnswer:A", 'Half of it is "4",\tso 8', "答案是 3", ""]
EXPECTED = {pid: Response(text) for pid, text in zip(QUESTIONS, TEXTS, strict=True)}


def pid_of(record: dict) -> str:
    return str(record["pid"])


def write(path: Path, content, lines: bool = False) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in content) if lines else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return path


def write_table(path: Path, rows: list[dict]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0], delimiter="\t" if path.suffix == ".tsv" else ",")
        table.writeheader()
        table.writerows(rows)
    return path


def rows(*names: str) -> list[dict]:
    """Rows under the names that a system has for the id and the text."""
    return [dict(zip(names, pair, strict=True)) for pair in zip(QUESTIONS, TEXTS, strict=True)]


def read(path: Path, records=RECORDS, record_id=pid_of, **options) -> dict[str, Response]:
    return read_responses(path, records, record_id, **options)


def test_an_object_by_id_with_extractions_is_mathvistas(tmp_path):
    content = {
        "9": {"response": "so 3", "extraction": "3", "prediction": "3", "true_false": True},
        "7": {"response": "none", "extraction": "", "prediction": "B", "true_false": False},
        "8": {"extraction": 8},
        "10": {"response": None},
    }
    assert read(write(tmp_path / "out.json", content)) == {
        "7": Response("none", ""),
        "8": Response(None, "8"),
        "9": Response("so 3", "3"),
        "10": Response(""),
    }


def test_an_object_of_plain_texts_is_read(tmp_path):
    assert read(write(tmp_path / "out.json", dict(zip(QUESTIONS, TEXTS, strict=True)))) == EXPECTED


def test_the_order_is_that_of_the_records(tmp_path):
    assert list(read(write(tmp_path / "out.jsonl", rows("id", "response")[::-1], lines=True))) == list(QUESTIONS)


@pytest.mark.parametrize(
    "names", [("id", "response"), ("question_id", "text"), ("pid", "model_output"), ("index", "prediction")]
)
@pytest.mark.parametrize("lines", [True, False])
def test_each_systems_words_for_id_and_text_are_understood(names, lines, tmp_path):
    path = tmp_path / ("out.jsonl" if lines else "out.json")
    assert read(write(path, rows(*names), lines)) == EXPECTED
    assert read(write(tmp_path / "out.json", {"accuracy": 3.0, "results": rows(*names)})) == EXPECTED


def test_lines_in_a_file_called_json_are_read(tmp_path):
    assert read(write(tmp_path / "answers.json", rows("question_id", "text"), lines=True)) == EXPECTED


@pytest.mark.parametrize("ending", ["tsv", "csv"])
def test_tables_of_vlmevalkit_are_read(ending, tmp_path):
    assert read(write_table(tmp_path / f"out.{ending}", rows("index", "prediction"))) == EXPECTED


def test_a_table_has_empty_cells_where_a_question_was_asked(tmp_path):
    said = [{**row, "not_asked": "no picture" if n == 1 else ""} for n, row in enumerate(rows("id", "response"))]
    read_back = list(read(write_table(tmp_path / "out.csv", said)).values())
    assert [response.not_asked for response in read_back] == [None, "no picture", *[None] * (len(said) - 2)]


@pytest.mark.skipif(importlib.util.find_spec("openpyxl") is None, reason="openpyxl is not installed")
def test_excel_tables_of_vlmevalkit_are_read(tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["index", "prediction"])
    for pid, text in zip(QUESTIONS, TEXTS, strict=True):
        book.active.append([float(pid), text])
    book.save(tmp_path / "out.xlsx")
    assert read(tmp_path / "out.xlsx") == EXPECTED


@pytest.mark.skipif(importlib.util.find_spec("openpyxl") is not None, reason="openpyxl is installed")
def test_excel_tables_name_what_they_need(tmp_path):
    (tmp_path / "out.xlsx").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"out.xlsx needs openpyxl to be read: pip install openpyxl, or save it as"):
        read(tmp_path / "out.xlsx")


def test_samples_of_lmms_eval_are_matched_by_their_document(tmp_path):
    samples = [
        {"doc_id": number, "doc": {"pid": pid}, "resps": [[text]], "filtered_resps": ["x"], "target": "8"}
        for number, (pid, text) in enumerate(zip(QUESTIONS, TEXTS, strict=True))
    ]
    assert read(write(tmp_path / "samples_mathvista.jsonl", samples, lines=True)) == EXPECTED
    by_filter = [{**sample, "filter": name} for name in ("none", "strict") for sample in samples]
    assert read(write(tmp_path / "samples.jsonl", by_filter, lines=True)) == EXPECTED


def test_an_extraction_that_lmms_eval_keeps_with_the_score_is_found(tmp_path):
    samples = [
        {"doc_id": number, "doc": {"pid": pid}, "resps": [["so 3"]], "gpt_eval_score": {"extraction": "3", "hit": 1}}
        for number, pid in enumerate(QUESTIONS)
    ]
    found = read(write(tmp_path / "samples_mathvista.jsonl", samples, lines=True))
    assert found == dict.fromkeys(QUESTIONS, Response("so 3", "3"))


def test_parquet_files_are_read_and_their_images_left_out(tmp_path):
    listed = [{**row, "image": {"bytes": b"0", "path": None}} for row in rows("index", "prediction")]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(listed), tmp_path / "out.parquet")
    assert read(tmp_path / "out.parquet") == EXPECTED
    assert read_rows(tmp_path / "out.parquet")[0].fields == {"index": "7", "prediction": TEXTS[0]}


def test_samples_of_lmms_eval_without_a_document_are_matched_by_position(tmp_path):
    samples = [{"doc_id": number, "filtered_resps": [text]} for number, text in enumerate(TEXTS)]
    assert read(write(tmp_path / "samples.jsonl", samples, lines=True)) == EXPECTED


def test_an_index_that_only_seems_to_be_the_id_is_told_by_the_questions(tmp_path):
    # Counted from 0 or from 1, an index fits almost as many ids of 1 to 8 as the positions that it is.
    records = [{"pid": str(number), "question": text} for number, text in enumerate(list(QUESTIONS.values()) * 2, 1)]
    records = [{**record, "question": f"{record['question']} {'x' * int(record['pid'])}"} for record in records]
    for start, expected in ((0, "1"), (1, "1")):
        listed = [
            {"index": number, "question": f"Hint: think. {record['question']}", "prediction": record["pid"]}
            for number, record in enumerate(records, start)
        ]
        found = read(write(tmp_path / "out.json", listed), records)
        assert {name: response.text for name, response in found.items()} == {name: name for name in found}, expected


def test_ids_of_several_fields_are_the_benchmarks_affair(tmp_path):
    records = [{"ID": "2steps_1", "key": key} for key in ("2steps_1", "2steps_2", "2steps_multi")]
    listed = [{**record, "response": record["key"]} for record in records]
    found = read(write(tmp_path / "out.json", listed), records, lambda record: f"{record['ID']}/{record['key']}")
    assert found == {f"2steps_1/{record['key']}": Response(record["key"]) for record in records}


@pytest.mark.parametrize(("value", "text"), [(3, "3"), (2.5, "2.5"), (None, ""), (float("nan"), ""), ([], "")])
def test_what_is_no_text_becomes_one(value, text, tmp_path):
    path = write(tmp_path / "out.json", [{"pid": pid, "response": value} for pid in QUESTIONS])
    assert {response.text for response in read(path).values()} == {text}


def test_missing_responses_may_be_allowed(tmp_path):
    path = write(tmp_path / "out.json", rows("id", "response")[:1])
    with pytest.raises(ValueError, match=r"no response to 3 of 4 questions: '8', '9', '10' \(allow_missing scores"):
        read(path)
    assert read(path, allow_missing=True) == {"7": EXPECTED["7"]}


def test_unknown_responses_may_be_allowed(tmp_path):
    path = write(tmp_path / "out.json", [*rows("id", "response"), {"id": "99", "response": "x"}])
    with pytest.raises(ValueError, match=r"has 1 id that the data does not have: '99' \(allow_unknown passes"):
        read(path)
    assert read(path, allow_unknown=True) == EXPECTED


def other_ids(rows: list[dict]) -> list[dict]:
    return [{**row, "id": f"{row['id']}00"} for row in rows]


def other_questions(rows: list[dict]) -> list[dict]:
    return [{**row, "question": "Wie lang ist die Hypotenuse?"} for row in rows]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: [*rows, rows[0], rows[2]], "has 2 ids twice: '7' at entry 0 and entry 4, '9' at entry 2 and"),
        (other_ids, "another split or benchmark: 0 of its 4 ids are among the 4 of the data (it has '700', '800'"),
        (other_questions, "its ids are in the data, but 4 of 4 rows repeat a question that is not the one"),
        (
            lambda rows: [*rows[1:], {"id": "1", "response": ""}],
            "has 1 id that the data does not have: '1' (allow_unknown passes over them), and has no response to 1",
        ),
        (lambda rows: [*rows, {"response": "x"}], "entry 4 has no id; one of id, pid, question_id"),
        (lambda rows: [{"response": "x"}], "its rows have no id; one of id, pid"),
        (lambda rows: [{"id": "7", "answer": "A"}], "its rows have 'answer', 'id', and one of response, prediction"),
        (lambda rows: [*rows, "A"], "entry 4 is no object of fields: 'A'"),
        (lambda rows: [], "has no entries"),
        (lambda rows: 3, "holds a int; it should be a list, or an object by id"),
    ],
)
def test_what_is_wrong_with_the_responses_is_a_sentence(change, message, tmp_path):
    path = write(tmp_path / "out.json", change(rows("id", "response")))
    with pytest.raises(ValueError) as raised:
        read(path)
    assert message in str(raised.value) and str(path) in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("out.jsonl", b'{"id": "7", "response": ""}\n\n{"id": "8", "resp', "line 3 is not JSON (Unterminated string"),
        ("out.json", b'[{"id": "7"', "is not JSON: "),
        ("out.json", b"[" * 100_000, "is not JSON: "),
        ("out.jsonl", b"[" * 100_000, "line 1 is not JSON"),
        ("out.jsonl", b"\xff\xfe{}", "is not UTF-8 text (byte 0)"),
        ("out.tsv", b"index\tprediction\n7\tA\tB\n", "line 2 has not the 2 columns of the first line"),
        ("out.csv", b"index,prediction\n7\n", "line 2 has not the 2 columns of the first line"),
        ("out.csv", b"", "has no entries"),
        ("out.pkl", b"", "is none of .json, .jsonl"),
        (None, b"", "There is no file"),
    ],
)
def test_files_that_cannot_be_read_are_a_sentence(name, content, message, tmp_path):
    path = tmp_path / (name or "missing.json")
    if name:
        path.write_bytes(content)
    with pytest.raises(ValueError) as raised:
        read(path)
    assert message in str(raised.value) and str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_data_with_an_id_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match="The data has the id '7' twice"):
        read(write(tmp_path / "out.json", rows("id", "response")), [*RECORDS, RECORDS[0]])


def test_real_files_have_a_row_for_each_response(real_data):
    counts = {
        "mathvista/outputs/llavar.json": 1000,
        "geoqa_gllava/responses.jsonl": 377,
        "geoqa_r1v/qwen2vl_7b_instruct.jsonl": 754,
        "wemath/oracle_synthetic_responses_a.json": 1740,
    }
    for name, count in counts.items():
        assert len(read_rows(real_data / name)) == count


def test_real_responses_shifted_by_one_question_are_noticed(real_data, tmp_path):
    questions = [json.loads(line) for line in (real_data / "geoqa_gllava/test_questions.jsonl").open(encoding="utf-8")]
    listed = [json.loads(line) for line in (real_data / "geoqa_gllava/responses.jsonl").open(encoding="utf-8")]

    def record_id(record: dict) -> str:
        return str(record["question_id"])

    options = {"records": questions, "record_id": record_id, "allow_missing": True}
    assert len(read(write(tmp_path / "out.jsonl", listed, lines=True), **options)) == 377
    shifted = [{**row, "question_id": row["question_id"] + 1} for row in listed]
    with pytest.raises(ValueError, match="another split or benchmark"):
        read(write(tmp_path / "out.jsonl", shifted, lines=True), **options)
