"""The quickstart's last part: a small MMGeoLM on each encoder, and what they answer about diagrams they have not seen.

A language model of words is trained from scratch on talks without pictures, once. Then, for each encoder: assemble,
alignment on captions and labels, SFT of projector and language model on conversations about diagrams, LoRA SFT on more
of them, merging, answering.

SFT of the whole language model comes first, since one of this size has never learned to look anything up: adapters on
it, as in the paper's recipe for LLMs of 7B, would learn less in the same time. The encoder's tower is never trained
here: what the LMM sees is what the encoder has learned. A diagram has several questions, whose answers share the cost
of looking at it.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from PIL import Image
from transformers import PreTrainedTokenizerFast, PrinterCallback

from dataset_builders.diagram.blind_answers import blind_accuracy
from dataset_builders.diagram.program import parse
from dataset_builders.diagram.questions import question_records
from dataset_builders.diagram_sets import look_alike_groups
from dataset_builders.instructions import instructions_dataset
from evaluation.retrieval import resampled_means
from mmgeolm.answering import answer, load_lmm
from mmgeolm.assembly import assemble
from mmgeolm.merging import merge
from mmgeolm.sft_options import AlignArguments, SFTArguments
from mmgeolm.stages import StageTrainer, save, stage_trainer
from mmgeolm.tiny_lmm import FewWordsLoss, quiet_settings, talk, train_tiny_llm
from mmgeolm.tiny_optimizer import tiny_optimizer
from trainers.sft_config import AlignmentConfig, InstructionConfig

DESCRIBE = "Describe the diagram."
LABELS = "Which letters and numbers are there?"
FOLDER = "lmm"
_ANSWERS = "answers.json"
_MADE = "made.json"
_SEED = 3000  # diagrams that no encoder was trained or ranked on
_TURNS = 6  # most questions about a diagram that is trained on
_BATCH = 16


@dataclass(frozen=True)
class LMMSize:
    """How much a small MMGeoLM learns from, and how many questions it is asked.

    Attributes:
        talks (`int`): conversations that the language model reads without their diagrams, besides the captions.
        captions (`int`): diagrams with caption and labels for alignment.
        diagrams (`int`): with up to six questions each, for SFT of projector and language model.
        lora_diagrams (`int`): further ones, for LoRA SFT.
        asked (`int`): held-out questions, each with a diagram of its own.
        blind (`int`): further ones, on which the blind answers are learned and counted.
    """

    talks: int
    captions: int
    diagrams: int
    lora_diagrams: int
    asked: int
    blind: int


def lmm_size(steps: int, asked: int) -> LMMSize:
    """What takes half as long as the training of an encoder, on the same core.

    Args:
        steps (`int`): of the encoder's training, as of a regime of cost 1.
        asked (`int`): held-out questions.
    """
    return LMMSize(
        talks=2 * steps,
        captions=2 * steps,
        diagrams=16 * steps,
        lora_diagrams=2 * steps,
        asked=asked,
        blind=max(3 * asked, 1_000),
    )


def prepare(output_dir: str | Path, size: LMMSize, seed: int, num_proc: int = 1) -> Path:
    """Draw the data and train the language model, which all encoders share; what is there already is taken up.

    Args:
        output_dir (`str` or `Path`): of the quickstart.
        size ([`LMMSize`]): how much.
        seed (`int`): of data and weights.
        num_proc (`int`, *optional*, defaults to `1`): processes that draw questions.

    Returns:
        The folder, with `llm` and, in `data`, the Instructions `captions`, `full` and `lora` and the Questions `asked`
        and `blind`.
    """
    folder = Path(output_dir) / FOLDER
    settings = {**asdict(size), "seed": seed}
    made(folder / "data", settings, partial(_draw, size=size, seed=seed, num_proc=num_proc))
    made(folder / "llm", settings, partial(_read_talks, data=folder / "data", size=size, seed=seed))
    return folder


def shared_seconds(folder: Path) -> dict[str, float]:
    """Processor time in seconds of what [`prepare`] has made in a folder: `data` and `llm`."""
    return {part: json.loads((folder / part / _MADE).read_text())["cpu_seconds"] for part in ("data", "llm")}


def train_and_ask(tower: str | Path, folder: Path, size: LMMSize, seed: int) -> dict[str, Any]:
    """Make an MMGeoLM of an encoder and the language model of [`prepare`], train it, and ask it.

    It is saved in `folder/NAME OF THE TOWER/merged`; parts that are there already, from the same settings and the same
    weights of the encoder, are taken up.

    Args:
        tower (`str` or `Path`): folder of the encoder.
        folder (`Path`): from [`prepare`].
        size ([`LMMSize`]): how much.
        seed (`int`): of the projector, the adapters and the order.

    Returns:
        `answers` and `blank` (answers to the same questions about blank paper), in the order of the questions, and
        `cpu_seconds`, the processor time of each part.
    """
    torch.set_num_threads(1)
    tower = Path(tower)
    own, data = folder / tower.name, folder / "data"
    weights = hashlib.sha256((tower / "model.safetensors").read_bytes()).hexdigest()
    llm = hashlib.sha256((folder / "llm" / "model.safetensors").read_bytes()).hexdigest()
    settings = {**asdict(size), "seed": seed, "tower": weights, "llm": llm}
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / "llm")
    own.mkdir(parents=True, exist_ok=True)

    def assembled(path: Path) -> None:
        assemble(tower, folder / "llm", path, tokenizer=tokenizer, seed=seed)

    def aligned(path: Path) -> None:
        config = AlignmentConfig(str(path), **_stage_settings(seed, 3e-3))
        _train(AlignArguments(model=str(own / "assembled"), data=[str(data / "captions")]), config)

    def tuned(path: Path) -> None:
        config = InstructionConfig(str(path), **_stage_settings(seed, 3e-3))
        _train(SFTArguments(model=str(own / "aligned"), data=[str(data / "full")], train="frozen_tower"), config)

    def adapted(path: Path) -> None:
        options = {"train": "lora", "lora_r": 32, "lora_alpha": 64, "lora_dropout": 0.0}
        config = InstructionConfig(str(path), **_stage_settings(seed, 1e-3))
        _train(SFTArguments(model=str(own / "tuned"), data=[str(data / "lora")], **options), config)

    def merged(path: Path) -> None:
        merge(str(own / "adapter"), str(path))

    def answered(path: Path) -> None:
        asked = datasets.load_from_disk(str(data / "asked"))
        model, processor = load_lmm(own / "merged")
        model.set_attn_implementation("eager")
        images, questions = asked["image"][:], asked["question"][:]
        paper = [Image.new("L", image.size, 255) for image in images]
        ask = partial(answer, model, processor, questions=questions, batch_size=50, max_new_tokens=8)
        found = {"answers": ask(images), "blank": ask(paper)}
        path.mkdir(parents=True, exist_ok=True)
        (path / _ANSWERS).write_text(json.dumps(found), encoding="utf-8")

    parts = {"assembled": assembled, "aligned": aligned, "tuned": tuned, "adapter": adapted, "merged": merged}
    seconds = {name: made(own / name, settings, make) for name, make in {**parts, "answers": answered}.items()}
    found = json.loads((own / "answers" / _ANSWERS).read_text(encoding="utf-8"))
    return {**found, "cpu_seconds": seconds}


def made(folder: Path, settings: dict[str, Any], make: Callable[[Path], None]) -> float:
    """Have a folder made, unless an earlier run has finished it with the same settings.

    Args:
        folder (`Path`): what is in it from other settings, or unfinished, is deleted.
        settings (`dict`): all that it depends on, as JSON.
        make (`Callable`): fills the folder.

    Returns:
        Processor time in seconds that it took, now or then, its child processes included.
    """
    mark = folder / _MADE
    if mark.exists():
        kept = json.loads(mark.read_text(encoding="utf-8"))
        if kept["settings"] == settings:
            return kept["cpu_seconds"]
    shutil.rmtree(folder, ignore_errors=True)
    start = sum(os.times()[:4])
    make(folder)
    seconds = sum(os.times()[:4]) - start
    # Written last: a folder without it was left unfinished.
    mark.write_text(json.dumps({"settings": settings, "cpu_seconds": seconds}), encoding="utf-8")
    return seconds


def lmm_scores(folder: Path, found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What share of the questions was answered right, by form and in all, in percent.

    Args:
        folder (`Path`): from [`prepare`].
        found (`dict`): what [`train_and_ask`] returns, by name of the encoder; the one that others are compared with
            first.

    Returns:
        By form, and for `all`: `count`, `majority` and `text` (see
        [`~dataset_builders.diagram.blind_answers.blind_accuracy`]), and for each encoder `accuracy` with its 95%
        bootstrap interval, `blank` (the same LMM before blank paper), and for all but the first `over`, the paired
        difference to the first, with its interval.
    """
    asked = datasets.load_from_disk(str(folder / "data" / "asked"))
    forms = np.array([category[0] for category in asked["category"][:]])
    right = asked["answer"][:]
    blind = blind_accuracy(datasets.load_from_disk(str(folder / "data" / "blind")))
    hits = {name: _hits(answers["answers"], right) for name, answers in found.items()}
    blank = {name: _hits(answers["blank"], right) for name, answers in found.items()}
    first = next(iter(found))
    table: dict[str, Any] = {}
    for form in ("all", *sorted(set(forms.tolist()))):
        chosen = np.ones(len(forms), bool) if form == "all" else forms == form
        # A form asked so rarely that one half of the questions lacks it has no blind answer.
        row: dict[str, Any] = {"count": int(chosen.sum())}
        row |= {name: 100 * blind[form][name] if form in blind else None for name in ("majority", "text")}
        for name in found:
            row[name] = {**_mean(hits[name][chosen]), "blank": float(100 * blank[name][chosen].mean())}
            if name != first:
                row[name]["over"] = _mean(hits[name][chosen] - hits[first][chosen])
        table[form] = row
    return table


def lmm_table(scores: dict[str, Any], found: dict[str, dict[str, Any]]) -> str:
    """Markdown: accuracy in percent with 95% intervals, a row for each form of question, a column for each encoder."""
    first, *others = found
    head = ["answers right (%)", "questions", "majority", "words", *(f"{name} before blank paper" for name in found)]
    head += [*found, *(f"{name} − {first}" for name in others)]
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for form, row in scores.items():
        cells = [form, str(row["count"])]
        cells += ["" if row[name] is None else f"{row[name]:.1f}" for name in ("majority", "text")]
        cells += [f"{row[name]['blank']:.1f}" for name in found]
        cells += ["{accuracy:.1f} ({low:.1f}–{high:.1f})".format(**row[name]) for name in found]
        cells += ["{accuracy:+.1f} ({low:+.1f} to {high:+.1f})".format(**row[name]["over"]) for name in others]
        lines.append(f"| {' | '.join(cells)} |")
    times = [f"{sum(answers['cpu_seconds'].values()):.0f} s" for answers in found.values()]
    empty = " |" * (3 + len(found))
    lines.append(f"| training and answering, processor time |{empty} {' | '.join(times)} |{' |' * len(others)}")
    lines.append(
        "\nA small LMM on each encoder, asked about held-out diagrams; 95% bootstrap intervals over questions (of the "
        "difference: paired). Blind: `majority`, the form's most frequent answer, and `words`, a classifier of the "
        "question's words, both learned and counted on two halves of further questions; `before blank paper`, the "
        "same LMM without the diagram."
    )
    return "\n".join(lines)


def labels(program: str) -> str:
    """What is written in a diagram: its letters in alphabetical order, then its numbers, the smallest first."""
    parsed = parse(program)
    numbers = sorted({statement.value for statement in parsed.statements if statement.verb.startswith("mark_")})
    return " ".join([*sorted(parsed.points), *map(str, numbers)])


def _draw(folder: Path, size: LMMSize, seed: int, num_proc: int) -> None:
    number = size.diagrams + size.lora_diagrams
    sets = question_records(number, seed + _SEED, size.asked, turns=_TURNS, num_proc=num_proc)
    sets["instructions"].select(range(size.diagrams)).save_to_disk(str(folder / "full"))
    sets["instructions"].select(range(size.diagrams, number)).save_to_disk(str(folder / "lora"))
    sets["questions"].save_to_disk(str(folder / "asked"))
    blind = question_records(0, seed + _SEED + 1, size.blind, num_proc=num_proc)["questions"]
    blind.save_to_disk(str(folder / "blind"))
    groups = look_alike_groups(size.captions, 1, seed + _SEED)
    scenes = zip(groups.images, groups.captions, groups.programs, strict=True)
    records = (
        {
            "id": f"caption-{number}",
            "images": [Image.fromarray(image)],
            "messages": talk((DESCRIBE, caption), (LABELS, labels(program))),
            "source": "generated diagrams",
        }
        for number, ((image,), (caption,), (program,)) in enumerate(scenes)
    )
    instructions_dataset(records, "generated diagrams")[0].save_to_disk(str(folder / "captions"))


def _read_talks(folder: Path, data: Path, size: LMMSize, seed: int) -> None:
    talks = [
        *datasets.load_from_disk(str(data / "captions"))["messages"],
        *datasets.load_from_disk(str(data / "full"))["messages"][: size.talks],
    ]
    order = np.random.default_rng(seed).permutation(len(talks))
    train_tiny_llm([talks[i] for i in order], folder, seed)


def _stage_settings(seed: int, learning_rate: float) -> dict[str, Any]:
    return {
        "num_train_epochs": 1,
        "per_device_train_batch_size": _BATCH,
        "learning_rate": learning_rate,
        "warmup_steps": 0.05,
        "train_sampling_strategy": "random",
        **quiet_settings(seed),
    }


class TinyStageTrainer(FewWordsLoss, StageTrainer):
    """Trains a stage of an LMM that knows few words."""


def _train(script: AlignArguments | SFTArguments, args: InstructionConfig) -> None:
    """A stage as `mmgeolm align` and `mmgeolm sft` run it, made fit for a CPU that computes in bfloat16."""
    # Weights stay float32: on a CPU, layer norms with bfloat16 weights take no float32 input (torch 2.13). What is
    # computed in bfloat16 goes by `mixed_precision`, which `bf16` has set already.
    args.bf16 = False
    trainer = stage_trainer(script, args, trainer_class=TinyStageTrainer)
    # The backward pass of torch's fused attention takes half of a step in bfloat16 on a CPU (torch 2.13).
    trainer.model.set_attn_implementation("eager")
    if getattr(script, "train", "") != "lora":
        trainer.optimizer = tiny_optimizer(trainer.model, args.learning_rate)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    save(trainer)


def _hits(answers: Sequence[str], right: Sequence[str]) -> np.ndarray:
    return np.array([said.strip() == answer for said, answer in zip(answers, right, strict=True)], float)


def _mean(values: np.ndarray) -> dict[str, float]:
    low, high = np.percentile(resampled_means(values[None], 2000, 0), [2.5, 97.5])
    return {"accuracy": float(100 * values.mean()), "low": float(100 * low), "high": float(100 * high)}
