"""A page to look at hard negatives: each positive beside its negatives, with the changed words and strokes marked.

    gallery(load_from_disk("negatives"), "gallery.html", num_records=24, seed=0)

The page is one file. It loads nothing, opens from disk, and needs JavaScript only to slide and blink between pictures.
"""

import base64
import difflib
import io
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc
from datasets import Dataset, List
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image, ImageOps

from dataset_builders.records import KINDS, as_hard_negatives

TEMPLATE = Path(__file__).with_name("gallery.html.jinja")

SIDE = 336
"""The longest side of a picture in the page, in pixels."""

PAGE_BYTES = 10_000_000
"""What all pictures of a page may take together as PNG; base64 makes a third more of it. Where it does not suffice,
pictures get smaller, down to `_LEAST_BYTES` each."""

FOLD = 800
"""A text with more characters is folded away."""

LONGEST = 20_000
"""What is shown of a text, in characters."""

_LEAST_BYTES = 4_000
_CONTEXT = 80  # characters kept on either side of a change, where a long stretch is the same
_ALIKE = 0.5  # below this share of common words two captions are shown as different ones, not as an edit
_MARKS = ((0, 0, 0), (200, 80, 0), (255, 205, 160), (15, 60, 200))  # none, removed (two stripes), added

# Numbers whole, letters and their accents together, an ideograph or any other sign alone.
_WORD = re.compile(
    r"(\d+(?:\.\d+)?|[^\W\d\u2e80-\u9fff\uf900-\ufaff]+(?:[\u0300-\u036f]+[^\W\d\u2e80-\u9fff\uf900-\ufaff]*)*|\S)(\s*)"
)


class Part(NamedTuple):
    """A stretch of a marked caption.

    Attributes:
        change (`str`): `equal`, `delete` (of the positive only), `insert` (of the negative only), or `skip`, a remark
            in place of a long stretch that is the same.
        pieces (`list[tuple[str, bool]]`): its text, and of each piece whether it is a letter that has changed within
            the name of a figure (AB to CB).
    """

    change: str
    pieces: list[tuple[str, bool]]


class Comparison(NamedTuple):
    """A negative caption against its positive: the marked text, the number of words that changed in it (those that
    are deleted where none is inserted), whether it is another caption altogether, and its length in characters."""

    parts: list[Part]
    changed: int
    another: bool
    length: int

    @property
    def folded(self) -> bool:
        return sum(len(text) for part in self.parts for text, _ in part.pieces) > FOLD


class Strokes(NamedTuple):
    """Masks `(height, width)`, bool: ink of the positive where the negative has paper, and the reverse."""

    removed: np.ndarray
    added: np.ndarray


def gallery(
    dataset: Dataset,
    path: str | Path,
    num_records: int = 24,
    seed: int = 0,
    max_negatives: int = 12,
    title: str = "Hard negatives",
) -> Path:
    """Writes a page of random records of a HardNegatives data set; returns its path.

    Args:
        dataset: With the schema [`HARD_NEGATIVES`], or columns that [`as_hard_negatives`] can bring to it.
        path: The HTML file, written anew; its folder is made.
        num_records: How many records; all of them if there are fewer.
        seed: Of the choice. Records keep the data set's order.
        max_negatives: Negative captions shown of a record, dealt out over their kinds, and as many negative images.
        title: Heading of the page.

    Raises:
        ValueError: if a number is below 1, if `path` is a folder, if the columns are not those of hard negatives, or
            if none of the chosen records can be used. A picture that cannot be read gets a note in its place.
    """
    for name, value in (("num_records", num_records), ("max_negatives", max_negatives)):
        if value < 1:
            raise ValueError(f"You set `{name}={value}`; it must be at least 1.")
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name the HTML file to write, such as {path / 'gallery.html'}.")
    order = np.random.default_rng(seed).permutation(len(dataset))[:num_records]
    chosen = sorted(int(position) for position in order)
    if chosen:
        sample = as_hard_negatives(dataset.select(chosen), "the records of the gallery")[0].with_format("arrow")
        rows = [sample[place].to_pylist()[0] for place in range(len(sample))]  # images as they are stored
    else:
        rows = []
    pictures = sum(1 + 2 * min(len(row["negative_images"]), max_negatives) for row in rows)
    limit = max(_LEAST_BYTES, PAGE_BYTES // max(1, pictures))
    records = [_record(row, max_negatives, limit) for row in rows]
    total, shown = kind_counts(dataset), Counter()
    for record in records:
        shown.update({kind: len(texts) for kind, texts in record["texts"].items()}, image=len(record["cards"]))
    environment = Environment(
        loader=FileSystemLoader(TEMPLATE.parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template(TEMPLATE.name).render(
        title=title,
        records=records,
        length=len(dataset),
        left_out=len(chosen) - len(records),
        seed=seed,
        kinds=[(kind, total[kind], shown[kind]) for kind in KINDS if total[kind] or shown[kind]],
        longest=LONGEST,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def kind_counts(dataset: Dataset) -> Counter[str]:
    """The negatives of a whole data set by kind; those of kind `image` are negative images and, where there are such,
    negative captions of redrawn diagrams. Captions of a data set without kinds count as `rule`."""
    counts: Counter[str] = Counter()
    names = ("negative_captions", "negative_caption_kinds", "negative_images")
    columns = [name for name in names if isinstance(dataset.features.get(name), List)]
    if not columns:
        return counts
    for batch in dataset.select_columns(columns).with_format("arrow").iter(10_000):
        lengths = {name: pc.sum(pc.list_value_length(batch[name])).as_py() or 0 for name in columns}
        counts["image"] += lengths.get("negative_images", 0)
        if "negative_caption_kinds" in columns:
            for pair in pc.value_counts(pc.list_flatten(batch["negative_caption_kinds"])).to_pylist():
                counts[pair["values"]] += pair["counts"]
        else:
            counts["rule"] += lengths.get("negative_captions", 0)
    return counts


def _record(row: Mapping[str, Any], max_negatives: int, limit: int) -> dict[str, Any]:
    """What the template shows of a record."""
    caption = row["caption"][:LONGEST]
    positive, problem = _opened(row["image"])
    texts: dict[str, list[Comparison]] = {}
    for place in _dealt(row["negative_caption_kinds"], max_negatives):
        compared = compare_captions(caption, row["negative_captions"][place])
        texts.setdefault(row["negative_caption_kinds"][place], []).append(compared)
    captions = row["negative_image_captions"] or [None] * len(row["negative_images"])
    images = list(zip(row["negative_images"], captions, strict=True))
    return {
        "id": row["id"],
        "source": row["source"],
        "program": row["program"],
        "caption": caption,
        "length": len(row["caption"]),
        "folded": len(caption) > FOLD,
        "picture": _picture(positive, limit) if positive else None,
        "problem": problem,
        "texts": texts,
        "cards": [_card(positive, caption, *pair, limit) for pair in images[:max_negatives]],
        "totals": Counter(row["negative_caption_kinds"]),
        "num_images": len(images),
        "counts": dict(Counter(row["negative_caption_kinds"]) + Counter(image=len(images))),
    }


def _dealt(kinds: list[str], count: int) -> list[int]:
    """Positions of at most `count` negatives, as many of each kind as there are, in their order."""
    rank: Counter[str] = Counter()
    ranked = []
    for place, kind in enumerate(kinds):
        ranked.append((rank[kind], place))
        rank[kind] += 1
    return sorted(place for _, place in sorted(ranked)[:count])


def _card(
    positive: Image.Image | None, caption: str, stored: Any, negative_caption: str | None, limit: int
) -> dict[str, Any]:
    """What the template shows of a negative image."""
    negative, problem = _opened(stored)
    card = {
        "picture": _picture(negative, limit) if negative else None,
        "problem": problem,
        "marks": None,
        "note": "",
        "same": False,
        "comparison": compare_captions(caption, negative_caption) if negative_caption else None,
        "caption": negative_caption or "",
    }
    if negative is None or positive is None:
        return card
    if negative.size != positive.size:
        sizes = "{} × {}, the negative {} × {}".format(*positive.size, *negative.size)
        return {**card, "note": f"The positive is {sizes} pixels, so their strokes are not compared."}
    if positive.tobytes() == negative.tobytes():
        return {**card, "same": True, "note": "This is the positive, pixel for pixel."}
    strokes = changed_strokes(positive, negative)
    removed, added = (int(mask.sum()) for mask in strokes)
    if removed + added == 0:
        return {**card, "note": "No stroke differs; only shades do."}
    words = f"{removed:,} pixels of ink removed, {added:,} added"
    return {**card, "marks": {"source": _data_uri(_marks_png(strokes)), "words": words}}


def compare_captions(positive: str, negative: str) -> Comparison:
    """Marks the words that differ, with difflib; spaces do not count, and of a text over [`LONGEST`] only that much
    is compared. Where fewer than half of the words are common, only the negative is in the result, with the words
    that the positive lacks marked."""
    length = len(negative)
    ours, theirs = (_WORD.findall(text[:LONGEST].lstrip()) for text in (positive, negative))
    a, b = [word for word, _ in ours], [word for word, _ in theirs]
    # Most captions are edits in one place; what is before and behind it need not be searched.
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest = min(len(a), len(b)) - start
    end = next((i for i in range(rest) if a[-1 - i] != b[-1 - i]), rest)
    matcher = difflib.SequenceMatcher(None, a[start : len(a) - end], b[start : len(b) - end])
    codes = [("equal", 0, start, 0, start)]
    codes += [(code, i + start, j + start, k + start, m + start) for code, i, j, k, m in matcher.get_opcodes()]
    codes += [("equal", len(a) - end, len(a), len(b) - end, len(b))]
    common = sum(j - i for code, i, j, _, _ in codes if code == "equal")
    another = 2 * common < _ALIKE * (len(a) + len(b))
    parts: list[Part] = []
    for code, i, j, k, m in codes:
        if code == "equal":
            _append_equal(parts, _joined(theirs[k:m]))
            continue
        old, new = ([] if another else a[i:j]), b[k:m]
        old_text, new_text = _joined(ours[i:j] if old else []), _joined(theirs[k:m])
        if old:
            parts.append(Part("delete", _letters(old, new) or [(old_text.rstrip(), False)]))
        if new:
            parts.append(Part("insert", (old and _letters(new, old)) or [(new_text.rstrip(), False)]))
        last = new_text or old_text
        _append_equal(parts, last[len(last.rstrip()) :])
    changed = sum(m - k if m > k else j - i for code, i, j, k, m in codes if code != "equal")
    return Comparison(_without_long_runs(parts), changed, another, length)


def _joined(words: list[tuple[str, str]]) -> str:
    return "".join(word + space for word, space in words)


def _append_equal(parts: list[Part], text: str) -> None:
    if text and parts and parts[-1].change == "equal":
        text = parts.pop().pieces[0][0] + text
    if text:
        parts.append(Part("equal", [(text, False)]))


def _letters(words: list[str], others: list[str]) -> list[tuple[str, bool]] | None:
    """The letters of a figure's name, and which of them differ from the one in its place; `None` for other words."""
    if len(words) != 1 or len(others) != 1 or len(words[0]) != len(others[0]) or len(words[0]) == 1:
        return None
    word, other = words[0], others[0]
    if not (word.isalpha() and word.isupper() and other.isalpha() and other.isupper()):
        return None
    return [(letter, letter != place) for letter, place in zip(word, other, strict=True)]


def _without_long_runs(parts: list[Part]) -> list[Part]:
    """Leaves of each long stretch that is the same only what is next to a change."""
    if all(part.change == "equal" for part in parts):
        return parts
    short: list[Part] = []
    for place, part in enumerate(parts):
        text = part.pieces[0][0]
        if part.change != "equal" or len(text) <= 4 * _CONTEXT:
            short.append(part)
            continue
        before = text[:_CONTEXT] if place else ""
        behind = text[-_CONTEXT:] if place < len(parts) - 1 else ""
        skipped = len(text) - len(before) - len(behind)
        pieces = [("equal", before), ("skip", f" … {skipped:,} characters the same … "), ("equal", behind)]
        short += [Part(change, [(piece, False)]) for change, piece in pieces if piece]
    return short


def changed_strokes(positive: Image.Image, negative: Image.Image) -> Strokes:
    """Where one of two RGB images of equal size has ink and the other paper.

    Paper is an image's median colour and ink what is far from it in any channel, measured by the strongest contrast
    of the two; the grey rim of a stroke is neither, so that it does not count as a change.
    """
    far = [_distance_from_paper(np.asarray(image, dtype=np.int16)) for image in (positive, negative)]
    contrast = max(32, *(int(distance.max()) for distance in far))
    ink, paper = ([distance > 0.4 * contrast for distance in far], [distance < 0.2 * contrast for distance in far])
    return Strokes(removed=ink[0] & paper[1], added=ink[1] & paper[0])


def _distance_from_paper(pixels: np.ndarray) -> np.ndarray:
    """`(height, width, 3)` to `(height, width)`: the largest difference from the median colour over the channels."""
    step = max(1, min(pixels.shape[:2]) // 128)
    return np.abs(pixels - np.median(pixels[::step, ::step], axis=(0, 1)).astype(np.int16)).max(axis=2)


def _marks_png(strokes: Strokes) -> bytes:
    """A transparent layer to lay over the negative: removed strokes striped, added ones solid."""
    height, width = strokes.removed.shape
    longest = max(height, width)
    if longest > SIDE:
        size = tuple(max(1, round(side * SIDE / longest)) for side in (width, height))
        # A thin stroke of a large image is to stay visible, so a fifth of a pixel is enough.
        masks = [np.asarray(Image.fromarray(mask).convert("L").resize(size, Image.Resampling.BOX)) for mask in strokes]
        removed, added = (mask > 50 for mask in masks)
    else:
        factor = SIDE // longest  # room for the stripes
        removed, added = (mask.repeat(factor, axis=0).repeat(factor, axis=1) for mask in strokes)
    y, x = np.indices(removed.shape)
    layer = np.where(removed, np.where((x + y) % 8 < 5, 1, 2), 0)
    layer = np.where(added, 3, layer).astype(np.uint8)
    image = Image.fromarray(layer).convert("P")
    image.putpalette([value for colour in _MARKS for value in colour])
    return _png(image, transparency=0)


def _opened(stored: Any) -> tuple[Image.Image | None, str]:
    """A stored image on white paper, in RGB, or `None` and what is wrong with it."""
    name = (stored or {}).get("path") or "its bytes"
    try:
        with Image.open(io.BytesIO(stored["bytes"]) if stored["bytes"] else stored["path"]) as image:
            image = ImageOps.exif_transpose(image)
            if image.mode.startswith(("I", "F")):  # 16 or 32 bits per pixel, which PIL would clip to 255
                values = np.asarray(image, dtype=np.float64)
                spread = max(1e-9, float(values.max() - values.min()))
                image = Image.fromarray(((values - values.min()) * (255 / spread)).astype(np.uint8))
            if image.has_transparency_data:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            return image.convert("RGB"), ""
    except Exception as error:  # PIL's readers raise many types on a broken file
        return None, f"The image cannot be read from {name} ({error})."


def _picture(image: Image.Image, limit: int) -> dict[str, Any]:
    """The image as a data URI of at most about `limit` bytes, with its width and height in pixels before scaling."""
    side = min(SIDE, max(image.size))
    while True:
        small = image.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3)
        encoded = _png(_few_colours(small))
        if len(encoded) <= limit or side <= 48:
            break
        side = max(48, int(side * min(0.9, (limit / len(encoded)) ** 0.5)))  # bytes go with the area
    return {"source": _data_uri(encoded), "width": image.width, "height": image.height}


def _few_colours(image: Image.Image) -> Image.Image:
    """16 greys for a grey image, else 64 colours: a third of the bytes, and no difference to see on a diagram."""
    pixels = np.asarray(image).astype(np.int16)
    if int((pixels.max(axis=2) - pixels.min(axis=2)).max()) > 16:
        return image.quantize(64, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    grey = Image.fromarray(((pixels[..., 1] + 8) // 17).astype(np.uint8)).convert("P")
    grey.putpalette([17 * level for level in range(16) for _ in range(3)])
    return grey


def _png(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True, **options)
    return buffer.getvalue()


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
