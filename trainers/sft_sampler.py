"""Batches of records of about the same length, with images or without, never both in one step."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

_WINDOW = 50  # steps whose records are sorted together: the longer, the less padding and the less chance


class ModalityLengthSampler(Sampler[int]):
    """The order of records in which each step has records of about the same length and of one modality.

    Equal lengths save padding. One modality is more than a matter of speed: where parameters are sharded (ZeRO-3,
    FSDP), a process whose records have no image does not gather the tower's, and the others wait for it forever.

    To have only whole steps, each modality is filled up with records of it that come again in the same epoch, less
    than a step's worth. Order depends on `seed` and epoch alone, so it is the same in each process and after a resume.

    Args:
        lengths (`Sequence[int]`): in tokens.
        with_images (`Sequence[bool]`): whether a record has any.
        step_size (`int`): records per optimizer step, over all processes and accumulated batches.
        seed (`int`): of the order.
    """

    def __init__(self, lengths: Sequence[int], with_images: Sequence[bool], step_size: int, seed: int):
        self.lengths = np.asarray(lengths)
        with_images = np.asarray(with_images, dtype=bool)
        self.modalities = [rows for rows in (np.flatnonzero(with_images), np.flatnonzero(~with_images)) if len(rows)]
        self.step_size, self.seed, self.epoch = step_size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next order is for, counted from 0."""
        self.epoch = epoch

    def __len__(self) -> int:
        return sum(math.ceil(len(rows) / self.step_size) * self.step_size for rows in self.modalities)

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, self.epoch])
        steps = []
        for rows in self.modalities:
            shuffled = rng.permutation(rows)
            shuffled = np.resize(shuffled, math.ceil(len(rows) / self.step_size) * self.step_size)
            for start in range(0, len(shuffled), _WINDOW * self.step_size):
                window = shuffled[start : start + _WINDOW * self.step_size]
                window = window[np.argsort(-self.lengths[window], kind="stable")]
                steps += np.split(window, len(window) // self.step_size)
        for step in rng.permutation(len(steps)):
            yield from steps[step].tolist()
