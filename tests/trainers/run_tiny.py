"""Runs `train_tiny.py` here, in a process that can be killed, or in several."""

import json
import os
import subprocess
import sys
from pathlib import Path

import torch
from train_tiny import train

TESTS = Path(__file__).parents[1]
SCRIPT = str(TESTS / "trainers" / "train_tiny.py")


def command(folder: Path, settings: dict, processes: int = 1) -> list[str]:
    """The command line of a training."""
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
    return [*launcher, SCRIPT, str(folder), json.dumps(settings)]


def environment() -> dict[str, str]:
    """That of the tests, with their folder on the path."""
    return {**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}", "OMP_NUM_THREADS": "1"}


def final_parameters(folder: Path, settings: dict, processes: int = 1) -> dict[str, torch.Tensor]:
    """Train to the end and read the parameters."""
    if processes == 1:
        train(folder, settings)
        return torch.load(folder / "final.pt")
    done = subprocess.run(
        command(folder, settings, processes), env=environment(), capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return torch.load(folder / "final.pt")


def largest_difference(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    """Over all parameters."""
    return max((first[name] - second[name]).abs().max().item() for name in first)
