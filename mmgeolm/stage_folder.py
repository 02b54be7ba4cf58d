"""The output folder of a training stage: what it may hold at the start, and where a stopped run goes on.

checkpoint-500/   _records/ (the plan)   _left_out.jsonl   config.json, model.safetensors … (when it is finished)
"""

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import datasets
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from trainers.instruction_data import LeftOut

PLAN = "_records"  # what begins with _ is never pushed to the Hub
PLAN_OPTIONS = "_records.json"
LEFT_OUT = "_left_out.jsonl"
STATE = "trainer_state.json"
SAVED_LAST = "training_args.bin"  # by Trainer.save_model: a run may be killed while it writes the weights
GO_ON = "--resume_from_checkpoint true"


def is_finished(folder: Path) -> bool:
    """Whether the folder holds a model or adapter that is whole."""
    if (folder / PLAN_OPTIONS).exists():
        return (folder / SAVED_LAST).exists()
    return any((folder / name).exists() for name in ("config.json", "adapter_config.json"))


def check_free(folder: str, what: str, overwrite: bool) -> Path:
    """The output folder, if it may be written to.

    Raises:
        ValueError: when it is not named, a file, or holds a model and `overwrite` is false.
    """
    if not folder:
        raise ValueError(f"pass --output_dir, a folder for {what}.")
    path = Path(folder)
    if path.is_file():
        raise ValueError(f"{folder} is a file; name a folder for {what}.")
    if path.is_dir() and is_finished(path) and not overwrite:
        raise ValueError(f"{folder} already holds a finished model; name another --output_dir, or pass --overwrite.")
    return path


def starting_point(folder: Path, resume: str | None, overwrite: bool) -> str | None:
    """The checkpoint to go on from, or `None` to begin.

    Args:
        folder (`Path`): output folder of the run.
        resume (`str`, *optional*): `true` for the latest checkpoint, or for the beginning where there is none yet; or
            the folder of one.
        overwrite (`bool`): whether checkpoints of an earlier run are to be forgotten.

    Raises:
        ValueError: when there are checkpoints and nothing says what to do with them, or a checkpoint is not there.
    """
    latest = latest_checkpoint(folder)
    resume = None if resume is None or str(resume).lower() in ("false", "none", "") else str(resume)
    if resume is None:
        if latest and not overwrite:
            raise ValueError(
                f"{folder} has {Path(latest).name} of a run that was stopped; go on from it with {GO_ON}, or begin "
                "anew with --overwrite."
            )
        return None
    if resume.lower() == "true":
        return latest
    if not (Path(resume) / STATE).exists():
        raise ValueError(f"{resume} is no checkpoint to go on from; {GO_ON} takes the latest of {folder}.")
    return resume


def latest_checkpoint(folder: Path) -> str | None:
    """The latest checkpoint that is whole: its state is written last, and a run may be killed before."""
    whole = [path.parent for path in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*/{STATE}")]
    numbered = [(int(path.name.rpartition("-")[2]), path) for path in whole if path.name.rpartition("-")[2].isdigit()]
    return str(max(numbered)[1]) if numbered else None


def how_to_go_on(folder: str | Path, step: int) -> str:
    """The sentence for a training that was stopped after `step` steps."""
    latest = latest_checkpoint(Path(folder))
    if latest is None:
        return f"Stopped at step {step}, before the first checkpoint (--save_steps); the same command begins again."
    return f"Stopped at step {step}; go on from {Path(latest).name} with the same command and {GO_ON}."


def forget(folder: Path) -> None:
    """Delete the checkpoints and the plan of an earlier run in this folder."""
    for old in folder.glob(f"{PREFIX_CHECKPOINT_DIR}-*"):
        shutil.rmtree(old)
    shutil.rmtree(folder / PLAN, ignore_errors=True)
    for name in (PLAN_OPTIONS, LEFT_OUT, SAVED_LAST):
        (folder / name).unlink(missing_ok=True)


def kept_plan(
    folder: Path, options: dict, resuming: bool, make: Callable[[], tuple[datasets.Dataset, Iterable[LeftOut]]]
) -> datasets.Dataset:
    """The plan of a run, made once and kept in its folder: a resumed run has the same records in the same order, even
    if an image file has come or gone.

    Args:
        folder (`Path`): output folder.
        options (`dict`): what the plan depends on, as JSON.
        resuming (`bool`): whether to take the one that is there.
        make (`Callable`): makes it, and says what was left out.

    Raises:
        ValueError: when a run is resumed with other options.
    """
    options = json.loads(json.dumps(options))
    if resuming and (folder / PLAN_OPTIONS).exists():
        before = json.loads((folder / PLAN_OPTIONS).read_text(encoding="utf-8"))
        if changed := [name for name in options if before.get(name) != options[name]]:
            raise ValueError(
                f"The run in {folder} had {changed[0]} {before.get(changed[0])!r}, now it is {options[changed[0]]!r}: "
                "go on with the same data and options, or begin anew with --overwrite."
            )
        return datasets.load_from_disk(str(folder / PLAN))
    plan, left_out = make()
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / PLAN, ignore_errors=True)
    plan.save_to_disk(str(folder / PLAN))
    lines = (json.dumps(record._asdict(), ensure_ascii=False) + "\n" for record in left_out)
    (folder / LEFT_OUT).write_text("".join(lines), encoding="utf-8")
    (folder / PLAN_OPTIONS).write_text(json.dumps(options), encoding="utf-8")
    return plan
