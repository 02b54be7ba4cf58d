"""Instructions records as trl's `SFTTrainer` takes them: checked before training, read one by one during it.

Nothing is ever cut: of a conversation that is cut, either the image or the answer is gone, and the loss does not tell.
A record that is too long, or bad in another way, is left out before the first step, with its name and the reason.
"""

import logging
import re
from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import datasets
import numpy as np
import pyarrow as pa
from jinja2 import TemplateError
from PIL import Image
from transformers import ProcessorMixin

from .data_collator import BadRecord

logger = logging.getLogger(__name__)

ROLES = ("system", "user", "assistant")
PLAN = datasets.Features(
    {
        "data": datasets.Value("int32"),
        "row": datasets.Value("int64"),
        "images": datasets.List(datasets.Value("int32")),
        "length": datasets.Value("int32"),
    }
)
"""One training record: which data set, which of its rows, the places of its images there, its length in tokens with
those of the images."""

_CHECKED = datasets.Features(
    {
        "row": datasets.Value("int64"),
        "id": datasets.Value("string"),
        "num_images": datasets.Value("int32"),
        "length": datasets.Value("int32"),
        "kind": datasets.Value("string"),
        "problem": datasets.Value("string"),
    }
)
_LOGGED = 10  # records left out that get a log line each; the rest are in the returned list and in the total


class LeftOut(NamedTuple):
    """A record that is not trained on: its data set, row (from 0) and id, the kind of problem, and what it is."""

    data: str
    row: int
    id: str
    kind: str
    problem: str

    def __str__(self) -> str:
        return f"{self.data}, record {self.row} (id {self.id!r}): {self.problem}"


class Unusable(BadRecord):
    """A [`BadRecord`] with the kind of problem, to count by."""

    def __init__(self, kind: str, problem: str):
        super().__init__(problem)
        self.kind = kind


class TextRules(NamedTuple):
    """What a conversation may hold: how it is written, and the tokens that no text may spell out."""

    image_token: str
    reserved: re.Pattern

    @classmethod
    def of(cls, processor: ProcessorMixin) -> "TextRules":
        """Those of a processor's tokenizer."""
        tokens = [str(token) for token in processor.tokenizer.added_tokens_decoder.values() if token.special]
        tokens = {*tokens, *processor.tokenizer.all_special_tokens, processor.image_token}
        return cls(processor.image_token, re.compile("|".join(map(re.escape, sorted(tokens, key=len, reverse=True)))))


def check_instructions(
    sources: dict[str, datasets.Dataset],
    processor: ProcessorMixin,
    max_length: int,
    text_only: bool = True,
    num_proc: int | None = None,
) -> tuple[datasets.Dataset, list[LeftOut]]:
    """Finds the records that can be trained on.

    Images are looked at by their header only, so one whose body is broken is found by
    [`~trainers.sft_collator.InstructionCollator`], later.

    Args:
        sources (`dict[str, Dataset]`): Instructions data sets by name, with the column `messages`; `images` and `id`
            may be absent.
        processor (`ProcessorMixin`): whose chat template and tokenizer give the lengths.
        max_length (`int`): most tokens of a record, those of its images included.
        text_only (`bool`, *optional*, defaults to `True`): whether records without an image are wanted.
        num_proc (`int`, *optional*): processes to check with.

    Returns:
        A data set with the columns of [`PLAN`], in the order of the sources, and what was left out.

    Raises:
        ValueError: for a data set without `messages`, or with `image` for `images`, or when no record is left.
    """
    parts, left_out = [], []
    for number, (name, source) in enumerate(sources.items()):
        if "messages" not in source.column_names:
            raise ValueError(
                f"{name}: the column `messages` is missing; the data set has {sorted(source.column_names)}. "
                "Instructions records have `messages` and `images`."
            )
        if "image" in source.column_names and "images" not in source.column_names:
            raise ValueError(f"{name}: it has the column `image`; Instructions records have `images`, each a list.")
        columns = [column for column in ("id", "messages", "images") if column in source.column_names]
        check = partial(
            _check_batch,
            processor=processor,
            max_length=max_length,
            text_only=text_only,
            image_length=image_length(processor),
            rules=TextRules.of(processor),
        )
        # Not cached: whether an image file is there may change from run to run.
        checked = (
            source.select_columns(columns)
            .with_format("arrow")
            .map(
                check,
                with_indices=True,
                batched=True,
                batch_size=256,
                remove_columns=columns,
                features=_CHECKED,
                num_proc=num_proc if num_proc and num_proc < len(source) else None,
                keep_in_memory=True,
                load_from_cache_file=False,
                new_fingerprint=f"checked-{number}",
                desc=f"Checking {name}",
            )
            .with_format(None)
        )
        problems = np.asarray(checked["problem"][:], dtype=object)
        bad = checked.select(np.flatnonzero(problems != ""))
        left_out += [LeftOut(name, row["row"], row["id"], row["kind"], row["problem"]) for row in bad]
        good = checked.select(np.flatnonzero(problems == ""))
        parts.append(
            datasets.Dataset.from_dict(
                {
                    "data": [number] * len(good),
                    "row": good["row"][:],
                    "images": [list(range(count)) for count in good["num_images"]],
                    "length": good["length"][:],
                },
                features=PLAN,
            )
        )
    plan = datasets.concatenate_datasets(parts)
    _report(left_out, len(plan) + len(left_out))
    if not len(plan):
        first = f" The first: {left_out[0]}" if left_out else ""
        raise ValueError(f"No record is left to train on, of {len(left_out)} in {', '.join(sources)}.{first}")
    return plan, left_out


def mixed(plan: datasets.Dataset, names: list[str], passes: Mapping[str, float], seed: int) -> datasets.Dataset:
    """The records of one epoch: each data set as often as `passes` says.

    Args:
        plan (`Dataset`): with the columns of [`PLAN`].
        names (`list[str]`): of the data sets, in the plan's order.
        passes (`dict[str, float]`): passes through a data set in an epoch, 1 where it is not named. Of a part of a
            pass, as in 0.5 or 2.5, the records are drawn once, by `seed`; they are the same in each epoch.

    Raises:
        ValueError: for a name that is none of the data sets, passes that are negative or no number, or all 0.
    """
    for name, value in passes.items():
        if name not in names:
            raise ValueError(f"`passes` names the data set {name!r}; the data sets are {', '.join(names)}.")
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 10_000:
            raise ValueError(f"You set {value!r} passes through {name!r}; it must be a number from 0 on.")
    data = np.asarray(plan["data"][:])
    chosen = []
    for number, name in enumerate(names):
        rows = np.flatnonzero(data == number)
        whole, part = divmod(passes.get(name, 1), 1)
        some = np.random.default_rng([seed, number]).permutation(rows)[: round(part * len(rows))]
        chosen += [*[rows] * int(whole), np.sort(some)]
    rows = np.concatenate(chosen)
    if not len(rows):
        raise ValueError("`passes` leaves no record to train on; give a data set that has some a number above 0.")
    return plan.select(rows)


class InstructionReader:
    """Fetches the records of a plan from their data sets, images undecoded: a transform for `Dataset.with_transform`.

    >>> train_dataset = plan.with_transform(InstructionReader(sources, processor))
    >>> train_dataset[0]
    {'images': [{'bytes': None, 'path': '7.png'}], 'messages': [{'role': 'user', ...}], 'name': 'mavis, record 7'}
    """

    def __init__(self, sources: dict[str, datasets.Dataset], processor: ProcessorMixin):
        self.names = list(sources)
        # As Arrow, since the columns' own types would decode the images, and one broken image would end the training.
        self.sources = [source.with_format("arrow") for source in sources.values()]
        self.rules = TextRules.of(processor)

    def __call__(self, batch: dict[str, list]) -> dict[str, list]:
        rows = {"images": [], "messages": [], "name": []}
        for data, row in zip(batch["data"], batch["row"], strict=True):
            record = self.sources[data][row].to_pylist()[0]
            images = record.get("images") or []
            rows["images"].append([image if isinstance(image, Mapping) else {"path": image} for image in images])
            rows["messages"].append(conversation(record["messages"], len(images), self.rules))
            rows["name"].append(f"{self.names[data]}, record {row}")
        return rows


def conversation(messages: Any, num_images: int, rules: TextRules) -> list[dict[str, str]]:
    """The turns of a conversation with plain texts; trl puts all images before the first question.

    The mark `<image>` in questions is taken out where there is one for each image, which is LLaVA's way of writing.

    Args:
        messages (`list[dict]`): turns of `role` and `content`; content may be a list of text and image parts, too.
        num_images (`int`): of the record.

    Raises:
        Unusable: when turns or texts are not as they must be, or marks and images do not match.
    """
    if not isinstance(messages, list) or not all(isinstance(message, Mapping) for message in messages):
        raise Unusable("messages", "its `messages` are no list of turns with `role` and `content`.")
    turns, marks = [], 0
    for place, message in enumerate(messages):
        role, content = message.get("role"), message.get("content")
        if isinstance(content, list):
            parts = [part for part in content if isinstance(part, Mapping)]
            marks += sum(part.get("type") == "image" for part in parts)
            content = "\n".join(part.get("text") or "" for part in parts if part.get("type") == "text")
        if role == "user" and isinstance(content, str):
            marks += content.count(rules.image_token)
            content = re.sub(rf"\s*{re.escape(rules.image_token)}\s*", "\n", content).strip()
        if not isinstance(content, str) or not content.strip():
            raise Unusable("messages", f"turn {place} has no text.")
        if found := rules.reserved.search(content):
            raise Unusable("messages", f"turn {place} spells out {found[0]!r}, which is a mark of the chat template.")
        turns.append({"role": role, "content": content})
    roles = [turn["role"] for turn in turns]
    if roles[:1] == ["system"]:
        roles = roles[1:]
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        raise Unusable("messages", f"its roles are {roles}; user and assistant must take turns, an answer last.")
    if marks not in (0, num_images):
        raise Unusable("image count", f"it has {marks} marks {rules.image_token} for {num_images} images.")
    return turns


def image_length(processor: ProcessorMixin) -> int:
    """The tokens that an image takes."""
    blank = Image.new("RGB", (8, 8), "white")
    return len(processor(images=[blank], text=[processor.image_token], add_special_tokens=False)["input_ids"][0])


def _check_batch(
    table: pa.Table,
    indices: list[int],
    processor: ProcessorMixin,
    max_length: int,
    text_only: bool,
    image_length: int,
    rules: TextRules,
) -> dict[str, list]:
    """Rows of `_CHECKED` for rows of a data set."""
    ids = [str(value) for value in (table["id"].to_pylist() if "id" in table.column_names else indices)]
    images = table["images"] if "images" in table.column_names else [None] * len(table)
    counts, problems, texts, files = [], [], [], {}
    for messages, pictures in zip(table["messages"].to_pylist(), images, strict=True):
        pictures = [] if pictures is None or not pictures.is_valid else list(pictures.values)
        counts.append(len(pictures))
        text, problem = "", ("", "")
        try:
            turns = conversation(messages, len(pictures), rules)
            if not pictures and not text_only:
                raise Unusable("text only", "it has no image, from which alone the projector learns.")
            for picture in pictures:
                _check_header(picture, files)
            text = _written(turns, len(pictures), processor)
        except Unusable as error:
            problem = (error.kind, str(error))
        texts.append(text)
        problems.append(problem)
    lengths = [
        len(tokens) + count * (image_length - 1)
        for tokens, count in zip(
            processor.tokenizer(texts, add_special_tokens=False)["input_ids"], counts, strict=True
        )
    ]
    for place, length in enumerate(lengths):
        if length > max_length and not problems[place][1]:
            what = f"it has {length} tokens with its images, {max_length} are the most."
            problems[place] = ("too long", what)
    return {
        "row": list(indices),
        "id": ids,
        "num_images": counts,
        "length": lengths,
        "kind": [kind for kind, _ in problems],
        "problem": [problem for _, problem in problems],
    }


def _written(turns: list[dict[str, str]], num_images: int, processor: ProcessorMixin) -> str:
    """The conversation as the chat template writes it, with one token for each image."""
    first = next(place for place, turn in enumerate(turns) if turn["role"] == "user")
    parts = [
        {
            "role": turn["role"],
            "content": [{"type": "image"}] * (num_images if place == first else 0)
            + [{"type": "text", "text": turn["content"]}],
        }
        for place, turn in enumerate(turns)
    ]
    try:
        return processor.tokenizer.apply_chat_template(parts, chat_template=processor.chat_template, tokenize=False)
    except TemplateError as error:
        raise Unusable("messages", f"the chat template refuses it: {error}") from None


def _check_header(picture: pa.Scalar, files: dict[str, str | None]) -> None:
    """Raises [`Unusable`] for an image that is not there or that PIL does not know; files are looked at once."""
    is_struct = isinstance(picture, pa.StructScalar)
    path = (picture["path"] if is_struct else picture).as_py()
    if is_struct and picture["bytes"].is_valid:
        problem = _header_problem(pa.BufferReader(picture["bytes"].as_buffer()), path or "the image")
    elif not isinstance(path, str):
        problem = "an image of it is missing."
    elif "://" in path:
        return
    else:
        if path not in files:
            files[path] = _header_problem(path, path)
        problem = files[path]
    if problem:
        raise Unusable("image", problem)


def _header_problem(file: Any, name: str) -> str | None:
    try:
        with Image.open(file):
            return None
    except FileNotFoundError:
        return f"there is no image file {name}."
    except Exception as error:  # PIL's readers raise many types on a broken file
        return f"{name} cannot be opened as an image ({type(error).__name__})."


def _report(left_out: list[LeftOut], count: int) -> None:
    for record in left_out[:_LOGGED]:
        logger.warning("Left out: %s", record)
    if left_out:
        kinds = ", ".join(f"{kind} {number}" for kind, number in Counter(r.kind for r in left_out).most_common())
        logger.warning("Left out %d of %d records (%s).", len(left_out), count, kinds)
