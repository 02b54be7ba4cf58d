"""`mmgeolm negatives` with a language model: from options to records, and to an estimate of what they will cost.

What a model is asked comes first, with its answers in a journal; records are written after that, from what came of it.
"""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from datasets import Dataset

from dataset_builders.build import Record, shard_range
from dataset_builders.caption_records import undecoded
from dataset_builders.chat import Budget, Chat, Endpoint, EndpointError, Journal, OutOfBudget
from dataset_builders.chat.budget import Limits
from dataset_builders.chat.tokens import counter
from dataset_builders.negatives.llm.asking import Desk, Models
from dataset_builders.negatives.llm.captions import caption_outcome, caption_record
from dataset_builders.negatives.llm.estimate import REPAIRS, Line, estimate
from dataset_builders.negatives.llm.outcomes import Make, Stopped, make_outcomes, read_outcome
from dataset_builders.negatives.llm.problems import Columns, Problem, load_problems
from dataset_builders.negatives.llm.programs import program_outcome, program_record
from dataset_builders.negatives.llm.prompts import Prompts
from dataset_builders.records import BadRecord
from dataset_builders.sources.authors_json import load_hard_negatives
from mmgeolm.negatives_options import extra_body, shard_of

SCRIPTS = "scripts.jsonl"
"""Beside a data set of drawing scripts, one line for each record: `{"id", "scripts"}`, the positive's script first."""
JOURNAL = "journal.jsonl"
Progress = Callable[[int, int, int], None]


class Paused(RuntimeError):
    """The run stopped before its end, with everything kept; `remedy` is what to do."""

    def __init__(self, why: str, remedy: str):
        super().__init__(why)
        self.remedy = remedy


class Asked(NamedTuple):
    """Records that a model is asked for; as [`~mmgeolm.scripts.negatives.Plan`]."""

    options: dict[str, Any]
    num_records: int
    record: Callable[[Path], Record]
    left_out: tuple[BadRecord, ...]


def asked(verb: str, args: Any, captions: Dataset | None, progress: Callable[[], Any]) -> Asked:
    """What `negatives llm`, or `negatives rules --engine llm` for the given captions, will make.

    Raises:
        ValueError, OSError: for options that do not fit, data that cannot be read, or a key that is not set.
    """
    prompts, endpoint = Prompts(args.prompts), _endpoint(args)
    num_edits = _num_edits(verb, args)
    candidates = args.candidates or "centred"
    options = {"what": verb, "engine": args.engine, "model": args.model, "repair_model": args.repair_model}
    options |= {name: getattr(args, name) for name in ("temperature", "max_output_tokens", "seed", "num_negatives")}
    options |= {"extra_body": extra_body(args.extra_body), "num_edits": list(num_edits), "prompts": prompts.digest}
    options["candidates"] = candidates
    run = partial(_run, args, prompts, endpoint, progress)
    if verb == "rules":
        record = partial(_caption_records, args, captions, num_edits, run)
        return Asked(options, len(captions), record, ())
    problems, bad = _problems(args)
    options |= {name: getattr(args, f"{name}_column") for name in ("question", "solution", "image")}
    if args.engine == "program":
        options |= {"size": args.size, "styles": args.styles}
        record = partial(_program_records, args, problems, num_edits, candidates, run)
    else:
        options["confinement"] = args.confinement
        record = partial(_drawn_records, args, problems, num_edits, run)
    return Asked(options, len(problems), record, tuple(bad))


def _caption_records(
    args: Any, captions: Dataset, num_edits: tuple[int, int], run: Callable[..., None], folder: Path
) -> Record:
    names, texts = captions["id"][:], captions["caption"][:]

    def make_with(desk: Desk) -> Make:
        return lambda number: caption_outcome(names[number], texts[number], desk, args.num_negatives, num_edits)

    run(folder, len(captions), make_with)
    return partial(caption_record, dataset=undecoded(captions), folder=folder)


def _program_records(
    args: Any,
    problems: Sequence[Problem],
    num_edits: tuple[int, int],
    candidates: str,
    run: Callable[..., None],
    folder: Path,
) -> Record:
    def make_with(desk: Desk) -> Make:
        return lambda number: program_outcome(problems[number], desk)

    run(folder, len(problems), make_with)
    return partial(
        program_record,
        folder=folder,
        source=_source(args),
        seed=args.seed,
        num_negatives=args.num_negatives,
        candidates=candidates,
        num_edits=num_edits,
        size=args.size,
        styles=args.styles,
    )


def _drawn_records(
    args: Any, problems: Sequence[Problem], num_edits: tuple[int, int], run: Callable[..., None], folder: Path
) -> Record:
    from dataset_builders.negatives.llm.drawing import Workshop, drawn_outcome, drawn_record
    from dataset_builders.sandbox import Limits as ScriptLimits
    from dataset_builders.sandbox import Sandbox

    with Sandbox(ScriptLimits(), num_proc=args.num_proc, confinement=args.confinement) as box:

        def make_with(desk: Desk) -> Make:
            shop = Workshop(desk, box, asyncio.Semaphore(args.num_proc), args.num_negatives, num_edits)
            return lambda number: drawn_outcome(problems[number], shop)

        run(folder, len(problems), make_with)
    _write_scripts(folder, range(*shard_range(len(problems), shard_of(args.shard))))
    return partial(drawn_record, folder=folder, source=_source(args))


def _run(
    args: Any,
    prompts: Prompts,
    endpoint: Endpoint,
    progress: Callable[[], Any],
    folder: Path,
    num_records: int,
    make_with: Callable[[Desk], Make],
) -> None:
    """Asks for all records of the shard that nothing came of yet.

    Raises:
        Paused: if the budget is spent or the endpoint fails.
        KeyboardInterrupt: if the user stops it, with how far it came.
    """
    numbers = range(*shard_range(num_records, shard_of(args.shard)))
    models = Models(args.model, args.repair_model or "", args.max_output_tokens, args.temperature, args.temperature)
    limits = Limits(args.max_tokens, args.max_cost, args.price_input, args.price_output)

    async def ask(journal: Journal) -> None:
        async with Chat(endpoint, journal, Budget(journal, limits)) as chat:
            make = make_with(Desk(chat, prompts, models))
            await make_outcomes(chat, numbers, make, folder, args.concurrency, shown)

    shown = progress()
    with Journal(args.journal or folder / JOURNAL) as journal:
        try:
            asyncio.run(ask(journal))
        except OutOfBudget as error:
            raise Paused(f"{error}.", "Run the same command with a larger budget") from None
        except EndpointError as error:
            raise Paused(str(error), "Run the same command again when that is mended") from None
        except Stopped:
            raise KeyboardInterrupt(str(shown)) from None
        finally:
            shown.close()


def estimated(verb: str, args: Any) -> str:
    """What `--dry_run` prints: requests, tokens and cost by stage.

    Raises:
        ValueError, OSError: for data that cannot be read, or no such tokenizer.
    """
    prompts, count, num_edits = Prompts(args.prompts), counter(args.tokenizer), _num_edits(verb, args)
    shared = (args.num_negatives, num_edits, args.thinking_tokens, count)
    if verb == "rules":
        captions = load_hard_negatives(args.data, args.image_folder)["caption"][: args.num_records]
        lines, records = estimate("captions", prompts, (), captions, *shared), len(captions)
    else:
        problems = _problems(args)[0]
        lines, records = estimate(args.engine, prompts, problems, (), *shared), len(problems)
    return _table(lines, records, Limits(None, None, args.price_input, args.price_output), args)


def _table(lines: list[Line], records: int, prices: Limits, args: Any) -> str:
    total = Line("in all", *(sum(column) for column in list(zip(*lines, strict=True))[1:]))
    rows = [f"{'stage':<26}{'requests':>12}{'input tokens':>16}{'output tokens':>16}{'cost':>14}"]
    for line in [*lines, total]:
        cost = prices.cost(line.input_tokens, line.output_tokens)
        rows.append(
            f"{line.stage:<26}{line.requests:>12,.0f}{line.input_tokens:>16,.0f}{line.output_tokens:>16,.0f}{cost:>14,.2f}"
        )
    scale = 1_000 / records
    cost = prices.cost(total.input_tokens, total.output_tokens) * scale
    how = f"the tokenizer {args.tokenizer}" if args.tokenizer else "four ASCII letters, or one other, to a token"
    rows.append(
        f"\n{records:,} records. For 1,000 such: {total.requests * scale:,.0f} requests, "
        f"{total.input_tokens * scale:,.0f} tokens in, {total.output_tokens * scale:,.0f} out, cost {cost:,.2f}.\n"
        f"These are estimates. Input is counted on the prompts by {how}; lengths of answers are assumed, and "
        f"{REPAIRS:.0%} of scripts to need mending. Asking again after an answer in a wrong form is not counted. "
        "Nothing was asked."
    )
    return "\n".join(rows)


def join_scripts(folders: Sequence[str | Path], output_dir: Path) -> None:
    """Puts the scripts of shards into one file, in the order of the shards."""
    parts = [Path(folder) for folder in folders if (Path(folder) / SCRIPTS).is_file()]
    if not parts:
        return
    parts.sort(key=lambda part: json.loads((part / "build.json").read_text(encoding="utf-8"))["options"]["shard"])
    with (output_dir / SCRIPTS).open("w", encoding="utf-8") as file:
        for part in parts:
            file.write((part / SCRIPTS).read_text(encoding="utf-8"))


def _write_scripts(folder: Path, numbers: range) -> None:
    temporary = folder / f"{SCRIPTS}.tmp"
    with temporary.open("w", encoding="utf-8") as file:
        for number in numbers:
            outcome = read_outcome(folder, number)
            if "scripts" in outcome:
                line = {"id": outcome["id"], "scripts": outcome["scripts"]}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
    os.replace(temporary, folder / SCRIPTS)


def _problems(args: Any) -> tuple[list[Problem], list[BadRecord]]:
    columns = Columns(args.question_column, args.solution_column, args.image_column, args.id_column)
    problems, bad = load_problems(args.data, columns, args.image_folder)
    if args.num_records is not None:
        if args.num_records > len(problems):
            raise ValueError(
                f"--num_records is {args.num_records}, but {args.data} has only {len(problems)}; lower it."
            )
        problems = problems[: args.num_records]
    return problems, bad


def _source(args: Any) -> str:
    return f"{Path(args.data).resolve().name}, drawn by a model"


def _num_edits(verb: str, args: Any) -> tuple[int, int]:
    return tuple(args.num_edits or ((1, 1) if verb == "llm" and args.engine == "program" else (1, 4)))


def _endpoint(args: Any) -> Endpoint:
    key = ""
    if args.api_key_env:
        key = os.environ.get(args.api_key_env, "")
        if not key:
            raise ValueError(
                f"the environment variable {args.api_key_env} is not set; put the endpoint's key there, name another "
                "by --api_key_env, or pass --api_key_env '' for an endpoint without keys."
            )
    return Endpoint(
        args.base_url,
        key,
        concurrency=args.concurrency,
        timeout=args.timeout,
        max_retries=args.max_retries,
        limit_field=args.limit_field,
        extra_body=extra_body(args.extra_body),
    )
