"""Memory and time of `assemble` at the sizes of the paper, without a machine that could hold them.

Two measurements:

1. The whole of Qwen2.5-7B and CLIP ViT-L/14-336 on the meta device: parameters, size on the disk, time, memory.
2. A real `assemble` from files to files: the same tower, and a language model with the layers of Qwen2.5-7B, but few
   of them and a small vocabulary, so that it fits on the disk. The peak of resident memory while the weights are
   written must stay below one shard and one layer: it does not grow with the number of layers, so 28 need no
   more. The checks that follow map the files; their pages can be given back at any time and are shown apart.

    OMP_NUM_THREADS=1 python bench/assemble_memory.py --folder /tmp/assemble_memory

It needs 7 GB of disk, which are freed in the end. Exit status 1 if the goal is missed.
"""

import argparse
import json
import shutil
import sys
import threading
import time
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, Qwen2Config, Qwen2Tokenizer

from mmgeolm import assembly
from mmgeolm.chat_templates import chat_tokenizer

MIB = 2**20
SHARD = 1_000_000_000  # bytes
LAYERS, VOCABULARY = 3, 32_000
QWEN = {
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "vocab_size": 152_064,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
    "architectures": ["Qwen2ForCausalLM"],
}
CLIP = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 336,
    "patch_size": 14,
}


class Peak(threading.Thread):
    """The largest resident memory of this process while it runs, in bytes: all of it, and what is not mapped files."""

    def __init__(self):
        super().__init__(daemon=True)
        self.running, self.all, self.own = True, 0, 0

    def __enter__(self):
        self.start_all, self.start_own = resident()
        self.start()
        return self

    def __exit__(self, *_):
        self.running = False
        self.join()

    def run(self):
        while self.running:
            everything, own = resident()
            self.all, self.own = max(self.all, everything), max(self.own, own)
            time.sleep(0.002)


def resident() -> tuple[int, int]:
    """Resident memory and its anonymous part, in bytes."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return tuple(int(lines[name].split()[0]) * 1024 for name in ("VmRSS", "RssAnon"))


def tokenizer() -> Qwen2Tokenizer:
    """A small one, a token for each letter: its special tokens matter here, and that lengths can be chosen."""
    letters = [chr(code) for code in range(33, 127)] + ["Ġ", "Ċ", "Â", "°"]
    vocab = {letter: number for number, letter in enumerate([*letters, "<|endoftext|>", "<|im_start|>", "<|im_end|>"])}
    return Qwen2Tokenizer(vocab=vocab, merges=[], eos_token="<|im_end|>", extra_special_tokens=["<|im_start|>"])


def on_the_meta_device() -> None:
    """The whole model, without memory."""
    ready, _ = chat_tokenizer(tokenizer(), "qwen2")
    with Peak() as peak:
        start = time.perf_counter()
        text, vision = Qwen2Config(**QWEN), CLIPConfig(vision_config=CLIP).vision_config
        model = assembly.empty_lmm(assembly.lmm_config(vision, text, ready, torch.bfloat16), torch.bfloat16)
        seconds = time.perf_counter() - start
    size = sum(parameter.numel() for parameter in model.parameters())
    added = (peak.all - peak.start_all) / MIB
    print(f"meta device: {size / 1e9:.3f} billion weights, {2 * size / 1e9:.2f} GB, {seconds:.2f} s, {added:.0f} MiB")


def write_parts(folder: Path) -> int:
    """A tower's and a language model's checkpoints; returns the bytes of one layer."""
    torch.manual_seed(0)
    text = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    clip = CLIPModel._from_config(CLIPConfig(vision_config=CLIP, text_config=text), dtype=torch.bfloat16)
    clip.save_pretrained(folder / "clip")
    square = {"height": CLIP["image_size"], "width": CLIP["image_size"]}
    CLIPImageProcessorPil(size={"shortest_edge": 336}, crop_size=square).save_pretrained(folder / "clip")
    del clip
    config = Qwen2Config(**{**QWEN, "num_hidden_layers": LAYERS, "vocab_size": VOCABULARY, "dtype": "bfloat16"})
    config.save_pretrained(folder / "llm")
    tokenizer().save_pretrained(folder / "llm")
    with torch.device("meta"):
        shapes = transformers.Qwen2ForCausalLM(config).state_dict()
    names, files, layer = list(shapes), {}, 0
    groups = [[n for n in names if f".layers.{i}." in n] for i in range(LAYERS)]
    groups.append([n for n in names if ".layers." not in n])
    for number, group in enumerate(groups):
        tensors = {n: torch.empty(shapes[n].shape, dtype=torch.bfloat16).uniform_(-0.02, 0.02) for n in group}
        save_file(tensors, folder / "llm" / f"part-{number}.safetensors", metadata={"format": "pt"})
        files |= dict.fromkeys(group, f"part-{number}.safetensors")
        layer = layer or sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {}, "weight_map": files}
    (folder / "llm" / "model.safetensors.index.json").write_text(json.dumps(index))
    return layer


def from_files_to_files(folder: Path) -> bool:
    """Assemble for real; returns whether the goal is met."""
    layer = write_parts(folder)
    phases = {}
    original = assembly.write_weights

    def measured(*arguments):
        with Peak() as peak:
            start = time.perf_counter()
            original(*arguments)
        phases["writing"] = (peak, time.perf_counter() - start)

    assembly.write_weights = measured
    with Peak() as peak:
        start = time.perf_counter()
        assembly.assemble(folder / "clip", folder / "llm", folder / "lmm", max_shard_size=SHARD)
    phases["assemble, with its checks"] = (peak, time.perf_counter() - start)
    size = sum(file.stat().st_size for file in (folder / "lmm").glob("*.safetensors"))
    largest = max(file.stat().st_size for file in (folder / "lmm").glob("*.safetensors"))
    goal = largest + layer
    print(
        f"files: {size / 1e9:.2f} GB in shards of at most {largest / MIB:.0f} MiB; a layer is {layer / MIB:.0f} MiB\n"
    )
    print("| phase | seconds | resident MiB, added | of it not mapped files | shard + layer |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, (peak, seconds) in phases.items():
        added, own = (peak.all - peak.start_all) / MIB, (peak.own - peak.start_own) / MIB
        print(f"| {name} | {seconds:.1f} | {added:.0f} | {own:.0f} | {goal / MIB:.0f} |")
    writing = phases["writing"][0]
    return writing.all - writing.start_all < goal


def main() -> None:
    """Measure, clean up, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("assemble_memory"), help="a new one, on a disk with 7 GB")
    folder = parser.parse_args().folder
    transformers.utils.logging.disable_progress_bar()
    on_the_meta_device()
    if shutil.disk_usage(folder.parent).free < 10e9:
        sys.exit(f"There are less than 10 GB free beside {folder}; name another --folder.")
    folder.mkdir()
    try:
        met = from_files_to_files(folder)
    finally:
        shutil.rmtree(folder)
    print(f"\nGoal, writing adds less than one shard and one layer: {'met' if met else 'MISSED'}.")
    sys.exit(not met)


if __name__ == "__main__":
    main()
