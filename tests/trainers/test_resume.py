"""A training that is killed and taken up again ends where it would have ended."""

import os
import signal
import subprocess

from run_tiny import command, environment, final_parameters, largest_difference

SETTINGS = {
    "max_steps": 12,
    "per_device_train_batch_size": 4,
    "learning_rate": 1e-3,
    "save_strategy": "steps",
    "save_steps": 4,
    "max_negatives": 2,
    "negative_choice": "random",
    "stages": [
        {"share": 0.5, "candidates": "in_batch", "mixture": {"a": 1.0}},
        {"share": 0.5, "candidates": "hybrid", "mixture": {"a": 0.5, "b": 0.5}},
    ],
}


def kill_after(folder, settings: dict, step: int) -> None:
    """Start a training and kill it, with no time to clean up, once it has done so many steps."""
    process = subprocess.Popen(command(folder, settings), env=environment(), stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.strip() == f"step {step}":
            os.kill(process.pid, signal.SIGKILL)
            break
    assert process.wait() == -signal.SIGKILL
    assert not (folder / "final.pt").exists()


def test_killed_and_resumed_gives_the_parameters_of_an_uninterrupted_run(tmp_path):
    whole = final_parameters(tmp_path / "whole", SETTINGS)
    kill_after(tmp_path / "killed", SETTINGS, step=7)  # the latest checkpoint is that of step 4
    resumed = final_parameters(tmp_path / "killed", {**SETTINGS, "resume": True})
    assert largest_difference(whole, resumed) == 0.0


def test_resuming_in_a_later_epoch_shuffles_as_the_uninterrupted_run_does(tmp_path):
    settings = {**SETTINGS, "max_steps": 40, "save_steps": 20}
    del settings["stages"]
    whole = final_parameters(tmp_path / "whole", settings)
    kill_after(tmp_path / "killed", settings, step=22)  # an epoch has 16 steps
    resumed = final_parameters(tmp_path / "killed", {**settings, "resume": True})
    assert largest_difference(whole, resumed) == 0.0
