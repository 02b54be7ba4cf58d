r"""
How many disguised test questions the paper's rule and ours find, and how many innocent ones they drop:

python examples/runs/contamination_check.py --real_data realdata > contamination.md
python examples/runs/contamination_check.py --real_data realdata --model all-MiniLM-L6-v2   # real sentence embeddings

GeoQA's 754 questions are dealt into four parts. The second stands for innocent training questions against the first
as a benchmark, which gives the cosine that 10% of innocent ones pass. Of the third clones are made (every question in
every disguise); they and the fourth, innocent again, give the figures. Among innocent ones are natural near-clones,
for the benchmark holds the same problem with other numbers many times over: they are listed, to be judged by eye.
"""

import argparse
import json
import os
import random
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dataset_builders.negatives.embedding import embed
from evaluation.contamination import Item, near_clones, paper_rule
from evaluation.nearest import nearest

ALARMS = 0.10
"""Innocent questions that the loosest cosine may drop, about as many as our rule takes for near-clones."""

LETTERS = "ABCDEFGHKLMNOPQRSTUVWXYZ"
NOTATION = (
    (r"\btriangle (?=[A-Z])", "△"), (r"\bangle (?=[A-Z\d])", "∠"), (r"\bcircle (?=[A-Z])", "⊙"),
    (r" parallel +", " ∥ "), (r" perpendicular +(?=[A-Z])", " ⊥ "),
)  # fmt: skip
WORDING = (
    (r"^(Known: )?As shown in the figure,? ?(it is known that )?", "In the given diagram, "),
    (r",? ?then the (degree|size) of (.*?) is( equal to)? ?\(\s*\)\.?$", r". What is the measure of \2?"),
    (r",? ?then (the )?(.*?)( is equal to| is| =) ?\(\s*\)\.?$", r". Determine \1\2."),
    (r"\bintersects\b", "meets"), (r" bisects ", " is the bisector of "), (r", if ", ". Given that "),
    (r"(?<=[A-Z]) = (?=\d)", " measures "), (r"is the midpoint of", "is identified as the midpoint of"),
)  # fmt: skip


def other_numbers(text: str, chance: random.Random) -> str:
    """Every number another one."""
    return re.sub(r"\d+\.\d+", lambda found: f"{float(found[0]) + chance.randint(1, 40)}", text)


def other_names(text: str, chance: random.Random) -> str:
    """Every point another letter."""
    names = re.compile(r"(?<![A-Za-z])(?!A [a-z]{3})[A-Z]{1,6}(?![a-z])")
    used = sorted(set("".join(names.findall(text))))
    free = [letter for letter in LETTERS if letter not in used]
    letters = dict(zip(used, chance.sample(free, len(used)), strict=True)) if len(used) <= len(free) else {}
    return names.sub(lambda found: "".join(letters.get(letter, letter) for letter in found[0]), text)


def other_order(text: str, chance: random.Random) -> str:
    """What is given in another order, the question last."""
    first, *given, last = text.split(", ") if text.count(", ") > 2 else (text, "")
    order = given[:]
    while len(set(given)) > 1 and order == given:
        chance.shuffle(order)
    return ", ".join(filter(None, [first, *order, last]))


def other_units(text: str, chance: random.Random) -> str:
    """Symbols for words, degrees and centimetres where none were written."""
    text = re.sub(r"(angle [A-Z\d]+ = [\d.]+?)(\.0)?(?=[,. ])", r"\1°", text)
    text = re.sub(r"((?<![A-Za-z])[A-Z]{2} = [\d.]+?)(\.0)?(?=[,. ])", r"\1 cm", text)
    return replaced(text, NOTATION)


def other_wording(text: str, chance: random.Random) -> str:
    """The turns of phrase of another translator."""
    return replaced(text, WORDING)


def replaced(text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    """The text after all replacements."""
    for pattern, by in pairs:
        text = re.sub(pattern, by, text)
    return text


def everything(text: str, chance: random.Random) -> str:
    """All of them, one after another."""
    for change in (other_order, other_numbers, other_names, other_wording, other_units):
        text = change(text, chance)
    return text


DISGUISES: dict[str, Callable[[str, random.Random], str]] = {
    "numbers": other_numbers,
    "names": other_names,
    "order": other_order,
    "units and notation": other_units,
    "wording": other_wording,
    "all of these": everything,
}


def clones(questions: list[str], seed: int) -> dict[str, list[tuple[int, str]]]:
    """By disguise, place and text of each question that the disguise changes."""
    chance = random.Random(seed)
    made = {}
    for name, change in DISGUISES.items():
        texts = [(place, change(text, chance)) for place, text in enumerate(questions)]
        made[name] = [(place, text) for place, text in texts if text != questions[place]]
    return made


def check_texts(questions: list[str], model: str | None, seed: int) -> None:
    """Recall by disguise and false alarms, for the paper's rule, its best threshold, and ours."""
    order = np.random.default_rng(seed).permutation(len(questions))
    parts = [[questions[place] for place in part] for part in np.array_split(order, 4)]
    made = clones(parts[2], seed)
    disguised = [text for pairs in made.values() for _, text in pairs]
    texts = [text for part in (*parts, disguised) for text in part]
    vectors = np.split(embed(texts, model), np.cumsum([len(part) for part in parts]))
    loose = float(np.quantile(nearest(vectors[1], vectors[0])[0][:, 0], 1 - ALARMS))

    test = [Item(str(place), text) for place, text in enumerate(parts[2])]
    train = [Item(str(place), text) for place, text in enumerate([*disguised, *parts[3]])]
    train_vectors = np.vstack([vectors[4], vectors[3]])
    found = near_clones(test, train)
    flagged = {
        "the paper's rule, 0.995": set(paper_rule(vectors[2], train_vectors).dropped.tolist()),
        "the same, 0.970": set(paper_rule(vectors[2], train_vectors, 0.970).dropped.tolist()),
        f"the same, {loose:.3f}": set(paper_rule(vectors[2], train_vectors, loose).dropped.tolist()),
        "ours": {clone.train for clone in found},
    }
    print(f"## Questions, embedded by {model or 'TF-IDF (the default)'}\n")
    print(f"| dropped, % | {' | '.join(DISGUISES)} | innocent | precision | recall | F1 |")
    print(f"| --- |{' ---: |' * (len(DISGUISES) + 4)}")
    count = len(disguised)
    for rule, dropped in flagged.items():
        start, cells = 0, []
        for pairs in made.values():
            cells.append(100 * np.mean([place in dropped for place in range(start, start + len(pairs))]))
            start += len(pairs)
        hits, alarms = sum(place < count for place in dropped), sum(place >= count for place in dropped)
        precision, recall = hits / max(1, hits + alarms), hits / count
        scores = [100 * precision, 100 * recall, 200 * precision * recall / max(1e-9, precision + recall)]
        cells += [100 * alarms / len(parts[3]), *scores]
        print(f"| {rule} | {' | '.join(f'{cell:.1f}' for cell in cells)} |")
    sizes = ", ".join(f"{name} {len(pairs)}" for name, pairs in made.items())
    print(f"\n{len(test)} test questions, {count} clones ({sizes}), {len(parts[3])} innocent ones.\n")
    print("Innocent ones that ours drops, with the test question it takes them for:\n")
    for clone in found:
        if clone.train >= count:
            signals = ", ".join(clone.signals)
            print(f"- {clone.share:.2f} {signals}: {train[clone.train].text} / {test[clone.test].text}")
    print()


def check_wild(questions: list[str], folder: Path, model: str | None) -> None:
    """What both rules find in real training questions: 30 of GeoQA-R1V-Train-8K."""
    lines = (folder / "geoqa_r1v_train8k_text_sample.jsonl").read_text(encoding="utf-8").splitlines()
    train = [json.loads(line)["messages"][0]["content"] for line in lines]
    vectors = embed([*questions, *train], model)
    dropped = paper_rule(vectors[: len(questions)], vectors[len(questions) :]).dropped
    items = [[Item(str(place), text) for place, text in enumerate(texts)] for texts in (questions, train)]
    found = near_clones(*items)
    print(f"## {len(train)} real training questions against GeoQA's {len(questions)}\n")
    print(f"The paper's rule drops {len(dropped)}; ours {len({clone.train for clone in found})}:\n")
    for clone in found:
        signals, differences = ", ".join(clone.signals), ", ".join(clone.differences)
        print(f"- {clone.share:.2f} {signals}; differ in {differences or 'nothing'}:")
        print(f"  {train[clone.train]} / {questions[clone.test]}")
    print()


def check_facts(archive: Path, seed: int, count: int = 200) -> None:
    """The same for diagrams by their facts: Geometry3K's logic forms, renamed and shuffled, then renumbered."""
    with zipfile.ZipFile(archive) as file:
        forms = json.loads(file.read("logic_forms/diagram_logic_forms_annot.json"))
    all_facts = [tuple(filter(None, form["diagram_logic_forms"])) for form in forms.values()]
    chosen = random.Random(seed).sample([facts for facts in all_facts if len(facts) > 2], 2 * count)
    test, innocent = chosen[:count], chosen[count:]
    print("## Facts of diagrams (Geometry3K's logic forms)\n")
    print(f"{count} diagrams renamed and shuffled, and {count} other ones, %:\n")
    print("| | found | other ones dropped |\n| --- | ---: | ---: |")
    for numbers, text in ((False, ""), (True, ""), (True, "Find x.")):
        chance = random.Random(seed)
        items = [Item(str(place), text, facts=facts) for place, facts in enumerate(test)]
        disguised = [disguised_facts(facts, numbers, chance) for facts in test]
        train = [Item(str(place), text, facts=facts) for place, facts in enumerate([*disguised, *innocent])]
        dropped = {clone.train for clone in near_clones(items, train)}
        found = sum(place < count for place in dropped)
        name = f"{'other' if numbers else 'the same'} numbers, {'all asking for x' if text else 'no question'}"
        print(f"| {name} | {100 * found / count:.1f} | {100 * (len(dropped) - found) / count:.1f} |")


def disguised_facts(facts: tuple[str, ...], numbers: bool, chance: random.Random) -> tuple[str, ...]:
    """The facts with other letters in another order, and with other numbers on request."""
    text = "\n".join(chance.sample(facts, len(facts)))
    point = re.compile(r"(?<![A-Za-z])[A-Z](?![A-Za-z])")
    used = sorted(set(point.findall(text)))
    letters = dict(zip(used, chance.sample(LETTERS, len(used)), strict=True))
    text = point.sub(lambda found: letters[found[0]], text)
    if numbers:
        text = re.sub(r"(?<![\w.])\d+(?![\w.])", lambda found: str(int(found[0]) + chance.randint(1, 40)), text)
    return tuple(text.split("\n"))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real_data", type=Path, default=os.environ.get("MMGEOLM_REAL_DATA"))
    parser.add_argument("--model", help="a sentence-transformers model: a name on the Hub or a folder")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    folder = args.real_data
    if folder is None or not folder.is_dir():
        parser.error(f"no folder of real samples at {folder}; name it with --real_data or MMGEOLM_REAL_DATA")
    lines = (folder / "geoqa_r1v/geoqa_test_prompts.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    check_texts(questions, args.model, args.seed)
    check_wild(questions, folder / "geoqa_r1v", args.model)
    check_facts(folder / "geometry3k/logic_forms_all3002.zip", args.seed)


if __name__ == "__main__":
    main()
