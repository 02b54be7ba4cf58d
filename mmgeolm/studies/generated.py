"""Studies on generated diagrams: small encoders from scratch, a small language model on each, everything resumable.

`original` stands for a pre-trained CLIP: trained in batch on random pairs of diagram and caption. Every other row is
trained further from it, on as many steps of as many anchors. Its language model is asked about held-out diagrams:
*closed* questions (yes or no, which shape), which stand for the multiple choice of GeoQA, and *open* ones (a number, a
name), which stand for MM-Math.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from transformers import PrinterCallback, set_seed

from dataset_builders.diagram.blind_answers import blind_accuracy
from dataset_builders.diagram_sets import Groups
from evaluation import ranking_scores
from evaluation.robustness import distort
from mmgeolm.answering import answer, load_lmm
from mmgeolm.quickstart_lmm import LMMSize, lmm_size, made, prepare, train_and_ask
from mmgeolm.regimes import SceneRecords, multiplies_bfloat16
from mmgeolm.studies.definitions import RANKED, Study, Tower, ordered_towers
from mmgeolm.studies.generated_data import (
    GROUP,
    draw_ranked,
    draw_scenes,
    negatives_of,
    read_ranked,
    read_scenes,
    without_ranked,
)
from mmgeolm.studies.grid import Job, run_grid
from mmgeolm.studies.scales import Scale
from mmgeolm.tiny import tiny_encoder
from modeling_mmclip import MMCLIPModel, MMCLIPProcessor
from trainers import MMCLIPTrainer, MMCLIPTrainingArguments

CLOSED = ("yes_no", "triangle", "quadrilateral")
"""Answer types, and forms of question, of which there are but a few answers."""
ORIGINAL_PAIRS = 192  # pairs in a step of the original
LMM_SEED = 0  # the same questions and the same language model for all rows


@dataclass(frozen=True)
class Found:
    """What a study found.

    Attributes:
        hits (`dict[str, dict[str, np.ndarray]]`): by tower and ranked set the scores of each seed, `(S, R, 1 + K)`.
        right (`dict[str, dict[str, np.ndarray]]`): by tower and distortion (`""`: none) whether each question was
            answered right, `(S, Q)`; empty without a language model.
        closed (`np.ndarray` of shape `(Q,)`): which questions are closed.
        blind (`dict[str, float]`): share of closed and of open questions answered right without a look, 0 to 1.
        seconds (`dict[str, float]`): processor time by tower, of all seeds.
    """

    hits: dict[str, dict[str, np.ndarray]]
    right: dict[str, dict[str, np.ndarray]]
    closed: np.ndarray
    blind: dict[str, float]
    seconds: dict[str, float]


def run_generated(
    studies: Sequence[Study], scale: Scale, folder: str | Path, processes: int, initializer: Any = None
) -> dict[str, Found]:
    """Draw, train, rank and ask all that the studies need, each part once, and gather it by study.

    Args:
        studies (sequence of [`Study`]): towers that several of them need are trained once.
        scale ([`Scale`]): how much.
        folder (`str` or `Path`): keeps every part; what is there from the same settings is taken up.
        processes (`int`): that share the work.
        initializer (*optional*): see [`run_grid`].
    """
    folder = Path(folder)
    grid = partial(run_grid, processes=processes, initializer=initializer)
    seeds = range(scale.seeds)
    waves = ordered_towers(list(studies))
    towers = [tower for wave in waves for tower in wave]
    scenes = [(seed, name) for seed in seeds for name in sorted({name for tower in towers for name in _scenes(tower)})]
    # With more processes than sets, several draw one set.
    share = max(1, processes // (1 + len(scenes)))
    grid(
        [Job("ranked sets", make_ranked, (folder, scale))]
        + [Job(f"{name}, seed {seed}", make_scenes, (folder, scale, seed, name, share)) for seed, name in scenes]
    )
    seconds: dict[str, float] = {}
    for wave in waves:
        jobs = [
            Job(f"{tower.name}, seed {seed}", make_tower, (tower, folder, scale, seed))
            for tower in wave
            for seed in seeds
        ]
        took = np.reshape(grid(jobs), (len(wave), scale.seeds)).sum(axis=1)
        seconds |= dict(zip((tower.name for tower in wave), took.tolist(), strict=True))
    asked = {tower.name: tower for study in studies if study.lmm for tower in study.towers}
    distortions: dict[str, tuple[str, ...]] = dict.fromkeys(asked, ("",))
    for study in studies:
        for tower in study.towers if study.lmm else ():
            distortions[tower.name] = tuple(dict.fromkeys((*distortions[tower.name], *study.distortions)))
    if asked:
        prepare(folder, size_of(scale), LMM_SEED, num_proc=processes)
        jobs = [
            Job(f"{name}, seed {seed}: questions", make_answers, (tower, folder, scale, seed, distortions[name]))
            for name, tower in asked.items()
            for seed in seeds
        ]
        took = np.reshape(grid(jobs), (len(asked), scale.seeds)).sum(axis=1)
        for name, more in zip(asked, took.tolist(), strict=True):
            seconds[name] += more
    return {study.name: _gathered(study, folder, scale, seconds) for study in studies}


def tower_folder(folder: Path, name: str, seed: int) -> Path:
    """Where the encoder of a row lies."""
    return folder / "towers" / f"{slug(name)}-{seed}"


def slug(name: str) -> str:
    """A row's name as the name of a file."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def make_ranked(folder: Path, scale: Scale) -> float:
    """The sets that are ranked, in `folder/ranked`."""
    return made(folder / "ranked", {"ranked": scale.ranked}, partial(_into, draw_ranked, scale=scale))


def make_scenes(folder: Path, scale: Scale, seed: int, name: str, num_proc: int = 1) -> float:
    """What the encoders of a seed are trained on, in `folder/scenes`; drawn by `num_proc` processes."""
    settings = {"records": scale.records, "seed": seed}
    draw = partial(_into, draw_scenes, scale=scale, seed=seed, name=name, num_proc=num_proc)
    return made(scenes_folder(folder, seed, name), settings, draw)


def make_tower(tower: Tower, folder: Path, scale: Scale, seed: int) -> float:
    """Train an encoder and rank with it; see [`tower_folder`]. Returns the processor time that it took."""
    torch.set_num_threads(1)
    parent = None if tower.parent is None else tower_folder(folder, tower.parent, seed)
    sizes = ("original_steps", "steps", "anchors", "records", "ranked", "width", "learning_rate")
    settings = {name: getattr(scale, name) for name in sizes} | {"tower": repr(tower), "seed": seed}
    if parent is not None:
        settings["parent"] = _digest(parent)

    def make(path: Path) -> None:
        model, processor = _trained(tower, parent, path, folder, scale, seed)
        scores = {
            name: ranking_scores(model, processor, part.images, part.captions)
            for name, part in read_ranked(folder / "ranked", RANKED).items()
        }
        np.savez(path / "scores.npz", **scores)

    return made(tower_folder(folder, tower.name, seed), settings, make)


def make_answers(tower: Tower, folder: Path, scale: Scale, seed: int, distortions: Sequence[str]) -> float:
    """Train a language model on an encoder and ask it, with plain and with distorted diagrams.

    Returns the processor time that it took.
    """
    path = tower_folder(folder, tower.name, seed)
    found = train_and_ask(path, folder / "lmm", size_of(scale), seed)
    seconds = sum(found["cpu_seconds"].values())
    for name in distortions:
        kept = folder / "lmm" / path.name / "distorted" / (name or "none")
        settings = {"seed": seed, "asked": scale.asked, "lmm": _digest(folder / "lmm" / path.name / "merged")}
        seconds += made(kept, settings, partial(_ask, found=found, lmm=folder / "lmm", name=name, tower=path.name))
    return seconds


def _ask(path: Path, found: dict[str, Any], lmm: Path, name: str, tower: str) -> None:
    answers = found["answers"]
    if name:
        asked = datasets.load_from_disk(str(lmm / "data" / "asked"))
        model, processor = load_lmm(lmm / tower / "merged")
        model.set_attn_implementation("eager")
        images = [distort(image, name, seed=number) for number, image in enumerate(asked["image"][:])]
        answers = answer(model, processor, images, asked["question"][:], batch_size=50, max_new_tokens=8)
    path.mkdir(parents=True, exist_ok=True)
    (path / "answers.json").write_text(json.dumps(answers), encoding="utf-8")


def size_of(scale: Scale) -> LMMSize:
    """How much the small language models learn from, and how much they are asked."""
    return lmm_size(scale.lmm_steps, scale.asked)


def _into(draw: Any, path: Path, **arguments: Any) -> None:
    path.mkdir(parents=True, exist_ok=True)
    draw(path, **arguments)


def scenes_folder(folder: Path, seed: int, name: str) -> Path:
    """Where the scenes of a seed lie."""
    return folder / "scenes" / f"{name}-{seed}"


def _scenes(tower: Tower) -> set[str]:
    """Names of the scenes that a tower is trained on."""
    names = {"singles"}
    for negatives in tower.negatives:
        if negatives.kind in ("rule", "image"):
            names.add("look_alikes" if negatives.markings else "letters")
    return names


@lru_cache(maxsize=4)
def _read(folder: Path, seed: int, name: str) -> Groups:
    """Scenes to train on, without what is ranked; several towers of a process share them."""
    return without_ranked(read_scenes(scenes_folder(folder, seed, name)), folder / "ranked", RANKED)


def _trained(
    tower: Tower, parent: Path | None, path: Path, folder: Path, scale: Scale, seed: int
) -> tuple[MMCLIPModel, MMCLIPProcessor]:
    set_seed(seed)
    singles = _read(folder, seed, "singles")
    if parent is None:
        vocabulary = [caption for group in singles.captions for caption in group]
        model, processor = tiny_encoder(vocabulary, width=scale.width)
        data = {"random": SceneRecords(singles, "random")}
        steps, batch, rate = scale.original_steps, ORIGINAL_PAIRS, 1e-3
    else:
        model, processor = MMCLIPModel.from_pretrained(parent), MMCLIPProcessor.from_pretrained(parent)
        # In bfloat16 on a CPU, the backward pass of torch's fused attention takes two thirds of a step (torch 2.13).
        model.set_attn_implementation("eager")
        data = {}
        for negatives in tower.negatives:
            name = "look_alikes" if negatives.markings else "letters"
            groups = _read(folder, seed, name) if negatives.kind in ("rule", "image") else None
            data[f"{negatives.kind}-{negatives.number}"] = negatives_of(
                negatives, singles, groups, scale.records, tower.candidates, seed
            )
        # As many images and captions in a step as the others have.
        pairs = tower.candidates == "in_batch" and tower.negatives[0].kind == "random"
        steps, batch, rate = scale.steps, scale.anchors * (GROUP if pairs else 1), scale.learning_rate
    candidates = "in_batch" if parent is None else tower.candidates
    gpu = torch.cuda.is_available()
    args = MMCLIPTrainingArguments(
        str(path),
        max_steps=steps,
        per_device_train_batch_size=batch,
        candidates=candidates,
        mixture=dict.fromkeys(data, 1.0),
        learning_rate=rate,
        weight_decay=0.05,
        adam_beta2=0.98,
        warmup_steps=0.1,
        logging_strategy="no",
        save_strategy="no",
        use_cpu=not gpu,
        bf16=gpu or multiplies_bfloat16(),
        seed=seed,
        disable_tqdm=True,
        report_to="none",
    )
    trainer = MMCLIPTrainer(model, args, train_dataset=data, processing_class=processor)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    trainer.save_model()
    return model, processor


def _digest(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def _gathered(study: Study, folder: Path, scale: Scale, seconds: dict[str, float]) -> Found:
    hits: dict[str, dict[str, np.ndarray]] = {}
    right: dict[str, dict[str, np.ndarray]] = {}
    closed, blind, answers = np.zeros(0, bool), {}, []
    if study.lmm:
        asked = datasets.load_from_disk(str(folder / "lmm" / "data" / "asked"))
        answers = asked["answer"][:]
        forms = [category[0] for category in asked["category"][:]]
        kinds = asked["answer_type"][:]
        closed = np.array([kind in CLOSED or form in CLOSED for kind, form in zip(kinds, forms, strict=True)])
        found = blind_accuracy(datasets.load_from_disk(str(folder / "lmm" / "data" / "blind")))
        rates = np.array([max(found[form]["majority"], found[form]["text"]) if form in found else 0 for form in forms])
        blind = {"closed": float(rates[closed].mean()), "open": float(rates[~closed].mean())}
    for tower in study.towers:
        runs = [np.load(tower_folder(folder, tower.name, seed) / "scores.npz") for seed in range(scale.seeds)]
        hits[tower.name] = {name: np.stack([run[name] for run in runs]) for name in RANKED}
        if study.lmm:
            right[tower.name] = {
                name: np.array([_right(folder, tower.name, seed, name, answers) for seed in range(scale.seeds)])
                for name in ("", *study.distortions)
            }
    times = {tower.name: seconds[tower.name] for tower in study.towers}
    return Found(hits, right, closed, blind, times)


def _right(folder: Path, name: str, seed: int, distortion: str, answers: Sequence[str]) -> list[bool]:
    tower = tower_folder(folder, name, seed).name
    path = folder / "lmm" / tower / "distorted" / (distortion or "none") / "answers.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    return [text.strip() == answer for text, answer in zip(said, answers, strict=True)]
