"""A model's responses to a benchmark's questions, in a folder from which a run that was stopped goes on."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import torch
import transformers
from accelerate import PartialState
from accelerate.utils import broadcast_object_list

from evaluation.benchmark_requests import benchmark_requests, fingerprint
from evaluation.engines import TransformersEngine, VLLMEngine, check_vllm
from evaluation.generate import Engine, Generated, Request, generate
from evaluation.journal import Journal
from mmgeolm.answering import load_lmm, open_pil_processor
from mmgeolm.generation_options import ENGINES, OFFICIAL, GenerationArguments

Checked = TypeVar("Checked")


def generated_responses(
    benchmark: ModuleType,
    records: Sequence[Mapping[str, Any]],
    data: str | os.PathLike,
    output_dir: str | os.PathLike,
    options: GenerationArguments,
) -> tuple[Generated, dict[str, Any]] | None:
    """Ask a model all questions of a benchmark, or those that an earlier run has left.

    Several processes, as `accelerate launch` starts them, share the work. Nothing is written before the questions, the
    pictures and the model have been found.

    Args:
        benchmark: A module of `evaluation.benchmarks`, or one with the same functions.
        records: As the benchmark's `load` gives them.
        data: What `load` read.
        output_dir: Gets `responses.jsonl` and `generation.json`; see [`~evaluation.journal.Journal`].
        options ([`GenerationArguments`]): the rest.

    Returns:
        What came of it, and the settings that it depends on; `None` in all processes but the first.

    Raises:
        ValueError: if an option is wrong, none of the pictures is there, the model cannot be loaded, the folder has
            responses of other settings, or a batch does not fit the memory.
    """
    state = PartialState(cpu=not torch.cuda.is_available())
    transformers.utils.logging.disable_progress_bar()
    try:

        def checked() -> tuple[list[Request], dict[str, Any], Journal]:
            _check(options, state.num_processes)
            template = None if options.prompt is None else _text(options.prompt)
            requests = benchmark_requests(benchmark, records, data, options.image_folder, template, options.distort)
            settings = _settings(benchmark, requests, template, options.image_folder or data, options)
            return requests, settings, Journal(output_dir, settings, state.process_index)

        requests, settings, journal = _agreed(state, checked)
        # What could not be asked is tried again: its picture may be there by now.
        if journal.finished and all(request.id in journal.responses for request in requests):
            generated = Generated({request.id: journal.responses[request.id] for request in requests}, {})
            return (generated, settings) if state.is_main_process else None
        engine = _engine(options, requests, state)
        try:
            generated = generate(engine, requests, journal, options.batch_size, state, progress=True)
        except torch.OutOfMemoryError as problem:
            raise ValueError(
                f"a batch of {options.batch_size} questions does not fit the GPU's memory; run the same command with "
                "a smaller --batch_size: what is answered already is kept."
            ) from problem
        if not state.is_main_process:
            return None
        journal.finish(*generated)
        return generated, settings
    finally:
        # A process that ends within the group is aborted by gloo's threads now and then (torch 2.13).
        state.destroy_process_group()


def _check(options: GenerationArguments, processes: int) -> None:
    if options.engine not in ENGINES:
        raise ValueError(f"--engine is {options.engine!r}; it must be one of {', '.join(ENGINES)}.")
    if options.dtype != "auto" and not isinstance(getattr(torch, options.dtype, None), torch.dtype):
        raise ValueError(f"--dtype is {options.dtype!r}; it must be auto, float32, bfloat16 or float16.")
    for name in ("batch_size", "max_new_tokens", "tensor_parallel_size"):
        if getattr(options, name) < 1:
            raise ValueError(f"--{name} must be at least 1, got {getattr(options, name)}.")
    if options.engine == "vllm":
        if processes > 1:
            raise ValueError("the engine vllm starts processes itself: pass --tensor_parallel_size, and no launcher.")
        check_vllm()


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as problem:
        raise ValueError(f"--prompt {path} cannot be read as a text: {problem}.") from None


def _settings(
    benchmark: ModuleType,
    requests: Sequence[Request],
    template: str | None,
    pictures: str | os.PathLike,
    options: GenerationArguments,
) -> dict[str, Any]:
    return {
        "benchmark": benchmark.NAME,
        "questions (fingerprint)": fingerprint(requests),
        "pictures": str(Path(pictures).resolve()),
        "prompt": OFFICIAL if template is None else template,
        "distort": list(options.distort),
        "model": options.model,
        "model files (fingerprint)": _files(Path(options.model)),
        "engine": options.engine,
        "dtype": options.dtype,
        "max_new_tokens": options.max_new_tokens,
    }


def _files(folder: Path) -> str | None:
    """Names, sizes and times of a model's files: reading the weights of a large one would take minutes."""
    if not folder.is_dir():
        return None
    found = [(file.name, file.stat()) for file in sorted(folder.iterdir()) if file.is_file()]
    listed = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in found]
    return hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]


def _engine(options: GenerationArguments, requests: Sequence[Request], state: PartialState) -> Engine:
    if options.engine == "transformers":
        model, processor = load_lmm(options.model, options.dtype, str(state.device))
        return TransformersEngine(model, processor, options.max_new_tokens)
    most = max((len(request.pictures) for request in requests), default=1)
    return VLLMEngine(
        options.model,
        open_pil_processor(options.model),
        options.max_new_tokens,
        options.dtype,
        most,
        tensor_parallel_size=options.tensor_parallel_size,
    )


def _agreed(state: PartialState, check: Callable[[], Checked]) -> Checked:
    """What every process finds; where the first finds something wrong it alone says so, and all end."""
    problem, found = None, None
    try:
        found = check()
    except ValueError as raised:
        problem = raised
    if state.num_processes > 1:
        wrong = [str(problem) if problem else None]
        broadcast_object_list(wrong)
        if wrong[0] is not None and not state.is_main_process:
            raise SystemExit(1)
    if problem is not None:
        raise problem
    return found
