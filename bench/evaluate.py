"""Responses per second: batches of like length against one question at a time, as the paper's authors generate.

    OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false python bench/evaluate.py

*library* is `evaluation.generate` as `mmgeolm evaluate` runs it: reading the pictures and measuring the prompts, then
batches, with a journal on the disk. *one by one* is the release's way, written from its description: for each question
the picture, the processor, `model.generate`, the text. Both take the likeliest token at every step, from one model,
and must give the same responses.

The model is a tiny LLaVA with random weights (CLIP 4 x 128, 96 px; Qwen2 4 x 128), float32, one thread; the questions
are generated ones about generated diagrams, with requests of unequal length after them. The weights being random, most
responses have all the tokens that they may have.

The machine may be busy, so both take turns, processor time is counted, and the ratio is the median of the rounds'
ratios. Goal: at least 3 times as many. Exit status 1 if missed, or if the responses differ.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from transformers import PreTrainedModel, ProcessorMixin, Qwen2Config, Qwen2ForCausalLM
from transformers.utils import logging

from dataset_builders.diagram.questions import question_records
from evaluation.engines import TransformersEngine
from evaluation.generate import Request, generate
from evaluation.journal import Journal
from mmgeolm import assemble
from mmgeolm.tiny import tiny_encoder
from mmgeolm.tiny_lmm import word_tokenizer

GOAL = 3.0
SEED = 0
FURTHER = "Look at the letters first, then at the lines, and name the fact that decides it."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=96)
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--max_new_tokens", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        requests = asked(args.questions, Path(folder))
        model, processor = tiny_lmm([request.prompt for request in requests])

        def library(place: int) -> dict[str, str]:
            engine = TransformersEngine(model, processor, args.max_new_tokens)
            journal = Journal(Path(folder) / f"run-{place}", {})
            return generate(engine, requests, journal, args.batch_size).responses

        def alone(place: int) -> dict[str, str]:
            return {request.id: one_by_one(model, processor, request, args.max_new_tokens) for request in requests}

        said, seconds = {}, {"one by one": [], "library": []}
        for place in range(args.rounds):
            for name, answer in (("one by one", alone), ("library", library)):
                said[name], spent = timed(answer, place)
                seconds[name].append(spent)
    same = sum(said["library"][name] == text for name, text in said["one by one"].items())
    rates = {name: [args.questions / spent for spent in each] for name, each in seconds.items()}
    ratios = [many / one for many, one in zip(rates["library"], rates["one by one"], strict=True)]
    ratio = statistics.median(ratios)
    print(
        f"Tiny LLaVA, {args.questions} questions, {args.max_new_tokens} tokens, batches of {args.batch_size}, "
        f"{args.rounds} rounds, processor time on one thread, torch {torch.__version__}, seed {SEED}.\n\n"
        "| | responses a second, median | all rounds |\n| --- | ---: | --- |"
    )
    for name, each in rates.items():
        print(f"| {name} | {statistics.median(each):.1f} | {', '.join(f'{rate:.1f}' for rate in each)} |")
    distinct = len(set(said["library"].values()))
    print(f"\nThe same response to {same} of {args.questions} questions; {distinct} are distinct.")
    met = ratio >= GOAL and same == args.questions
    print(f"{ratio:.2f} times one by one (goal: at least {GOAL}, the same responses: {'met' if met else 'missed'}).")
    return 0 if met else 1


def one_by_one(model: PreTrainedModel, processor: ProcessorMixin, request: Request, max_new_tokens: int) -> str:
    """What an evaluation script does that knows no batches."""
    image = Image.open(request.pictures[0]).convert("RGB")
    content = [{"type": "image", "image": image}, {"type": "text", "text": request.prompt}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    with torch.inference_mode():
        tokens = model.generate(**inputs, do_sample=False, max_new_tokens=max_new_tokens)
    return processor.decode(tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip()


def timed(answer: Callable[[int], dict[str, str]], place: int) -> tuple[dict[str, str], float]:
    start = time.process_time()
    said = answer(place)
    return said, time.process_time() - start


def asked(count: int, folder: Path) -> list[Request]:
    """Generated questions, their diagrams as files."""
    requests = []
    for place, record in enumerate(question_records(0, SEED, count)["questions"]):
        path = folder / f"{place}.png"
        record["image"].save(path)
        requests.append(Request(record["id"], " ".join([record["question"], *[FURTHER] * (place % 4)]), (path,)))
    return requests


def tiny_lmm(texts: list[str]) -> tuple[PreTrainedModel, ProcessorMixin]:
    """A LLaVA whose weights are random, and large enough that its responses differ."""
    torch.manual_seed(SEED)
    tokenizer = word_tokenizer(texts)
    config = Qwen2Config(
        hidden_size=128,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=512,
        vocab_size=len(tokenizer),
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    encoder, _ = tiny_encoder(texts)
    model, processor = assemble(encoder, Qwen2ForCausalLM(config), tokenizer=tokenizer, seed=SEED)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval(), processor


if __name__ == "__main__":
    sys.exit(main())
