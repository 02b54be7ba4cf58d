"""The options of `mmgeolm negatives`: a dataclass for each sub-verb that builds, and checks that need no data."""

import json
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from dataset_builders.build import shard_range
from dataset_builders.code_records import DIFFICULTIES, GROUPS, PICTURES
from mmgeolm.command_line import CommandParser


@dataclass
class BuildArguments:
    """What every sub-verb takes that makes records."""

    num_records: int | None = field(default=None, metadata={"help": "how many; may be left out where the data says"})
    num_negatives: int = field(default=10, metadata={"help": "of each record"})
    output_dir: str = field(default="", metadata={"help": "new folder, or one that was begun and is to be finished"})
    seed: int = field(default=0, metadata={"help": "of everything random"})
    num_proc: int = field(default=1, metadata={"help": "processes; the data set is the same for any number"})
    shard: str = field(default="0/1", metadata={"help": "i/n builds the i-th n-th only, i from 0; see merge"})
    candidates: str | None = field(
        default=None, metadata={"help": "exchangeable (default), or centred: all negatives surround the positive"}
    )
    license: str | None = field(default=None, metadata={"help": "for the card: apache-2.0, mit…"})
    push_to_hub: str | None = field(default=None, metadata={"help": "name on the Hub, to upload it there as well"})
    private: bool = field(default=False, metadata={"help": "not to be seen by others there"})


@dataclass
class DiagramArguments(BuildArguments):
    """What generated diagrams take besides."""

    difficulty: int = field(default=3, metadata={"help": "about how many facts a caption states, 1 to 8"})
    num_edits: list[int] | None = field(
        default=None, metadata={"help": "least and most edits in one negative", "metavar": "LEAST MOST"}
    )
    size: int = field(default=336, metadata={"help": "side of an image in pixels"})
    images: str = field(default="embed", metadata={"help": "embed (PNG files), or programs: drawn when read"})
    styles: bool = field(default=False, metadata={"help": "vary strokes, fonts, rotation, scan noise"})
    ray: bool = field(default=False, metadata={"help": "num_proc workers of a Ray cluster in place of processes"})
    with_markings: bool = field(default=True, metadata={"help": "false draws letters only, no numbers or marks"})


CodeArguments = DiagramArguments


@dataclass
class ChatArguments:
    """The endpoint that is asked, and what may be spent."""

    model: str | None = field(default=None, metadata={"help": "name of the model, as the endpoint calls it"})
    base_url: str | None = field(default=None, metadata={"help": "of the endpoint, as http://127.0.0.1:8000/v1"})
    api_key_env: str = field(
        default="OPENAI_API_KEY", metadata={"help": "environment variable with the key; '' for none"}
    )
    repair_model: str | None = field(default=None, metadata={"help": "mends what failed (default: the model)"})
    temperature: float | None = field(default=None, metadata={"help": "of sampling (default: the endpoint's)"})
    max_output_tokens: int = field(default=8192, metadata={"help": "of one answer, thoughts included"})
    limit_field: str = field(default="max_tokens", metadata={"help": "or max_completion_tokens, where that is wanted"})
    extra_body: str | None = field(default=None, metadata={"help": "JSON added to each request, as '{\"seed\": 0}'"})
    concurrency: int = field(default=16, metadata={"help": "requests under way at once"})
    timeout: float = field(default=300.0, metadata={"help": "seconds for one answer"})
    max_retries: int = field(default=6, metadata={"help": "of a request that failed, with longer and longer waits"})
    max_tokens: int | None = field(default=None, metadata={"help": "of the run in all; it stops before more"})
    max_cost: float | None = field(default=None, metadata={"help": "of the run in all; it stops before more"})
    price_input: float = field(default=0.0, metadata={"help": "of a million tokens of input"})
    price_output: float = field(default=0.0, metadata={"help": "of a million tokens of output"})
    dry_run: bool = field(default=False, metadata={"help": "only estimate tokens and cost; asks nobody"})
    tokenizer: str | None = field(default=None, metadata={"help": "to count by in --dry_run (default: by letters)"})
    thinking_tokens: int = field(default=0, metadata={"help": "assumed of each answer in --dry_run"})
    prompts: str | None = field(default=None, metadata={"help": "folder of .jinja files that replace ours"})
    journal: str | None = field(default=None, metadata={"help": "of paid answers (OUTPUT_DIR/journal.jsonl)"})


@dataclass
class LLMArguments(ChatArguments, BuildArguments):
    """Exam problems, and how they become diagrams."""

    candidates: str | None = field(
        default=None, metadata={"help": "centred (default); exchangeable, which needs engine program"}
    )
    data: str | None = field(default=None, metadata={"help": "problems: JSON, JSONL, CSV, parquet or folder"})
    image_folder: str | None = field(default=None, metadata={"help": "where the image paths of --data start"})
    question_column: str = field(default="question", metadata={"help": "of --data"})
    solution_column: str = field(default="solution", metadata={"help": "of --data; '' for none"})
    image_column: str = field(default="", metadata={"help": "of --data: the problem's own figure, sent along"})
    id_column: str = field(default="", metadata={"help": "of --data (default: records are numbered)"})
    engine: str = field(default="python", metadata={"help": "python: scripts in a sandbox; program: no code runs"})
    confinement: str = field(default="landlock", metadata={"help": "of scripts; or bubblewrap, or rlimits (weak)"})
    num_edits: list[int] | None = field(
        default=None, metadata={"help": "least and most edits in one negative", "metavar": "LEAST MOST"}
    )
    size: int = field(default=336, metadata={"help": "side of an image in pixels (engine program)"})
    styles: bool = field(default=False, metadata={"help": "vary strokes and fonts (engine program)"})


@dataclass
class RulesArguments(ChatArguments, DiagramArguments):
    """Where captions come from that are not generated."""

    engine: str = field(default="grammar", metadata={"help": "or llm: a model edits --data (see --help_all)"})
    data: str | None = field(default=None, metadata={"help": "captions: JSON, JSONL, parquet or folder"})
    image_folder: str | None = field(default=None, metadata={"help": "where the image paths of --data start"})
    geometry3k: str | None = field(default=None, metadata={"help": "folder of Geometry3K, in place of --data"})


@dataclass
class RetrievalArguments(DiagramArguments):
    """Where captions come from that are not generated, and how they are retrieved."""

    data: str | None = field(default=None, metadata={"help": "captions: JSON, JSONL, parquet or folder"})
    image_folder: str | None = field(default=None, metadata={"help": "where the image paths of --data start"})
    pool: int = field(default=100, metadata={"help": "similar captions to choose from"})
    choice: str = field(default="top", metadata={"help": "top, random or simans, of the pool"})
    model: str | None = field(default=None, metadata={"help": "sentence-transformers model (default: TF-IDF)"})


@dataclass
class MergeArguments:
    """Which shards to join, and what to do with the whole."""

    folders: list[str] = field(
        default_factory=list, metadata={"help": "the shards; may come first, without --folders"}
    )
    output_dir: str = field(default="", metadata={"help": "new folder for the whole"})
    license: str | None = field(default=None, metadata={"help": "for the card: apache-2.0, mit…"})
    push_to_hub: str | None = field(default=None, metadata={"help": "name on the Hub, to upload it there as well"})
    private: bool = field(default=False, metadata={"help": "not to be seen by others there"})


SUB_VERBS: dict[str, tuple[type, str, str]] = {
    "code": (
        CodeArguments,
        "Images of edited diagram programs, verified false, with captions right for them.",
        "mmgeolm negatives code --num_records 1000 --num_negatives 10 --num_proc 4 --output_dir images",
    ),
    "rules": (
        RulesArguments,
        "Edited captions: of --data, --geometry3k, or diagrams made here and verified.",
        "mmgeolm negatives rules --data captions.json --num_negatives 10 --output_dir rules",
    ),
    "retrieval": (
        RetrievalArguments,
        "Similar captions of other records: of --data, or of generated diagrams.",
        "mmgeolm negatives retrieval --data captions.json --num_negatives 30 --output_dir near",
    ),
    "llm": (
        LLMArguments,
        "Exam problems to diagrams and negatives, by a model at an OpenAI-compatible endpoint.",
        "mmgeolm negatives llm --data exam.jsonl --model NAME --base_url http://127.0.0.1:8000/v1 --dry_run",
    ),
    "merge": (
        MergeArguments,
        "Joins the shards of one data set.",
        "mmgeolm negatives merge part-0 part-1 --output_dir whole",
    ),
}
"""Of each sub-verb that builds: its options, what it does, an example."""
_OF_CHAT = tuple(each.name for each in fields(ChatArguments))
RARE = {
    "rules": _OF_CHAT,
    "llm": (
        *("private", "limit_field", "extra_body", "timeout", "max_retries", "tokenizer", "thinking_tokens", "prompts"),
        *("image_column", "id_column", "candidates", "styles", "size"),
    ),
}
"""Options that only `--help_all` shows."""
ENGINES = {"rules": ("grammar", "llm"), "llm": ("python", "program")}
CONFINEMENTS = ("landlock", "bubblewrap", "rlimits")
_OF_DIAGRAMS = ("difficulty", "size", "images", "styles", "with_markings")


def usage() -> str:
    """What `mmgeolm negatives --help` prints."""
    lines = [f"  {verb:<10} {what}" for verb, (_, what, _) in SUB_VERBS.items()]
    lines.append("  audit      Whether negatives can be told without the image; duplicates; statistics.")
    examples = "\n".join(f"  {example}" for _, _, example in SUB_VERBS.values())
    verbs = "\n".join(lines)
    return (
        f"usage: mmgeolm negatives VERB [options]\n\n{verbs}\n\nExamples:\n{examples}\n\n"
        "`mmgeolm negatives VERB --help` lists the options of a verb."
    )


def make_parser(verb: str) -> CommandParser:
    """The parser of a sub-verb: flags, or `--config` with YAML."""
    options, what, example = SUB_VERBS[verb]
    prog = f"mmgeolm negatives {verb}"
    description = f"{what}\n{example}\n{prog} --config options.yaml"
    first = "FOLDER …" if verb == "merge" else ""
    return CommandParser(options, prog, description, positionals=first, rare=RARE.get(verb, ()))


def parse(verb: str, arguments: list[str]) -> Any:
    """The options of a sub-verb, checked; from flags, or `--config` with YAML.

    Raises:
        ValueError: for an unknown option, or a value that is out of range.
    """
    if verb == "merge":
        first = next((place for place, word in enumerate(arguments) if word.startswith("-")), len(arguments))
        arguments = [*(["--folders"] if first else []), *arguments]
    (args,) = make_parser(verb).parse_args_and_config(arguments)
    if not args.output_dir and not getattr(args, "dry_run", False):
        raise ValueError("pass --output_dir, the folder to write to.")
    if verb != "merge":
        _check(verb, args)
    return args


def shard_of(text: str) -> tuple[int, int]:
    """`i/n` as `(i, n)`; raises `ValueError` for anything else."""
    try:
        index, count = map(int, str(text).split("/"))
    except ValueError:
        raise ValueError(f"--shard {text} is not of the form i/n, such as 0/8 for the first of eight.") from None
    shard_range(1, (index, count))
    return index, count


_DEFAULTS = {each.name: each.default for each in fields(ChatArguments)}


def _check_chat(verb: str, args: Any) -> None:
    if not args.data:
        raise ValueError(f"pass --data, the {'problems to draw' if verb == 'llm' else 'captions to edit'}.")
    if not args.model and not args.dry_run:
        raise ValueError("pass --model, as the endpoint calls it.")
    if args.base_url is not None:
        url = urlsplit(args.base_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"--base_url is {args.base_url!r}; it must be a URL such as http://127.0.0.1:8000/v1.")
        if url.username or url.password or url.query:
            raise ValueError("--base_url holds more than an address; put the key into the variable of --api_key_env.")
    for name, least in (("max_output_tokens", 1), ("concurrency", 1), ("max_retries", 0), ("thinking_tokens", 0)):
        if getattr(args, name) < least:
            raise ValueError(f"--{name} is {getattr(args, name)}; it must be at least {least}.")
    for name in ("timeout", "max_tokens", "max_cost"):
        if (value := getattr(args, name)) is not None and not value > 0:
            raise ValueError(f"--{name} is {value}; it must be more than 0.")
    for name in ("price_input", "price_output", "temperature"):
        if (value := getattr(args, name)) is not None and not value >= 0:
            raise ValueError(f"--{name} is {value}; it must be 0 or more.")
    if args.max_cost is not None and not (args.price_input or args.price_output):
        raise ValueError("--max_cost needs --price_input and --price_output, of a million tokens.")
    if args.limit_field not in ("max_tokens", "max_completion_tokens"):
        raise ValueError(f"--limit_field is {args.limit_field!r}; it must be max_tokens or max_completion_tokens.")
    extra_body(args.extra_body)
    if verb == "rules":
        if args.candidates == "exchangeable":
            raise ValueError(
                "--candidates exchangeable is not there for a model's edits, which surround the positive."
            )
        return
    if args.confinement not in CONFINEMENTS:
        raise ValueError(f"--confinement is {args.confinement!r}; it must be {' or '.join(CONFINEMENTS)}.")
    if args.engine == "python":
        if args.candidates == "exchangeable":
            raise ValueError("--candidates exchangeable is there for --engine program only.")
        for name in ("size", "styles"):
            if getattr(args, name) != LLMArguments.__dataclass_fields__[name].default:
                raise ValueError(f"--{name} is for --engine program; scripts decide for themselves.")


def extra_body(text: str | None) -> dict[str, Any]:
    """The fields of `--extra_body`; raises `ValueError` if it is no JSON object, or has a field that is an option."""
    if not text:
        return {}
    try:
        fields_ = json.loads(text)
    except ValueError:
        fields_ = None
    if not isinstance(fields_, dict):
        raise ValueError(f"--extra_body is {text!r}; it must be a JSON object such as '{{\"seed\": 0}}'.")
    if taken := {"model", "messages", "temperature", "max_tokens", "max_completion_tokens", "stream"} & fields_.keys():
        raise ValueError(f"--extra_body has {sorted(taken)[0]!r}, which is not for it to set.")
    return fields_


def _check(verb: str, args: Any) -> None:
    own_data = getattr(args, "data", None) or getattr(args, "geometry3k", None)
    if args.num_records is None and not own_data:
        raise ValueError("pass --num_records, the number of records to make.")
    for name, least in (("num_records", 1), ("num_negatives", 1), ("num_proc", 1), ("size", 16), ("seed", 0)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise ValueError(f"--{name} is {value}; it must be at least {least}.")
    shard_of(args.shard)
    if verb in ENGINES and args.engine not in ENGINES[verb]:
        raise ValueError(f"--engine is {args.engine!r}; it must be {' or '.join(ENGINES[verb])}.")
    for name, choices in (("candidates", tuple(GROUPS)), ("images", PICTURES)):
        value = getattr(args, name, None)
        if value is not None and value not in choices:
            raise ValueError(f"--{name} is {value!r}; it must be {' or '.join(choices)}.")
    least, most = DIFFICULTIES
    if not least <= getattr(args, "difficulty", least) <= most:
        raise ValueError(f"--difficulty is {args.difficulty}; it must be {least} to {most}.")
    edits = args.num_edits
    if edits is not None and not (len(edits) == 2 and 1 <= edits[0] <= edits[1] <= 4):
        raise ValueError(f"--num_edits is {edits}; it must be a least and a most within 1 to 4, such as 1 2.")
    if verb == "llm" or getattr(args, "engine", None) == "llm":
        _check_chat(verb, args)
    elif used := [name for name in _OF_CHAT if getattr(args, name, None) != _DEFAULTS.get(name) and verb == "rules"]:
        raise ValueError(f"--{used[0]} is for a model; pass --engine llm as well.")
    if own_data and verb != "llm":
        for each in fields(DiagramArguments):
            if each.name in _OF_DIAGRAMS and getattr(args, each.name) != each.default:
                raise ValueError(f"--{each.name} is for generated diagrams; leave it out with {own_data}.")
    if getattr(args, "geometry3k", None):
        if args.data:
            raise ValueError("--data and --geometry3k are two sources; name one.")
        if args.candidates == "exchangeable":
            raise ValueError("--candidates exchangeable is not there for Geometry3K, whose negatives are centred.")
    elif getattr(args, "image_folder", None) and not args.data:
        raise ValueError("--image_folder is where the paths of --data start; pass --data as well.")
    if verb == "retrieval" and args.num_edits:
        raise ValueError("--num_edits is not there for retrieval, which edits nothing.")
