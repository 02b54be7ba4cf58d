# /// script
# dependencies = ["mmgeolm"]
# ///
"""
Ask a model the questions of a benchmark, and score what it says by the benchmark's own rule and by the fair one.

python examples/scripts/evaluate.py \
    --model mmgeolm-7b-sft \
    --benchmark geoqa \
    --data test_questions.jsonl \
    --image_folder images \
    --batch_size 16 \
    --output_file scores.json

`mmgeolm evaluate` does the same, goes on where it was stopped, and takes responses that are written already.
"""

import importlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from transformers import HfArgumentParser

from evaluation.benchmark_requests import benchmark_requests
from evaluation.engines import TransformersEngine
from evaluation.generate import generate
from evaluation.responses import Response
from evaluation.score_table import markdown
from evaluation.scoring import judge, scores
from mmgeolm.answering import load_lmm


@dataclass
class EvaluateScriptArguments:
    """Who is asked what."""

    model: str = field(metadata={"help": "An LMM or an adapter of one: a folder, or a name on the Hub."})
    benchmark: str = field(metadata={"help": "A module of evaluation.benchmarks: geoqa, mathvista, questions…"})
    data: str = field(metadata={"help": "The benchmark's questions and answers, as it publishes them."})
    output_file: str = field(metadata={"help": "Gets all figures, as JSON."})
    image_folder: str | None = field(default=None, metadata={"help": "Where the pictures are; beside the data."})
    batch_size: int = field(default=8, metadata={"help": "Questions at a time."})
    max_new_tokens: int = field(default=1024, metadata={"help": "Most tokens of a response."})


if __name__ == "__main__":
    (script_args,) = HfArgumentParser(EvaluateScriptArguments).parse_args_into_dataclasses()

    ################
    # Benchmark
    ################
    benchmark = importlib.import_module(f"evaluation.benchmarks.{script_args.benchmark}")
    records = benchmark.load(script_args.data)
    requests = benchmark_requests(benchmark, records, script_args.data, script_args.image_folder)

    ################
    # Responses
    ################
    model, processor = load_lmm(script_args.model)
    engine = TransformersEngine(model, processor, script_args.max_new_tokens)
    generated = generate(engine, requests, batch_size=script_args.batch_size, progress=True)

    ################
    # Scores
    ################
    # What could not be asked is wrong; an empty text might be taken for an answer.
    responses = [
        Response(generated.responses[request.id], not_asked=generated.not_asked.get(request.id))
        for request in requests
    ]
    figures = scores(benchmark, records, judge(benchmark, records, responses))
    Path(script_args.output_file).write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    print(markdown(figures["scores"]))
