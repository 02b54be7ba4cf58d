"""Studies at full size, on published models and data: the library's own commands, one after the other, resumable.

The folder of data holds, as data sets of `save_to_disk` (docs/studies.md says which command makes each):

    random/ retrieval/ rule/ image/ template/ letters/    HardNegatives, as many negatives as the study asks for
    align/ sft/                                           Instructions: G-LLaVA's alignment, 17K exam problems
    geoqa/test_questions.jsonl …  mm_math/MM_Math.jsonl   the two benchmarks as published, with their images

Nobody has run this at the paper's size; what it runs is tested with tiny models.
"""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmgeolm.stage_folder import GO_ON, is_finished
from mmgeolm.studies.definitions import Negatives, Study, Tower, ordered_towers
from mmgeolm.studies.generated import slug

BENCHMARKS = {"GeoQA": "geoqa", "MM-Math": "mm_math"}
_FILES = {"geoqa": "test_questions.jsonl", "mm_math": "MM_Math.jsonl"}
# What the paper and its release say of the training of an encoder.
_ENCODER = ["--learning_rate", "2e-5", "--per_device_train_batch_size", "8", "--bf16", "true"]
_ENCODER += ["--gradient_cache_chunk_size", "64", "--save_steps", "500", "--save_total_limit", "1"]


@dataclass(frozen=True)
class FullSize:
    """What a study at full size is made of.

    Attributes:
        data (`Path`): the folder of data.
        recipes (`Path`): folder with `align.yaml` and `sft.yaml`, such as `examples/recipes/mmgeolm-qwen2.5-7b`.
        encoder (`str`): the original, a name on the Hub or a folder.
        llm (`str`): the language model.
        sft (`str`): which recipe tunes it: `sft`, or `sft-lora`, whose adapter is then merged.
        seeds (`int`): trainings of every row.
        encoder_options (`tuple[str, ...]`): further options of `mmgeolm mmclip`, behind ours.
        evaluate_options (`tuple[str, ...]`): further options of `mmgeolm evaluate`.
    """

    data: Path
    recipes: Path
    encoder: str = "BAAI/AltCLIP"
    llm: str = "Qwen/Qwen2.5-7B-Instruct"
    sft: str = "sft"
    seeds: int = 1
    encoder_options: tuple[str, ...] = ()
    evaluate_options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Command:
    """A command of the library, and the file or folder that says it was finished.

    Attributes:
        arguments (`tuple[str, ...]`): of `mmgeolm`, the verb first.
        result (`Path`): model folder, or file.
        trains (`bool`): whether the launcher starts it, on all GPUs.
    """

    arguments: tuple[str, ...]
    result: Path
    trains: bool = True

    def finished(self) -> bool:
        """Whether an earlier run has finished it."""
        return is_finished(self.result) if self.trains else self.result.exists()

    def begun(self) -> bool:
        """Whether an earlier run was stopped in it, and left a checkpoint."""
        return self.trains and any(self.result.glob("checkpoint-*/trainer_state.json"))


def commands(studies: Sequence[Study], size: FullSize, folder: Path) -> list[Command]:
    """All that the studies need, each once, in an order in which it can be run.

    Raises:
        ValueError: when a data set or a recipe is missing, all of them named.
    """
    waves = ordered_towers(list(studies))
    asked = {tower.name: study for study in studies if study.lmm for tower in study.towers}
    _check(waves, size, lmm=bool(asked))
    found: list[Command] = []
    for wave in waves:
        for tower in wave:
            for seed in range(size.seeds):
                if tower.parent is not None:
                    found.append(_encoder(tower, size, folder, seed))
    for study in studies:
        for tower in study.towers if study.lmm else ():
            for seed in range(size.seeds):
                found += [part for part in _lmm(tower, study, size, folder, seed) if part not in found]
        if not study.lmm:
            for seed in range(size.seeds):
                found.append(_retrieval(study, size, folder, seed))
    return found


def run_commands(
    parts: Sequence[Command], launcher: str | None, run: Callable[[list[str]], None] | None = None
) -> None:
    """Run what is not finished, in order; a training that was stopped goes on from its last checkpoint.

    Args:
        parts (sequence of [`Command`]): of [`commands`].
        launcher (`str`, *optional*): starts trainings, as `accelerate launch --config_file FILE -m`.
        run (`Callable`, *optional*): runs a command line; by default in a process of its own, so that a GPU is free
            again.

    Raises:
        RuntimeError: for the first command that fails. What was finished before stays.
    """
    for part in parts:
        if not part.finished():
            line = command_line(part, launcher)
            (run or _run)(line)


def command_line(part: Command, launcher: str | None = None) -> list[str]:
    """The command as a shell would be given it."""
    start = shlex.split(launcher) if launcher and part.trains else [sys.executable, "-m"]
    resume = []
    if part.begun():
        path = max(part.result.glob("checkpoint-*/trainer_state.json"), key=lambda path: path.stat().st_mtime).parent
        resume = ["--resume_from_checkpoint", str(path)] if part.arguments[0] == "mmclip" else GO_ON.split()
    return [*start, "mmgeolm", *part.arguments, *resume]


def published_table(study: Study, size: FullSize, folder: Path) -> str:
    """Markdown: a row for each encoder and seed, accuracy by the fair rule with its interval, the paper's behind."""
    columns = _columns(study)
    head = ["encoder", *columns, *(f"paper: {name}" for name in study.paper_columns if study.paper)]
    lines = [f"### {study.title}", "", f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    for tower in study.towers:
        for seed in range(size.seeds):
            cells = [tower.name if size.seeds == 1 else f"{tower.name}, seed {seed}"]
            for name, distortion in columns.values():
                path = _scores(_lmm_folder(folder, tower, seed), name, distortion)
                score = json.loads(path.read_text(encoding="utf-8"))["scores"]["all"]["fair"]
                cells.append("{accuracy:.1f} ({low:.1f}–{high:.1f})".format(**score))
            cells += [f"{value:.1f}" for value in study.paper.get(tower.name, ())]
            lines.append(f"| {' | '.join(cells)} |")
    lines.append(f"\nEncoder {size.encoder}, language model {size.llm}; fair rule, 95% intervals over questions.")
    return "\n".join(lines) + "\n"


def _columns(study: Study) -> dict[str, tuple[str, str]]:
    """Names of columns, with benchmark and distortion."""
    plain = {name: (module, "") for name, module in BENCHMARKS.items()}
    turned = {f"MM-Math {name}": (BENCHMARKS["MM-Math"], name) for name in study.distortions}
    return plain | turned


def _data_set(negatives: Negatives) -> str:
    return negatives.kind if negatives.markings else "letters"


def _check(waves: list[list[Tower]], size: FullSize, lmm: bool) -> None:
    names = {_data_set(negatives) for wave in waves for tower in wave for negatives in tower.negatives}
    needed = [size.data / name for name in sorted(names | ({"align", "sft", *BENCHMARKS.values()} if lmm else set()))]
    if lmm:
        needed += [size.recipes / name for name in ("align.yaml", f"{size.sft}.yaml")]
    if missing := [str(path) for path in needed if not path.exists()]:
        raise ValueError(
            f"these studies at full size lack {', '.join(missing)}; docs/studies.md says how they are made."
        )


def _encoder_folder(folder: Path, name: str, seed: int) -> Path:
    return folder / "encoders" / f"{slug(name)}-{seed}"


def _lmm_folder(folder: Path, tower: Tower, seed: int) -> Path:
    return folder / "lmms" / f"{slug(tower.name)}-{seed}"


def _encoder_of(tower: Tower, size: FullSize, folder: Path, seed: int) -> str:
    return size.encoder if tower.parent is None else str(_encoder_folder(folder, tower.name, seed))


def _encoder(tower: Tower, size: FullSize, folder: Path, seed: int) -> Command:
    own = _encoder_folder(folder, tower.name, seed)
    parent = size.encoder if tower.parent == "original" else str(_encoder_folder(folder, tower.parent, seed))
    files = [f"{_data_set(part)}={size.data / _data_set(part)}" for part in tower.negatives]
    most = max(part.number for part in tower.negatives)
    arguments = ["mmclip", "--model_name_or_path", parent, "--train_file", *files, "--candidates", tower.candidates]
    arguments += ["--max_negatives", str(most)] if most else []
    arguments += ["--output_dir", str(own), "--seed", str(seed), *_ENCODER, *size.encoder_options]
    return Command(tuple(arguments), own)


def _lmm(tower: Tower, study: Study, size: FullSize, folder: Path, seed: int) -> list[Command]:
    own = _lmm_folder(folder, tower, seed)
    encoder = _encoder_of(tower, size, folder, seed)

    def recipe(verb: str, name: str, *options: str) -> Command:
        arguments = (verb, "--config", str(size.recipes / f"{name}.yaml"), *options, "--seed", str(seed))
        return Command((*arguments, "--output_dir", str(own / name)), own / name)

    align = f"align={size.data / 'align'}"
    # The paper's ablations are tuned on its own problems alone.
    sft = f"sft={size.data / 'sft'}"
    found = [
        recipe("align", "align", "--mmclip", encoder, "--llm", size.llm, "--data", align),
        recipe("sft", size.sft, "--model", str(own / "align"), "--data", sft, "--passes", "{}"),
    ]
    model = own / size.sft
    if size.sft != "sft":
        merged = own / "merged"
        found.append(Command(("merge", str(model), "--output_dir", str(merged)), merged / "config.json", trains=False))
        model = merged
    for name, distortion in _columns(study).values():
        result = _scores(own, name, distortion)
        arguments = ["evaluate", "--benchmark", name, "--data", str(size.data / name / _FILES[name])]
        arguments += ["--image_folder", str(size.data / name), "--model", str(model)]
        arguments += ["--distort", distortion] if distortion else []
        arguments += ["--output_dir", str(result.parent), *size.evaluate_options]
        found.append(Command(tuple(arguments), result, trains=False))
    return found


def _scores(lmm: Path, benchmark: str, distortion: str) -> Path:
    return lmm / f"{benchmark}{'-' if distortion else ''}{distortion}" / "scores.json"


def _retrieval(study: Study, size: FullSize, folder: Path, seed: int) -> Command:
    result = folder / f"{study.name}-{seed}" / "results.json"
    encoders = [_encoder_of(tower, size, folder, seed) for tower in study.towers]
    arguments = ("retrieval", "--encoders", *encoders, "--seed", str(seed), "--output_dir", str(result.parent))
    return Command(arguments, result, trains=False)


def _run(line: list[str]) -> None:
    process = subprocess.Popen(line)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        # Ctrl-C has reached it as well. subprocess.run would kill it after a quarter of a second, and a launcher that
        # is killed leaves the processes that it has started.
        process.wait()
        raise
    if code:
        raise RuntimeError(f"this command ended with {code}; run the study again to go on: {shlex.join(line)}")
