"""MAVIS: captions of generated geometry diagrams, and questions about them with worked solutions (no licence stated).

What is published (Zhang et al., 2024) has two layouts, both Parquet with the images in it:

    CaraJ/MAVIS-Geometry            visualization.parquet: `image_vision_dominant` and two other versions of each
                                    diagram, `choices`, and `text_en` with `caption`, `vision_dominant_question`, …
                                    and `CoT_reasoning`
    lmms-lab/LLaVA-OneVision-Data   mavis_math_rule_geo/*.parquet and mavis_math_metagen/*.parquet, a mirror of the
                                    instructions: `id`, `image`, `conversations`, `data_source`

A folder with a JSON file in LLaVA's format and the images beside it is read as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset

from dataset_builders.instructions import instructions_dataset
from dataset_builders.records import BadRecord, Problem, hard_negatives_dataset
from dataset_builders.sources.gllava import llava_instructions
from dataset_builders.sources.published import converted, find_file, published, records_with, text_of

HUB = "CaraJ/MAVIS-Geometry"
MIRROR = "lmms-lab/LLaVA-OneVision-Data"
SOURCE = "MAVIS (no licence stated)"
VERSIONS = ("text_dominant", "text_lite", "vision_dominant")
"""How much is told in words, and how much drawn: in `vision_dominant` the diagram has every number."""

CAPTION_REQUESTS = (
    "Describe this diagram.",
    "What does the diagram show?",
    "Write a caption for this figure.",
    "Tell what is drawn here.",
)
_MIRRORED = "mavis_math_*/*.parquet"
_FILE = ("visualization.parquet", "visualization*.parquet", "*.parquet")
_LANGUAGES = {"en": "text_en", "zh": "text_zh"}


def mavis_caption(path: str | Path = HUB, language: str = "en") -> tuple[Dataset, list[BadRecord]]:
    """MAVIS's captions as HardNegatives without negatives: captions to train on, or to make negatives for.

    Args:
        path: A folder with `visualization.parquet`, the file itself, or the name of such a data set on the Hub.
        language: `en` or `zh`.

    Returns:
        A data set with the schema [`~dataset_builders.records.HARD_NEGATIVES`], each caption with the version of its
        diagram that has every number, and the records left out.

    Raises:
        FileNotFoundError: if there is no such folder or file.
        ValueError: if the file is another one or has not one good record, or there is no such language.
    """

    def make(record: Mapping[str, Any], index: int) -> dict[str, Any]:
        return {**_captioned(record, language), "id": str(index), "source": SOURCE}

    file = _file(path, language)
    return hard_negatives_dataset(converted(_rows(file, language), str(file), make), str(file))


def mavis_alignment(path: str | Path = HUB, language: str = "en") -> tuple[Dataset, list[BadRecord]]:
    """The captions of [`mavis_caption`] as Instructions: a request for a caption, in one of four wordings, and it."""

    def make(record: Mapping[str, Any], index: int) -> dict[str, Any]:
        captioned = _captioned(record, language)
        request = CAPTION_REQUESTS[index % len(CAPTION_REQUESTS)]
        messages = _turns(request, captioned["caption"])
        return {"id": str(index), "images": [captioned["image"]], "messages": messages, "source": SOURCE}

    file = _file(path, language)
    return instructions_dataset(converted(_rows(file, language), str(file), make), str(file))


def mavis_instruction(path: str | Path = MIRROR, language: str = "en") -> tuple[Dataset, list[BadRecord]]:
    """MAVIS's questions with their solutions as Instructions.

    Args:
        path: A folder of either layout (the mirror's, with one folder for each configuration or a single one), a JSON
            file in LLaVA's format or its folder, or the name of such a data set on the Hub.
        language: `en` or `zh`; the mirror is English.

    Returns:
        A data set with the schema [`~dataset_builders.instructions.INSTRUCTIONS`], and the records left out. Of
        `visualization.parquet` each row makes three records, one for each of [`VERSIONS`].

    Raises:
        FileNotFoundError, ValueError: as [`mavis_caption`].
    """
    _check_language(language)
    place = published(path, [_MIRRORED, "visualization*.parquet", "*.json"])
    if place.is_dir() and list(place.glob(_MIRRORED)):
        return llava_instructions(place, "*.json", SOURCE, [], _MIRRORED)
    if place.suffix in (".json", ".jsonl") or (place.is_dir() and list(place.glob("*.json"))):
        return llava_instructions(place, "*.json", SOURCE, ["*.zip"])
    file = find_file(place, _FILE, "has the questions")
    if "conversations" in _first(file):
        return llava_instructions(place, "*.json", SOURCE, [])

    def make(record: Mapping[str, Any], index: int) -> dict[str, Any]:
        row, version = divmod(index, len(VERSIONS))
        return {**_asked(record, VERSIONS[version], language), "id": f"{row}-{VERSIONS[version]}"}

    rows = (row for row in _rows(file, language) for _ in VERSIONS)
    return instructions_dataset(converted(rows, str(file), make), str(file))


def _file(path: str | Path, language: str) -> Path:
    _check_language(language)
    return find_file(published(path, ["visualization*.parquet"]), _FILE, "has the captions")


def _check_language(language: str) -> None:
    if language not in _LANGUAGES:
        raise ValueError(f"`language` is {language!r}; it must be one of {', '.join(_LANGUAGES)}.")


def _rows(file: Path, language: str) -> Iterator[dict[str, Any] | BadRecord]:
    fields = ("image_vision_dominant", _LANGUAGES[language])
    return records_with(file, fields, "MAVIS's visualization.parquet")


def _first(file: Path) -> dict[str, Any]:
    return next((row for row in records_with(file, (), "a Parquet file") if isinstance(row, dict)), {})


def _captioned(record: Mapping[str, Any], language: str) -> dict[str, Any]:
    return {"image": record["image_vision_dominant"], "caption": text_of(_text(record, language), "caption").strip()}


def _asked(record: Mapping[str, Any], version: str, language: str) -> dict[str, Any]:
    text = _text(record, language)
    question = text_of(text, f"{version}_question").replace("<image>", " ").strip()
    # The choices are a column of their own, which the solution refers to by letter.
    lines = [f"{chr(ord('A') + place)}. {choice}" for place, choice in enumerate(record.get("choices") or [])]
    messages = _turns("\n".join([question, *lines]), text_of(text, "CoT_reasoning").strip())
    images = [record.get(f"image_{version}")]
    if images == [None]:
        raise Problem(f"image_{version}", "it is missing; download the file again.")
    return {"images": images, "messages": messages, "source": SOURCE}


def _text(record: Mapping[str, Any], language: str) -> Mapping[str, Any]:
    name = _LANGUAGES[language]
    if not isinstance(record.get(name), Mapping):
        raise Problem(name, f"it is {record.get(name)!r}; it must have the texts by name.")
    return record[name]


def _turns(*texts: str) -> Sequence[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in zip(("user", "assistant"), texts, strict=True)]
