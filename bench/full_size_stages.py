"""The recipes of `mmgeolm-qwen2.5-7b` at full size on one CUDA device: seconds a step, memory, hours for their data.

    OMP_NUM_THREADS=8 TOKENIZERS_PARALLELISM=false python bench/full_size_stages.py --folder /dev/shm/full_size

An AltCLIP and a Qwen2.5-7B with random weights are written to the folder (50 GB), then the library's own stages run
on them, each in a process of its own with its recipe's settings, but few steps: the encoder in batch, with 40 text
and with 10 image negatives, `assemble`, alignment, SFT by LoRA, its merge, and SFT of everything (16 bytes a weight:
it needs about 140 GB on the device). Data are generated diagrams as PNG files in memory; texts have the lengths that
docs/reproduction.md reckons with.

A step is timed from one end of a step to the next, loading of data included, the device synchronized; the first
are left out, and the mean of the others is printed, with the slowest. The share of ideal is necessary work over
time, in units of what a large bf16 matrix product reaches in the same run. Necessary are, with N weights (embeddings
aside) and T tokens, 2 N T FLOPs forward and as many backward, and 2 N T more where N is trained: 4 N T for alignment
and LoRA, whose language model is frozen, 6 N T for SFT. Activations computed twice and the attention's products do
not count.

`--tiny true` takes models of a few weights, on whatever device there is, to try the script.
"""

import argparse
import gc
import json
import multiprocessing
import os
import shutil
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from assemble_memory import QWEN, tokenizer
from diagram_records import png
from full_size import LARGE, matrix_product_rate
from PIL import Image
from transformers import (
    AltCLIPConfig,
    AltCLIPModel,
    CLIPImageProcessorPil,
    Qwen2Config,
    Qwen2ForCausalLM,
    TrainerCallback,
)
from transformers.utils import logging

from dataset_builders.diagram_sets import Groups, look_alike_groups
from dataset_builders.instructions import instructions_dataset
from dataset_builders.records import hard_negatives_dataset
from mmgeolm.assembly import assemble
from mmgeolm.merging import merge
from mmgeolm.scripts import align, mmclip, sft
from mmgeolm.stages import save, stage_trainer
from mmgeolm.tiny import tiny_tokenizer
from modeling_mmclip import MMCLIPModel, MMCLIPProcessor
from trainers import MMCLIPTrainer

RECIPES = Path(__file__).parent.parent / "examples" / "recipes" / "mmgeolm-qwen2.5-7b"
STEPS = {"encoder": (10, 22), "lmm": (2, 6)}  # of the warm-up, in which all that was loaded ahead is used up; timed
SEED = 0
GIB = 2**30
# Records of the paper; passes are in the recipes.
RECORDS = {"in batch": 400_000, "text": 100_000, "image": 4_000, "align": 67_000, "sft-lora": 434_000, "sft": 434_000}
TOKENS = {"align": 700, "sft-lora": 1_200, "sft": 1_200}
"""Tokens of a record, with those of its image."""

FULL_SIZE = {
    "text": LARGE,
    "vision": {**LARGE, "image_size": 224, "patch_size": 14},
    "llm": {**QWEN, "max_position_embeddings": 32_768},
}
_SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
TINY = {
    "text": _SMALL,
    "vision": {**_SMALL, "image_size": 224, "patch_size": 32},
    "llm": {**FULL_SIZE["llm"], **_SMALL, "num_key_value_heads": 2, "vocab_size": 256},
}


class StepTimes(TrainerCallback):
    """Notes when each step ends, with the device synchronized, and the peak of memory after the warm-up."""

    def __init__(self, warm_up: int) -> None:
        self.warm_up = warm_up
        self.ends: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **unused: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
            if len(self.ends) == self.warm_up - 1:
                torch.cuda.reset_peak_memory_stats()
        self.ends.append(time.perf_counter())

    def seconds(self) -> list[float]:
        """Of each step after the warm-up."""
        ends = self.ends[self.warm_up - 1 :]
        return [end - start for start, end in zip(ends, ends[1:], strict=False)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="a new one, with room for 50 GB")
    parser.add_argument("--tiny", default="false", choices=("true", "false"))
    args = parser.parse_args()
    sizes, folder = TINY if args.tiny == "true" else FULL_SIZE, args.folder
    folder.mkdir(parents=True)
    datasets.disable_progress_bars()
    cuda = torch.cuda.is_available()
    peak_rate = matrix_product_rate() if cuda else float("nan")
    print(
        f"{torch.cuda.get_device_name() if cuda else 'CPU'}, torch {torch.__version__}; a matrix product reaches "
        f"{peak_rate / 1e12:.0f} TFLOP/s.\n"
    )
    timed("AltCLIP, Qwen2.5-7B and data written", write_parts, folder, sizes)
    print("\n| encoder, stage | records a step | seconds a step (slowest) | peak GiB | the paper's data, hours |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for stage in ("in batch", "text", "image"):
        row(stage, folder, peak_rate)
    print(flush=True)
    timed("assembled", assemble, folder / "clip", folder / "llm", folder / "assembled", seed=SEED)
    gc.collect()
    shutil.rmtree(folder / "llm")
    print(
        "\n| stage | records a step | tokens | seconds a step (slowest) | share of ideal | peak GiB "
        "| the paper's data, hours |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for stage in ("align", "sft-lora", "sft"):
        row(stage, folder, peak_rate)
        if stage == "align":
            shutil.rmtree(folder / "assembled")
    print(flush=True)
    if (folder / "sft-lora" / "adapter_config.json").exists():
        timed("merged", merge, str(folder / "sft-lora"), str(folder / "merged"))


def timed(what: str, work: Any, *arguments: Any, **options: Any) -> None:
    """Do it, and print how long it took."""
    start = time.perf_counter()
    work(*arguments, **options)
    print(f"{what}: {time.perf_counter() - start:.1f} s", flush=True)


def row(stage: str, folder: Path, peak_rate: float) -> None:
    """Measure a stage in a process of its own, and print its row."""
    measure = measure_encoder if stage in ("in batch", "text", "image") else measure_lmm
    # Workers that load data are forked, as where a command is given; they would be spawned as this process is.
    forked = {"initializer": multiprocessing.set_start_method, "initargs": ("fork", True)}
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), **forked) as pool:
        found = pool.submit(measure, stage, folder).result()
    if isinstance(found, str):
        print(f"| {stage} | {found} |", flush=True)
        return
    seconds = statistics.mean(found["seconds"])
    hours = RECORDS[stage] * found["epochs"] / found["records"] * seconds / 3600
    cells = [stage, str(found["records"])]
    cells += [f"{found['tokens']:.0f}"] if "tokens" in found else []
    cells += [f"{seconds:.2f} ({max(found['seconds']):.2f})"]
    cells += [f"{found['work'] / seconds / peak_rate:.0%}"] if "tokens" in found else []
    cells += [f"{found['peak'] / GIB:.1f}", f"{hours:.1f}"]
    print(f"| {' | '.join(cells)} |", flush=True)


def measure_encoder(stage: str, folder: Path) -> dict[str, Any] | str:
    """A stage of `mmclip.yaml` alone: its candidates on its data."""
    logging.set_verbosity_error()
    torch.manual_seed(SEED)
    _, args = mmclip.make_parser().parse_args_and_config(
        ["--config", str(RECIPES / "mmclip.yaml"), "--max_steps", str(sum(STEPS["encoder"])), *quiet(folder / stage)]
        + ["--stages", json.dumps([{"share": 1, "candidates": "in_batch" if stage == "in batch" else "hybrid"}])]
    )
    records = datasets.load_from_disk(str(folder / "data" / stage))
    model, processor = MMCLIPModel.from_pretrained(folder / "clip"), MMCLIPProcessor.from_pretrained(folder / "clip")
    trainer = MMCLIPTrainer(model, args, train_dataset=records, processing_class=processor)
    try:
        found = steps_of(trainer, "encoder")
    except torch.OutOfMemoryError:
        return "out of memory"
    return {**found, "records": args.train_batch_size, "epochs": args.num_train_epochs}


def measure_lmm(stage: str, folder: Path) -> dict[str, Any] | str:
    """Alignment or SFT by its recipe; alignment and adapter are saved, the latter for the merge."""
    logging.set_verbosity_error()
    script_of, before = (align, "assembled") if stage == "align" else (sft, "align")
    script, args = script_of.make_parser().parse_args_and_config(
        ["--config", str(RECIPES / f"{stage}.yaml"), "--max_steps", str(sum(STEPS["lmm"])), *quiet(folder / stage)]
        + ["--data", str(folder / "data" / stage), "--passes", "{}", "--dataset_num_proc", "1"]
        + (["--mmclip", "", "--llm", ""] if stage == "align" else [])
        + ["--model", str(folder / before)]
    )
    try:
        trainer = stage_trainer(script, args)
        found = steps_of(trainer, "lmm")
    except torch.OutOfMemoryError:
        return "out of memory"
    if stage != "sft":
        save(trainer)
    records = args.train_batch_size * args.gradient_accumulation_steps
    tokens = statistics.mean(trainer.train_dataset.with_format(None)["length"])
    weights = sum(
        p.numel()
        for name, p in trainer.model.named_parameters()
        if "embed_tokens" not in name and "lora_" not in name and "original_module" not in name
    )
    work = (6 if stage == "sft" else 4) * weights * tokens * records
    return {**found, "records": records, "epochs": args.num_train_epochs, "tokens": tokens, "work": work}


def steps_of(trainer: Any, kind: str) -> dict[str, Any]:
    """Train; the seconds of the steps and the peak of memory."""
    times = StepTimes(STEPS[kind][0])
    trainer.add_callback(times)
    trainer.train()
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    return {"seconds": times.seconds(), "peak": peak}


def quiet(folder: Path) -> list[str]:
    """Options of a run that only steps."""
    options = {"output_dir": folder, "save_strategy": "no", "report_to": "none", "logging_strategy": "no"}
    options |= {"disable_tqdm": "true", "bf16": str(torch.cuda.is_available()).lower()}
    return [part for name, value in options.items() for part in (f"--{name}", str(value))]


def write_parts(folder: Path, sizes: dict[str, dict[str, Any]]) -> None:
    """Encoder, language model and data."""
    torch.manual_seed(SEED)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    scenes = look_alike_groups(sum(STEPS["encoder"]) * 32, 11, SEED, difficulty=6)  # no record twice
    words = [caption for group in scenes.captions for caption in group]
    with torch.device(device):
        backbone = AltCLIPModel(
            AltCLIPConfig(
                text_config={**sizes["text"], "project_dim": 768, "vocab_size": 250_002},
                vision_config=sizes["vision"],
                projection_dim=768,
            )
        )
    MMCLIPModel.from_backbone(backbone).save_pretrained(folder / "clip")
    del backbone
    size = sizes["vision"]["image_size"]
    square = {"height": size, "width": size}
    images = CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size=square)
    MMCLIPProcessor(images, tiny_tokenizer(words, 128), max_length=128).save_pretrained(folder / "clip")
    with torch.device(device):
        llm = Qwen2ForCausalLM._from_config(Qwen2Config(**sizes["llm"], dtype="bfloat16"), dtype=torch.bfloat16)
    llm.save_pretrained(folder / "llm", max_shard_size="5GB")
    del llm
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
    tokenizer().save_pretrained(folder / "llm")
    patches = (size // sizes["vision"]["patch_size"]) ** 2
    data = folder / "data"
    for stage in ("in batch", "text", "image"):
        hard_negatives_dataset(encoder_records(stage, scenes), "diagrams")[0].save_to_disk(str(data / stage))
    for stage, tokens in TOKENS.items():
        instructions_dataset(conversations(scenes, tokens - patches), "diagrams")[0].save_to_disk(str(data / stage))


def encoder_records(stage: str, scenes: Groups) -> Iterator[dict[str, Any]]:
    """Records of one kind: pairs, 40 negative captions, or 10 negative images; all distinct within a batch."""
    captions = scenes.captions
    for number in range(len(captions)):
        record = {
            "id": f"{stage}-{number}",
            "image": drawing(scenes.images[number][0]),
            "caption": captions[number][0],
        }
        if stage == "text":
            # The number makes each a caption of its own.
            record["negative_captions"] = [f"{captions[number][i % 10 + 1]} {i} {number}" for i in range(40)]
            record["negative_caption_kinds"] = ["rule"] * 40
        elif stage == "image":
            record["negative_images"] = [drawing(image) for image in scenes.images[number][1:]]
        yield record


def conversations(scenes: Groups, tokens: int) -> Iterator[dict[str, Any]]:
    """Records whose question and answer have about so many tokens together."""
    for number in range(256):
        group = number % len(scenes.captions)
        text = (scenes.captions[group][0] + " ") * tokens
        talk = [
            {"role": "user", "content": "Describe the diagram."},
            {"role": "assistant", "content": text[: max(8, tokens - 60)].strip()},
        ]
        yield {"id": str(number), "images": [drawing(scenes.images[group][0])], "messages": talk, "source": "diagrams"}


def drawing(image: np.ndarray) -> dict[str, Any]:
    """A grey image as a PNG file in memory, at the size that the paper's drawings have about."""
    return png(np.asarray(Image.fromarray(image).resize((448, 448))))


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
