r"""
How often the reading of answers agrees with answers that others read from the same real responses, and why it differs:

python examples/runs/reading_agreement.py --real_data realdata > reading.md

Three sets: MathVista's multiple-choice responses, against the extraction that GPT made for the benchmark's own files
(`mathvista/outputs/*.json`); G-LLaVA's on GeoQA, against the official regular expressions (`geoqa_gllava`); a
Qwen2-VL's free-form ones on GeoQA, against math-verify's verdicts (`geoqa_r1v`).
"""

import argparse
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from evaluation.answer_statements import REFUSAL
from evaluation.answers import equal, read_answer, read_choice


def named_option(extraction: str, choices: list[str]) -> str | None:
    """The option that a recorded extraction names: `C`, `(C) 145°`, an option's text or value; else `None`.

    The official rule takes the nearest text by edit distance then, so that "N/A" gets some option, too.
    """
    letter = re.match(r"\(([A-Z])\)", extraction) or re.fullmatch("([A-Z])", extraction)
    if letter and ord(letter[1]) - ord("A") < len(choices):
        return letter[1]
    for same in (str.__eq__, equal):
        places = [place for place, choice in enumerate(choices) if same(choice, extraction)]
        if len(places) == 1:
            return chr(ord("A") + places[0])
    return None


def category(read: str | None, recorded: str | None, response: str, choices: list[str]) -> str:
    """Why a reading and a recorded extraction differ, or that they agree."""
    if read == recorded:
        return "agree: same option" if read else "agree: no option in the response, nor in the extraction"
    if recorded is None:
        return "option read, extraction unusable"
    if read is not None:
        return "another option read"
    value = read_answer(response)
    if value and any(equal(choice, value) for choice in choices):
        return "none read, though the response may state one"
    if REFUSAL.search(response):
        return "none read, the response refuses"
    if value:
        return "none read, the response states another value"
    return "none read, the response repeats the question or comes to no end"


def mathvista(folder: Path) -> Iterator[tuple[str, str, str]]:
    """File, category and what differs, for each multiple-choice response whose extraction is not empty."""
    records = json.loads((folder / "testmini_scoring_fields_1000.json").read_text(encoding="utf-8"))
    for path in sorted((folder / "outputs").glob("*.json")):
        if path.name.endswith(".scores.json"):
            continue
        for pid, output in json.loads(path.read_text(encoding="utf-8")).items():
            choices, extraction = records[pid]["choices"], str(output["extraction"]).strip()
            if records[pid]["question_type"] != "multi_choice" or "response" not in output or not extraction:
                continue
            read = read_choice(output["response"], choices)
            why = category(read, named_option(extraction, choices), output["response"], choices)
            yield path.stem, why, f"{pid}: read {read}, recorded {extraction!r}: {output['response'][-160:]!r}"


def gllava(folder: Path) -> Iterator[tuple[str, str, str]]:
    """File, category and what differs, for each of G-LLaVA's responses."""
    for line in (folder / "responses.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        choices = [choice[2:] for choice in record["prompt"].split("Choices:\n")[1].split("\n")]
        read = read_choice(record["text"], choices)
        why = category(read, record["official_choice"], record["text"], choices)
        yield "G-LLaVA-7B", why, f"{record['question_id']}: read {read}, recorded {record['official_choice']}"


def free_form(folder: Path) -> Iterator[tuple[str, str, str]]:
    """File, category and what differs, for each free-form response."""
    for line in (folder / "qwen2vl_7b_instruct.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        gold, read = record["ground_truth"], read_answer(record["model_output"])
        right = read is not None and equal(gold, read)
        ours, theirs = ("right" if verdict else "wrong" for verdict in (right, record["is_correct"]))
        why = f"agree: {ours}" if ours == theirs else f"{ours} here, {theirs} by math-verify"
        what = f"{record['index']}: gold {gold!r}, read {read!r}, theirs {record['extracted_answer']!r}"
        yield "Qwen2-VL-7B", why, what


def print_table(title: str, rows: list[tuple[str, str, str]]) -> None:
    """Categories by file, with their share, then each difference."""
    files = sorted({file for file, _, _ in rows})
    counts = Counter((why, file) for file, why, _ in rows)
    print(f"## {title}\n\n| | {' | '.join(files)} | all | share |")
    print(f"| --- |{' ---: |' * (len(files) + 2)}")
    for why in sorted({why for _, why, _ in rows}):
        cells = [counts[why, file] for file in files]
        print(f"| {why} | {' | '.join(map(str, cells))} | {sum(cells)} | {sum(cells) / len(rows):.1%} |")
    agreeing = sum(why.startswith("agree") for _, why, _ in rows)
    print(f"\n{agreeing} of {len(rows)} agree ({agreeing / len(rows):.1%}).\n")
    for file, why, what in rows:
        if not why.startswith("agree"):
            print(f"- {file}, {why}: {what}")
    print()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--real_data",
        type=Path,
        default=os.environ.get("MMGEOLM_REAL_DATA"),
        help="folder of real samples (default: environment variable MMGEOLM_REAL_DATA)",
    )
    folder = parser.parse_args().real_data
    if folder is None or not folder.is_dir():
        parser.error(f"no folder of real samples at {folder}; name it with --real_data or MMGEOLM_REAL_DATA")
    choice = list(mathvista(folder / "mathvista"))
    print_table("MathVista, multiple choice, against the recorded extraction", choice)
    named = [row for row in choice if row[1] != "option read, extraction unusable" and "nor in" not in row[1]]
    same = sum(why.startswith("agree") for _, why, _ in named)
    print(f"Where the extraction names an option: {same} of {len(named)} agree ({same / len(named):.1%}).\n")
    print_table("GeoQA, multiple choice, against the official rule", list(gllava(folder / "geoqa_gllava")))
    print_table("GeoQA, free form, against math-verify's verdicts", list(free_form(folder / "geoqa_r1v")))


if __name__ == "__main__":
    main()
