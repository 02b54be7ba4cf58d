"""Tiny models on the disk, pictures to learn, and the verbs run on them, here or in processes that can be killed."""

import json
import os
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import torch
from datasets import Dataset
from PIL import Image, ImageDraw
from safetensors.torch import load_file
from tiny_llms import tiny_llm
from tiny_models import noise_image, tiny_mmclip

from dataset_builders.instructions import instructions_dataset
from mmgeolm import assemble

TESTS = Path(__file__).parent
COLORS = {"red": (220, 30, 30), "blue": (30, 60, 220), "green": (30, 160, 60), "black": (0, 0, 0)}
SHAPES = ("circle", "square", "triangle", "line")
QUESTIONS = ("Which shape is it?", "What do you see here?")
# A CPU, one record at a time to the log, no network.
QUIET = {
    "use_cpu": True,
    "bf16": False,
    "report_to": "none",
    "disable_tqdm": True,
    "lr_scheduler_type": "constant",
    "warmup_steps": 0,
    "save_strategy": "no",
    "logging_steps": 1,
    "seed": 3,
}


def saved_lmm(folder: Path, tower: str = "clip", llm: str = "qwen2") -> str:
    """The folder of a tiny LMM, as `mmgeolm assemble` writes it."""
    language_model, tokenizer = tiny_llm(llm)
    assemble(tiny_mmclip(tower)[0], language_model, folder, tokenizer=tokenizer)
    return str(folder)


def picture(color: str, shape: str) -> Image.Image:
    """A shape of a color on white."""
    image = Image.new("RGB", (32, 32), "white")
    draw, fill = ImageDraw.Draw(image), COLORS[color]
    if shape == "circle":
        draw.ellipse((4, 4, 27, 27), fill=fill)
    elif shape == "square":
        draw.rectangle((6, 6, 25, 25), fill=fill)
    elif shape == "triangle":
        draw.polygon(((16, 3), (3, 28), (29, 28)), fill=fill)
    else:
        draw.line((3, 29, 29, 3), fill=fill, width=4)
    return image


def shapes(folder: Path) -> tuple[str, list[Image.Image], list[str], list[str]]:
    """16 pictures, each with one of two questions: a data set's folder, the pictures, the questions, the answers.

    No color and no shape has one of the questions more often than the other.
    """
    pairs = [(color, shape) for color in COLORS for shape in SHAPES]
    pictures = [picture(*pair) for pair in pairs]
    questions = [QUESTIONS[(number // 4 + number) % 2] for number in range(16)]
    answers = [f"{color} {shape}" for color, shape in pairs]
    save([([image], *texts) for image, *texts in zip(pictures, questions, answers, strict=True)], folder)
    return str(folder), pictures, questions, answers


def save(rows: list[tuple[list, str, str]], folder: Path) -> str:
    """The folder of a data set of (images, question, answer)."""
    dataset(rows).save_to_disk(str(folder))
    return str(folder)


def dataset(rows: list[tuple[list, str, str]]) -> Dataset:
    """Instructions of (images, question, answer)."""
    return instructions_dataset(
        (
            {
                "images": images,
                "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
                "source": "a test",
            }
            for images, question, answer in rows
        ),
        "a test",
    )[0]


def mixed_records(folder: Path, count: int = 24) -> str:
    """Records of several lengths, a third of them without an image."""
    rows = [
        ([noise_image(n)] if n % 3 else [], f"How long is AB{n}?" + " " * (n % 5), "5 " * (1 + n % 7) + str(n))
        for n in range(count)
    ]
    return save(rows, folder)


def options(settings: dict) -> list[str]:
    """A command line of settings."""
    line = []
    for name, value in {**QUIET, **settings}.items():
        values = value if isinstance(value, list) else [json.dumps(value) if isinstance(value, dict) else value]
        line += [f"--{name}", *map(str, values)]
    return line


def run(verb: str, **settings) -> None:
    """The verb, in this process."""
    import_module(f"mmgeolm.scripts.{verb}").main(options(settings))


def command(verb: str, settings: dict, processes: int = 1) -> list[str]:
    """The verb's command line, for one process or several."""
    launcher = [sys.executable, "-m"]
    if processes > 1:
        launcher += ["torch.distributed.run", "--standalone", "--nproc_per_node", str(processes), "-m"]
    return [*launcher, "mmgeolm", verb, *options(settings)]


def start(verb: str, settings: dict, processes: int = 1) -> subprocess.Popen:
    """The verb, in processes of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(TESTS.parent),
        "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "true",
    }
    return subprocess.Popen(
        command(verb, settings, processes),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Where tests run in the background of a shell, an interrupt would be ignored by what they start, too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def weights(folder: str | Path) -> dict[str, torch.Tensor]:
    """The tensors in a folder, by the names that they have on the disk."""
    name = "adapter_model.safetensors" if (Path(folder) / "adapter_config.json").exists() else "model.safetensors"
    return load_file(Path(folder) / name)


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    """Names of the tensors that are not bit by bit the same."""
    assert set(before) == set(after)
    return {name for name in before if not torch.equal(before[name], after[name])}


def largest_difference(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    """Over all tensors."""
    assert set(first) == set(second)
    return max((first[name] - second[name]).abs().max().item() for name in first)
