"""Raw hard-negative records → a batch in index form: distinct images, distinct captions, and who competes with
whom."""

import hashlib
import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps
from transformers.data.data_collator import DataCollatorMixin

from modeling_mmclip import MMCLIPProcessor
from modeling_mmclip.processing_mmclip import as_rgb

logger = logging.getLogger(__name__)

KIND_CODES = {"positive": 0, "random": 1, "retrieval": 2, "rule": 3, "image": 4}
NEGATIVE_KINDS = tuple(KIND_CODES)[1:]
NO_CANDIDATE = -100


class BadRecord(ValueError):
    """A record that cannot be used, with the reason in one sentence."""


class Picture(NamedTuple):
    """A decoded RGB image with what identifies it, which is taken once however many records have it."""

    image: Image.Image
    key: bytes


class Record(NamedTuple):
    """A record as the batch takes it: checked, its negatives chosen, its images decoded."""

    image: Picture
    caption: str
    negatives: list[tuple[str, int]]  # caption, kind code
    negative_images: list[Picture]
    negative_image_captions: list[str]


class Row(NamedTuple):
    """One anchor with its candidates, as positions in the batch's flat lists, the positive first."""

    anchor: int
    candidates: list[int]
    kinds: list[int]


@dataclass
class DataCollatorForHardNegatives(DataCollatorMixin):
    """Collate records of the HardNegatives schema.

    A record needs `image` (PIL image, array, path, or the `{"bytes", "path"}` of an undecoded `datasets` column) and
    `caption`; it may have `negative_captions` with `negative_caption_kinds` (`rule` if absent), `negative_images` with
    `negative_image_captions`. Any number of negatives, none included, different from record to record. With negative
    captions, or without any negatives, its image is an anchor of the text side; with negative images its caption is an
    anchor of the image side.

    Texts and images that occur more than once are encoded once. A negative caption that equals its positive after
    tokenisation (the difference lies behind the text limit, say) is dropped, counted and warned about.

    Args:
        processor ([`~modeling_mmclip.MMCLIPProcessor`]): image processor and tokenizer.
        candidates (`str`, *optional*, defaults to `"hard"`): `hard`, `in_batch` or `hybrid`. Under `in_batch` and
            `hybrid` a negative image with a caption of its own is also a pair; under `in_batch` negatives without a
            partner are left out, as they could not enter the loss. A record's own `_candidates` comes first.
        max_negatives (`int`, *optional*): at most so many negatives per record and side.
        negative_choice (`str`, *optional*, defaults to `"first"`): which ones: the `first`, or a `random` choice that
            depends on `seed` and the record's `_draw` (epoch and position, set by the Trainer) alone. Records of a
            stream have none; their choice depends on the caption, and is the same in each epoch.
        seed (`int`, *optional*, defaults to `0`): for `negative_choice="random"`.
        skip_bad_records (`bool`, *optional*, defaults to `True`): leave out a record that cannot be used and report it
            under `skipped`; `False` raises [`BadRecord`].

    Returns, per batch of R records with I distinct images and T distinct captions:
        `pixel_values`, `input_ids`, `attention_mask` of the processor;
        `image_anchors (A,)`, `text_candidates (A, 1+K)`, `text_anchors (B,)`, `image_candidates (B, 1+M)`;
        `text_rows (R,)`, `image_rows (R,)`: the anchor row that belongs to each record, −1 for none;
        `text_kinds (R, 1+K)`, `image_kinds (R, 1+M)`: kind codes per record, −100 where there is no candidate;
        `image_keys (I,)`, `text_keys (T,)`: what identifies an image or caption across processes (int64);
        `candidates` (`str`), `skipped` (`list[str]`), `dropped` (`int`): negatives equal to their positive.
    """

    processor: MMCLIPProcessor
    candidates: str = "hard"
    max_negatives: int | None = None
    negative_choice: str = "first"
    seed: int = 0
    skip_bad_records: bool = True
    return_tensors: str = "pt"
    _warned: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.negative_choice not in ("first", "random"):
            raise ValueError(f"You set `negative_choice={self.negative_choice!r}`; it must be first or random.")
        if self.max_negatives is not None and self.max_negatives < 1:
            raise ValueError(f"You set `max_negatives={self.max_negatives}`; it must be at least 1, or None for all.")

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        candidates = examples[0].get("_candidates", self.candidates)
        records, skipped, opened = [], [], {}
        for example in examples:
            try:
                records.append(self._read(example, candidates, opened))
            except BadRecord as problem:
                if not self.skip_bad_records:
                    raise
                skipped.append(f"record {example.get('id', '(no id)')!r}: {problem}")
                records.append(None)

        images, texts = Distinct(), Distinct()
        if not any(records):
            # Every process must take part in a distributed step, so a batch without a usable record has inputs too.
            images.add(b"", Image.new("RGB", (8, 8), "white"))
            texts.add("", "")
        text_side, image_side, pairs = [], [], []
        for record in records:
            text_row, image_row, pair_rows = rows_of(record, images, texts, pairs_too=candidates != "hard")
            text_side.append(text_row)
            image_side.append(image_row)
            pairs += pair_rows

        encoded = self.processor.encode_texts(texts.values)
        keep, merged, text_keys = merge_equal_rows(encoded)
        text_side, dropped_texts = merge_candidates(text_side, merged)
        image_side = [row and row._replace(anchor=merged[row.anchor]) for row in image_side]
        pairs, _ = merge_candidates(pairs, merged)
        if dropped_texts and not self._warned:
            logger.warning(
                "A negative caption equals its positive after tokenisation and is dropped: %r. The difference lies "
                "behind the limit of %s tokens, or in characters that the tokenizer does not tell apart. Further ones "
                "are counted only.",
                texts.values[dropped_texts[0]],
                self.processor.max_length,
            )
            self._warned = True
        return {
            **{name: tensor[keep] for name, tensor in encoded.items()},
            **self.processor.encode_images(images.values),
            **index_tensors("image_anchors", "text_candidates", [*text_side, *pairs]),
            **index_tensors("text_anchors", "image_candidates", image_side),
            **record_tensors("text_rows", "text_kinds", text_side),
            **record_tensors("image_rows", "image_kinds", image_side),
            "image_keys": torch.tensor([short_key(key) for key in images.positions]),
            "text_keys": torch.tensor([short_key(key) for key in text_keys]),
            "candidates": candidates,
            "skipped": skipped,
            "dropped": len(dropped_texts),
        }

    def _read(self, example: Mapping[str, Any], candidates: str, opened: dict[Any, Picture]) -> Record:
        """Check a record, choose its negatives, decode its images that are not `opened`; raises [`BadRecord`]."""
        for column in ("image", "caption"):
            if example.get(column) is None:
                raise BadRecord(f"it has no {column}; a record needs image and caption.")
        caption = checked_caption(example["caption"], "caption")
        texts = [checked_caption(text, "negative caption") for text in listed(example, "negative_captions")]
        kinds = listed(example, "negative_caption_kinds") or ["rule"] * len(texts)
        if len(kinds) != len(texts):
            raise BadRecord(f"it has {len(texts)} negative_captions but {len(kinds)} negative_caption_kinds.")
        if unknown := [kind for kind in kinds if kind not in NEGATIVE_KINDS]:
            raise BadRecord(f"its kind {unknown[0]!r} is none of {', '.join(NEGATIVE_KINDS)}.")
        images = listed(example, "negative_images")
        partners = listed(example, "negative_image_captions")
        if partners and len(partners) != len(images):
            raise BadRecord(f"it has {len(images)} negative_images but {len(partners)} negative_image_captions.")
        if candidates == "in_batch":
            texts, images = [], images if partners else []
        # A stream's records have no place: without the caption all of them would choose the same positions.
        draw = example.get("_draw") or (short_key(caption.encode()) % 2**63,)
        texts_in, images_in = self._choose(len(texts), draw), self._choose(len(images), draw)
        return Record(
            load_once(example["image"], "image", opened),
            caption,
            [(texts[i], KIND_CODES[kinds[i]]) for i in texts_in],
            [load_once(images[i], "negative image", opened) for i in images_in],
            [checked_caption(partners[i], "negative image's caption") for i in images_in] if partners else [],
        )

    def _choose(self, available: int, draw: tuple[int, ...]) -> list[int]:
        """Positions of the negatives to use, in their order."""
        if self.max_negatives is None or available <= self.max_negatives:
            return list(range(available))
        if self.negative_choice == "first":
            return list(range(self.max_negatives))
        # Seeded by the record's place in the epoch: the same for any number of workers or processes, and on a resume.
        rng = np.random.default_rng([self.seed, *draw])
        return sorted(rng.choice(available, self.max_negatives, replace=False).tolist())


class Distinct:
    """A list of distinct values in order of arrival, each found by its key."""

    def __init__(self):
        self.positions: dict[Any, int] = {}
        self.values: list[Any] = []

    def add(self, key: Any, value: Any) -> int:
        """Position of the value with this key, which is added if it is new."""
        position = self.positions.setdefault(key, len(self.values))
        if position == len(self.values):
            self.values.append(value)
        return position


def rows_of(
    record: Record | None, images: Distinct, texts: Distinct, pairs_too: bool
) -> tuple[Row | None, Row | None, list[Row]]:
    """A record's rows on the text and image side, and, if asked for, its negative images as pairs of their own."""
    if record is None:
        return None, None, []
    image, caption = images.add(record.image.key, record.image.image), texts.add(record.caption, record.caption)
    negative_images = [images.add(negative.key, negative.image) for negative in record.negative_images]
    text_row = image_row = None
    if record.negatives or not record.negative_images:
        negatives = [texts.add(text, text) for text, _ in record.negatives]
        text_row = Row(image, [caption, *negatives], [KIND_CODES["positive"], *(kind for _, kind in record.negatives)])
    if negative_images:
        # A negative drawn exactly as the positive is none.
        negatives = [negative for negative in dict.fromkeys(negative_images) if negative != image]
        image_row = Row(
            caption, [image, *negatives], [KIND_CODES["positive"], *[KIND_CODES["image"]] * len(negatives)]
        )
    pair_rows = []
    if pairs_too:
        for negative, text in zip(negative_images, record.negative_image_captions, strict=False):
            pair_rows.append(Row(negative, [texts.add(text, text)], [KIND_CODES["positive"]]))
    return text_row, image_row, pair_rows


def merge_equal_rows(encoded: dict[str, torch.Tensor]) -> tuple[list[int], list[int], list[bytes]]:
    """Which tokenised captions to keep, the new position of each, and the keys of those kept.

    Keys leave padding out, so that they are the same whatever else is in a batch.
    """
    ids = encoded["input_ids"].numpy()
    masks = encoded["attention_mask"].numpy().astype(bool) if "attention_mask" in encoded else np.ones_like(ids, bool)
    distinct = Distinct()
    merged = [
        distinct.add(row[mask].tobytes(), position)
        for position, (row, mask) in enumerate(zip(ids, masks, strict=True))
    ]
    return distinct.values, merged, list(distinct.positions)


def merge_candidates(rows: list[Row | None], merged: list[int]) -> tuple[list[Row | None], list[int]]:
    """Text rows over the captions that were kept, and the positions of negatives that equal their positive."""
    dropped, new_rows = [], []
    for row in rows:
        if row is None:
            new_rows.append(None)
            continue
        seen = {}
        for text, kind in zip(row.candidates, row.kinds, strict=True):
            if merged[text] == merged[row.candidates[0]] and seen:
                dropped.append(text)
            else:
                seen.setdefault(merged[text], kind)
        new_rows.append(Row(row.anchor, list(seen), list(seen.values())))
    return new_rows, dropped


def index_tensors(anchors_name: str, candidates_name: str, rows: list[Row | None]) -> dict[str, torch.Tensor]:
    """Anchors `(A,)` and candidates `(A, 1 + K)`, −1 for padding."""
    rows = [row for row in rows if row is not None]
    return {
        anchors_name: torch.tensor([row.anchor for row in rows], dtype=torch.long),
        candidates_name: padded([row.candidates for row in rows], -1),
    }


def record_tensors(rows_name: str, kinds_name: str, rows: list[Row | None]) -> dict[str, torch.Tensor]:
    """For each record its row among the anchors, −1 for none, and its candidates' kinds."""
    present = [row is not None for row in rows]
    return {
        rows_name: torch.tensor(np.where(present, np.cumsum(present) - 1, -1), dtype=torch.long),
        kinds_name: padded([row.kinds if row else [] for row in rows], NO_CANDIDATE),
    }


def padded(rows: list[list[int]], value: int) -> torch.Tensor:
    """Rows of unequal length as one int64 tensor with at least one column."""
    width = max(map(len, rows), default=1) or 1
    return torch.tensor([[*row, *[value] * (width - len(row))] for row in rows], dtype=torch.long).reshape(-1, width)


def listed(record: Mapping[str, Any], column: str) -> list[Any]:
    """The values of a list column, none if it is absent; raises [`BadRecord`] if it holds no list."""
    values = record.get(column)
    if values is None:
        return []
    if not isinstance(values, list | tuple | np.ndarray):
        raise BadRecord(f"its {column} is {type(values).__name__}, not a list.")
    return list(values)


def caption_problem(text: Any) -> str | None:
    """Why a text cannot be a caption; `None` if it can."""
    if not isinstance(text, str):
        return f"{type(text).__name__}, not text"
    if not text.strip():
        return "blank"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "not Unicode: it has half of a surrogate pair"
    return None


def checked_caption(text: Any, name: str) -> str:
    """The text itself; raises [`BadRecord`] if it cannot be a caption."""
    if problem := caption_problem(text):
        raise BadRecord(f"its {name} is {problem}.")
    return text


def load_image(image: Any, name: str) -> Picture:
    """The picture from a PIL image, an array, a path, or a `{"bytes", "path"}` of `datasets`."""
    try:
        if isinstance(image, Mapping):
            image = io.BytesIO(image["bytes"]) if image.get("bytes") else image["path"]
        if isinstance(image, np.ndarray):
            if image.dtype not in (np.uint8, np.bool_):
                raise TypeError(f"an array must hold uint8 values from 0 to 255, not {image.dtype}")
            image = Image.fromarray(image)
        if not isinstance(image, Image.Image):
            image = Image.open(Path(image) if isinstance(image, str) else image)
            # The right way up, as `datasets` decodes it, where a photograph only notes how the camera was held.
            ImageOps.exif_transpose(image, in_place=True)
        image.load()
        # As the encoder sees it: what differs in its palette or transparency only must not have equal pixels.
        image = as_rgb(image)
        return Picture(image, image_key(image))
    # PIL raises SyntaxError, ValueError, EOFError and struct.error, too, on files that are cut or forged.
    except Exception as problem:
        raise BadRecord(f"its {name} cannot be read ({type(problem).__name__}: {problem}).") from problem


def load_once(image: Any, name: str, opened: dict[Any, Picture]) -> Picture:
    """[`load_image`], but a file that several records of the batch name is decoded once and kept in `opened`."""
    file = (image.get("bytes") or image.get("path")) if isinstance(image, Mapping) else image
    if not isinstance(file, bytes | str | Path):
        return load_image(image, name)
    if file not in opened:
        opened[file] = load_image(image, name)
    return opened[file]


def image_key(image: Image.Image) -> bytes:
    """What an image looks like, as 16 bytes: equal for equal pixels."""
    shape = f"{image.mode}{image.width}x{image.height}".encode()
    return hashlib.blake2b(shape + image.tobytes(), digest_size=16).digest()


def short_key(key: bytes) -> int:
    """A key that fits an int64 tensor."""
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little", signed=True)
