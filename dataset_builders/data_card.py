"""The card of a data set that `mmgeolm negatives` has written: pictures, counts, how it was made, what is missing."""

import io
import itertools
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from huggingface_hub import DatasetCard, DatasetCardData
from PIL import Image, ImageOps

from dataset_builders.build import LEFT_OUT, Report
from dataset_builders.code_records import load_built

TEMPLATE = Path(__file__).with_name("data_card.md.jinja")
PICTURES = "images"
EXAMPLES = 3

_SIDE = 200  # of an example in the card, in pixels
_NEGATIVES = 4  # beside each example
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10**7, "1M<n<10M"),
)
_HIDDEN = ("what", "data_digest")


def write_card(
    report: Report, command: str, how: str, licence: str = "unknown", name_on_hub: str | None = None
) -> DatasetCard:
    """Writes `README.md` and example pictures into the folder of a data set.

    Args:
        report: What [`~dataset_builders.build.build`] has returned.
        command: The command line that made it.
        how: Sentences on the method.
        licence: As the Hub calls it, such as `apache-2.0`.
        name_on_hub: Where it is pushed to.
    """
    dataset = load_built(report.folder)
    options = {name: value for name, value in report.options.items() if name not in _HIDDEN}
    programs_only = options.get("images") == "programs"
    data = DatasetCardData(
        language="en",
        license=licence,
        size_categories=next((label for most, label in _SIZES if report.records < most), "n>10M"),
        pretty_name=f"Geometry hard negatives ({report.options.get('what', 'negatives')})",
        tags=["geometry", "hard-negatives", "contrastive-learning", "clip", "mmgeolm", "arxiv:2505.20152"],
    )
    drawing = [f"{key}={options[key]}" for key in ("size", "styles", "with_markings") if key in options]
    card = DatasetCard.from_template(
        data,
        template_path=str(TEMPLATE),
        title=name_on_hub or report.folder.resolve().name,
        command=command,
        how=how,
        count=f"{report.records:,}",
        pictures=_pictures(dataset, report.folder / PICTURES),
        kinds=[(kind, f"{number:,}") for kind, number in report.tally.get("kinds", Counter()).most_common()],
        candidates=_spread(report.tally.get("candidates", Counter())),
        words=_spread(report.tally.get("words", Counter())),
        edits=_edits(report.tally.get("edits", Counter())),
        programs_only=programs_only,
        render_call=", ".join(["dataset", *drawing]),
        journal="engine" in report.options,
        options=[(name, _cell(value)) for name, value in options.items()],
        versions=", ".join(f"{name} {version}" for name, version in report.versions.items()),
        missing=_missing(report.tally),
        name_on_hub=name_on_hub,
    )
    card.save(report.folder / "README.md")
    return card


def _pictures(dataset: Dataset, folder: Path) -> list[dict[str, Any]]:
    """Writes the first records as strips of images; of each its file and captions."""
    shutil.rmtree(folder, ignore_errors=True)
    if not len(dataset):
        return []
    folder.mkdir()
    found = []
    for number, row in enumerate(itertools.islice(dataset, EXAMPLES)):
        negatives = row["negative_images"][:_NEGATIVES]
        captions = row["negative_image_captions"] if negatives else row["negative_captions"]
        file = folder / f"example-{number}.png"
        file.write_bytes(_strip([row["image"], *negatives]))
        found.append(
            {
                "file": f"{PICTURES}/{file.name}",
                "caption": _line(row["caption"]),
                "captions": [_line(text) for text in captions[:_NEGATIVES]],
                "negatives": len(negatives),
            }
        )
    return found


def _strip(images: list[Image.Image]) -> bytes:
    """Images in a row, the positive in a black frame, as PNG."""
    tiles = []
    for place, image in enumerate(images):
        tile = ImageOps.pad(_on_white(image), (_SIDE, _SIDE), color=255)
        tiles.append(np.asarray(ImageOps.expand(tile, 2, fill=0 if place == 0 else 200)))
    file = io.BytesIO()
    Image.fromarray(np.concatenate(tiles, axis=1)).save(file, "PNG")
    return file.getvalue()


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode in ("RGBA", "LA", "P"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L")


def _spread(counts: Counter[str]) -> str:
    """Range and mean of a histogram whose keys are numbers."""
    numbers = sorted(int(key) for key in counts)
    if not numbers:
        return "none"
    if len(numbers) == 1:
        return str(numbers[0])
    mean = sum(int(key) * count for key, count in counts.items()) / counts.total()
    return f"{numbers[0]} to {numbers[-1]}, {mean:.1f} on average"


def _edits(counts: Counter[str]) -> str:
    kinds: Counter[str] = Counter()
    for edit, count in counts.items():
        kinds.update({kind: count for kind in edit.split("+") if kind})
    return ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common())


def _missing(tally: dict[str, Counter[str]]) -> list[str]:
    lines = [f"Left out, {reason} ({count:,})" for reason, count in tally.get(LEFT_OUT, Counter()).most_common()]
    shortfalls = tally.get("shortfall", Counter()).most_common()
    return lines + [f"Fewer negatives than wanted: {reason} ({count:,})" for reason, count in shortfalls]


def _cell(value: Any) -> str:
    return _line(str(value).lower() if isinstance(value, bool) else str(value)).replace("|", "\\|")


def _line(text: str) -> str:
    """A text as one line that Markdown shows as it is."""
    text = " ".join(text.split())
    for sign in "\\`*_<>$":
        text = text.replace(sign, f"\\{sign}")
    return text if len(text) <= 500 else f"{text[:500]}…"
