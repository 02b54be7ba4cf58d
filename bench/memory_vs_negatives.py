"""Peak memory of a training step against the number of hard negatives, with and without the gradient cache.

One step is the forward and backward pass of [`~trainers.MMCLIPTrainer`] (`training_step`: tower, loss, gradients) on
3 anchors with K negatives each, on the text side (K captions per image) and on the image side (K images per caption).
All negatives are distinct and all captions equally long, so that K is all that changes. The model is a ViT of 6 layers
x 256 on 96 px images beside a text tower of the same size: large enough for activations to outweigh the rest.

What is counted. The *step* is what the step itself allocates above what was there before it: activations, gradients,
embeddings, similarities. Weights are there before, and so are the *inputs* (token ids; pixels as float32), which grow
with K whatever the library does; a column adds them. Every measurement has a process of its own.

- CPU: torch's allocator tells the profiler of each allocation and release, temporaries inside an operator included;
  the peak of their running sum is exact and the same in every run. What does not pass through the allocator (buffers
  of the matrix library) is missing, so resident memory above that before the step stands beside it as a check. It
  comes from a step of its own, without the profiler, and includes what the C library holds back for later.
- CUDA (used if there is one): `torch.cuda.max_memory_allocated` above what was allocated before the step, and beside
  it the same of `max_memory_reserved`.

    python bench/memory_vs_negatives.py

The goal is that with the cache a step with 50 negatives needs at most 1.15 times that with 5. Exit status 1 if missed.
"""

import ctypes
import multiprocessing
import os
import resource
import sys
import tempfile
from typing import NamedTuple

import torch
from torch.profiler import ProfilerActivity, profile
from transformers import CLIPConfig, CLIPModel
from transformers.utils import logging

from modeling_mmclip import MMCLIPModel
from trainers import MMCLIPTrainer, MMCLIPTrainingArguments

NUM_NEGATIVES = (5, 10, 20, 50)
ANCHORS = 3
CHUNK = 12
TOKENS = 32
IMAGE_SIZE, PATCH_SIZE = 96, 16
VOCABULARY = 1000
GOAL = 1.15
SEED = 0
MIB = 2**20


class Measurement(NamedTuple):
    """One process's figures, in bytes; `resident` is reserved memory on CUDA."""

    step: int
    inputs: int
    resident: int


def main() -> int:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    os.environ["KINETO_LOG_LEVEL"] = "99"  # the profiler's own messages
    # Children are forked from a server that has done its imports and nothing else: each starts clean, and at once.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__"])
    print(
        f"One training step, {ANCHORS} anchors, CLIP 6 x 256 + 6 x 256, {TOKENS} tokens, {IMAGE_SIZE} px, "
        f"cache chunk {CHUNK}, {device}, torch {torch.__version__}, seed {SEED}. MiB."
    )
    met = True
    for side, what in (("text", "captions"), ("image", "images")):
        print(f"\n{side.capitalize()} side: {ANCHORS} x (1 + K) {what}\n")
        resident = "resident" if device == "cpu" else "reserved"
        print(f"| K | inputs | plain step | with inputs | {resident} | cached step | with inputs | {resident} |")
        print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
        plain, cached = {}, {}
        with context.Pool(1, maxtasksperchild=1) as pool:
            for number in NUM_NEGATIVES:
                plain[number] = pool.apply(measure, (side, number, None, device))
                cached[number] = pool.apply(measure, (side, number, CHUNK, device))
                print(
                    f"| {number} | {plain[number].inputs / MIB:.1f} "
                    f"| {columns(plain[number])} | {columns(cached[number])} |",
                    flush=True,
                )
        few, many = NUM_NEGATIVES[0], NUM_NEGATIVES[-1]
        candidates = (1 + many) / (1 + few)
        ratio = cached[many].step / cached[few].step
        print(
            f"\nK = {many} against K = {few}, {candidates:.1f} times the candidates: plain "
            f"{plain[many].step / plain[few].step:.2f} x, cached {ratio:.3f} x "
            f"(goal: at most {GOAL}: {'met' if ratio <= GOAL else 'MISSED'}); with inputs "
            f"{with_inputs(plain[many]) / with_inputs(plain[few]):.2f} x and "
            f"{with_inputs(cached[many]) / with_inputs(cached[few]):.3f} x."
        )
        met &= ratio <= GOAL
    return 0 if met else 1


def measure(side: str, num_negatives: int, chunk_size: int | None, device: str) -> Measurement:
    """Peak of one training step; to be called once in a fresh process."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(chunk_size, folder, device)
    model = trainer.model.to(device)
    batch = {name: tensor.to(device) for name, tensor in make_batch(side, num_negatives).items()}
    inputs = sum(tensor.nbytes for tensor in batch.values())

    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before, held = torch.cuda.memory_allocated(), torch.cuda.memory_reserved()
        trainer.training_step(model, batch)
        peak, most_held = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
        return Measurement(peak - before, inputs, most_held - held)

    return_freed_blocks()
    before = resident_bytes()
    trainer.training_step(model, batch)
    # In KiB on Linux.
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    model.zero_grad(set_to_none=True)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        trainer.training_step(model, batch)
    return Measurement(allocated_peak(record), inputs, resident)


def allocated_peak(record: profile) -> int:
    """Highest running sum of all allocations and releases that the CPU allocator reported, in bytes."""
    events = [event for event in record.profiler.kineto_results.events() if event.name() == "[memory]"]
    if not events:
        raise RuntimeError("The profiler recorded no allocations.")
    total = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        total += event.nbytes()
        peak = max(peak, total)
    return peak


def return_freed_blocks() -> None:
    """Have glibc give freed blocks above 64 KiB back at once, or resident memory would show its habit to keep them."""
    m_mmap_threshold = -3
    ctypes.CDLL(None).mallopt(m_mmap_threshold, 64 * 1024)


def resident_bytes() -> int:
    """Memory of this process that is resident now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def make_trainer(chunk_size: int | None, folder: str, device: str) -> MMCLIPTrainer:
    """The library's Trainer over a model with random weights."""
    size = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 6, "num_attention_heads": 4}
    text = {**size, "vocab_size": VOCABULARY, "max_position_embeddings": TOKENS, "eos_token_id": VOCABULARY - 1}
    vision = {**size, "image_size": IMAGE_SIZE, "patch_size": PATCH_SIZE}
    backbone = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=256))
    args = MMCLIPTrainingArguments(
        folder,
        candidates="hard",
        gradient_cache_chunk_size=chunk_size,
        use_cpu=device == "cpu",
        report_to=[],
        seed=SEED,
    )
    # The batches below are collated already.
    trainer = MMCLIPTrainer(MMCLIPModel.from_backbone(backbone), args, data_collator=dict)
    # `train` would set it; a single step is asked for here.
    trainer.current_gradient_accumulation_steps = 1
    return trainer


def make_batch(side: str, num_negatives: int) -> dict[str, torch.Tensor]:
    """A batch in index form: on one side a single distinct item for each anchor, on the other all its candidates."""
    width = 1 + num_negatives
    images, texts = (ANCHORS, ANCHORS * width) if side == "text" else (ANCHORS * width, ANCHORS)
    input_ids = torch.randint(1, VOCABULARY - 1, (texts, TOKENS))
    input_ids[:, -1] = VOCABULARY - 1
    anchors, candidates = torch.arange(ANCHORS), torch.arange(ANCHORS * width).view(ANCHORS, width)
    nobody, nothing = anchors[:0], candidates[:0]
    text_side, image_side = ((anchors, candidates), (nobody, nothing))[:: 1 if side == "text" else -1]
    return {
        "pixel_values": torch.rand(images, 3, IMAGE_SIZE, IMAGE_SIZE),
        "input_ids": input_ids,
        "attention_mask": torch.ones_like(input_ids),
        "image_anchors": text_side[0],
        "text_candidates": text_side[1],
        "text_anchors": image_side[0],
        "image_candidates": image_side[1],
    }


def with_inputs(measurement: Measurement) -> int:
    """The step and the batch it works on."""
    return measurement.step + measurement.inputs


def columns(measurement: Measurement) -> str:
    """Step, step with inputs, and resident memory, in MiB."""
    return " | ".join(
        f"{size / MIB:.1f}" for size in (measurement.step, with_inputs(measurement), measurement.resident)
    )


if __name__ == "__main__":
    sys.exit(main())
