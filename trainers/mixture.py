"""Which record comes when: data sets mixed by weight, in stages, the same for any number of workers and processes."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from modeling_mmclip.loss import CANDIDATES

from .data_collator import BadRecord, caption_problem, listed


@dataclass
class Stage:
    """A part of training.

    Args:
        share (`float`): its part of all training steps; the shares of all stages need not add up to 1.
        candidates (`str`, *optional*): `hard`, `in_batch` or `hybrid`; that of the training arguments if absent.
        mixture (`dict[str, float]`, *optional*): weights of the data sets to draw from; all by size if absent.
    """

    share: float = 1.0
    candidates: str | None = None
    mixture: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.share, int | float) or not 0 < self.share < math.inf:
            raise ValueError(f"A stage has `share={self.share!r}`; it must be a positive number.")
        if self.candidates is not None and self.candidates not in CANDIDATES:
            raise ValueError(
                f"A stage has `candidates={self.candidates!r}`; it must be one of {', '.join(CANDIDATES)}."
            )
        if not isinstance(self.mixture, dict) or not all(isinstance(w, int | float) for w in self.mixture.values()):
            raise ValueError(
                f"You set `mixture={self.mixture!r}`; it must give a number for each name, as in "
                '`{"exams": 0.7, "books": 0.3}`.'
            )
        if not all(0 <= weight < math.inf for weight in self.mixture.values()) or (
            self.mixture and not sum(self.mixture.values())
        ):
            raise ValueError(f"You set `mixture={self.mixture}`; weights must be finite, 0 or more, and not all 0.")


class TrainingRecords(Dataset):
    """Training records in the order of a mixture, each marked with its draw and its stage's candidates.

    Args:
        datasets (`dict[str, Dataset]`): map-style data sets by name.
        stages (`list[Stage]`): one after the other. A single stage over a single data set keeps the data set's own
            positions, and leaves shuffling to the sampler.
        candidates (`str`): for stages that name none.
        length (`int`): records per epoch; rounded up to full batches where several data sets or stages are ordered.
        total (`int`): records in the whole training; the stages share them.
        batch_size (`int`): records per step, over all processes; stages change between steps only.
        seed (`int`): of every draw.

    Each data set is gone through in a fresh random order as often as its share of the draws asks for.
    """

    def __init__(
        self,
        datasets: dict[str, Any],
        stages: list[Stage],
        candidates: str,
        length: int,
        total: int,
        batch_size: int,
        seed: int,
    ):
        self.datasets = list(datasets.values())
        self.in_given_order = len(self.datasets) > 1 or len(stages) > 1
        if self.in_given_order:
            # An epoch ends with a full batch: after a part of one, stages would change within batches, and two
            # processes could be in two stages at the same step.
            length = math.ceil(length / batch_size) * batch_size
        self.length = length
        self.stage_candidates = [stage.candidates or candidates for stage in stages]
        names = list(datasets)
        weights = [stage_weights(stage, names, self.datasets) for stage in stages]
        # In shared memory, so that workers that live longer than an epoch see it change.
        self.epoch = torch.zeros((), dtype=torch.long).share_memory_()
        if self.in_given_order:
            epochs = math.ceil(total / length)
            self.stage_of = stage_of_position([stage.share for stage in stages], total, batch_size, epochs * length)
            self.dataset_of, self.row_of = draw_rows(self.stage_of, weights, self.datasets, seed)

    def __len__(self) -> int:
        return self.length

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next records are for, counted from 0."""
        self.epoch.fill_(epoch)

    def __getitem__(self, position: int) -> dict[str, Any]:
        epoch = int(self.epoch)
        draw = (epoch, position)
        if not self.in_given_order:
            return {**self.datasets[0][position], "_draw": draw, "_candidates": self.stage_candidates[0]}
        place = (epoch * self.length + position) % len(self.row_of)
        record = self.datasets[self.dataset_of[place]][int(self.row_of[place])]
        return {**record, "_draw": draw, "_candidates": self.stage_candidates[self.stage_of[place]]}


def stage_weights(stage: Stage, names: list[str], datasets: list[Any]) -> np.ndarray:
    """Probability of each data set in a stage; raises `ValueError` for a name that is not among them."""
    if unknown := sorted(set(stage.mixture) - set(names)):
        raise ValueError(f"A mixture names the data set {unknown[0]!r}; the data sets are {', '.join(names)}.")
    weights = [
        stage.mixture.get(name, 0.0) if stage.mixture else len(data)
        for name, data in zip(names, datasets, strict=True)
    ]
    return np.asarray(weights, dtype=float) / sum(weights)


def stage_of_position(shares: list[float], total: int, batch_size: int, positions: int) -> np.ndarray:
    """The stage of each position, int32 of shape `(positions,)`; stages change at multiples of the batch size."""
    ends = np.cumsum(shares) / sum(shares) * total
    ends = np.round(ends / batch_size).astype(np.int64) * batch_size
    return np.minimum(np.searchsorted(ends, np.arange(positions), side="right"), len(shares) - 1).astype(np.int32)


def draw_rows(
    stage_of: np.ndarray, weights: list[np.ndarray], datasets: list[Any], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Which data set and which of its rows each position takes, both of shape `(positions,)`."""
    rng = np.random.default_rng([seed, 0])
    uniform = rng.random(len(stage_of))
    dataset_of = np.zeros(len(stage_of), dtype=np.int32)
    for stage, weight in enumerate(weights):
        here = stage_of == stage
        dataset_of[here] = np.searchsorted(np.cumsum(weight)[:-1], uniform[here], side="right")
    row_of = np.zeros(len(stage_of), dtype=np.int64)
    for number, data in enumerate(datasets):
        here = np.flatnonzero(dataset_of == number)
        passes = math.ceil(len(here) / len(data))
        shuffles = [np.random.default_rng([seed, 1, number, turn]).permutation(len(data)) for turn in range(passes)]
        row_of[here] = np.concatenate([*shuffles, np.empty(0, dtype=np.int64)])[: len(here)]
    return dataset_of, row_of


class EvaluationRecords(Dataset):
    """Evaluation records with the captions of `num_random` others added as negatives of kind `random`.

    They are drawn once, by seed and position, so that they are the same at each evaluation: what the encoder knew
    about random captions before and after training can be compared.
    """

    def __init__(self, dataset: Any, captions: Iterable[str], num_random: int, seed: int):
        self.dataset = dataset
        # A bad record is left out later; its caption must not make the others bad.
        usable = (caption for caption in captions if caption_problem(caption) is None)
        self.captions = list(dict.fromkeys(usable))
        self.num_random = num_random
        self.seed = seed

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, position: int) -> dict[str, Any]:
        record = dict(self.dataset[position])
        try:
            captions = listed(record, "negative_captions")
            kinds = listed(record, "negative_caption_kinds") or ["rule"] * len(captions)
        except BadRecord:
            return record  # the collator leaves it out and names it
        taken = {text for text in (record.get("caption"), *captions) if isinstance(text, str)}
        rng = np.random.default_rng([self.seed, position])
        # As many more as may have to be thrown out again.
        size = min(len(self.captions), self.num_random + len(taken))
        drawn = (self.captions[i] for i in rng.choice(len(self.captions), size, replace=False, shuffle=False))
        others = [caption for caption in drawn if caption not in taken][: self.num_random]
        record["negative_captions"] = [*captions, *others]
        record["negative_caption_kinds"] = [*kinds, *["random"] * len(others)]
        return record
