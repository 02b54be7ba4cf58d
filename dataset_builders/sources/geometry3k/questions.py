"""Geometry3K as questions: textbook problems with four choices each (Lu et al., "Inter-GPS", ACL 2021; MIT licence).

Its folders have one folder per problem, and `hiyouga/geometry3k` on the Hub the same problems with free answers:

    test/2401/data.json   {"id": 2401, "problem_text": "Find x.", "choices": ["8", "16", …], "answer": "B",
    test/2401/img_diagram.png   "problem_type_graph": ["Triangle"], "problem_type_goal": ["Length"], …}

    data/test-00000-of-00001.parquet   {"images": […], "problem": "<image>Find x.", "answer": "16"}
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset

from dataset_builders.questions import questions_dataset
from dataset_builders.records import BadRecord, Problem
from dataset_builders.sources.published import converted, published, read_json, records_with, text_of

SOURCE = "Geometry3K (MIT)"

_GOALS = ("Angle", "Length", "Area", "Ratio")
_GRAPHS = ("Line", "Triangle", "Quad", "Circle", "Other")
_QUADRILATERALS = ("Rectangle", "Rhombus", "Parallelogram", "Trapezoid", "Square")


def geometry3k_questions(path: str | Path, image: str = "img_diagram.png") -> tuple[Dataset, list[BadRecord]]:
    """Geometry3K's problems as Questions, category what is asked for (Angle …) and what is drawn (Circle …).

    Args:
        path: A folder of problems such as `test`, or one that has such a folder `test`; a Parquet file in the layout
            of `hiyouga/geometry3k`, its folder, or that name on the Hub. Of a whole data set the test split is read.
        image: `img_diagram.png`, or `img_diagram_point.png` with a letter at every point. Only for folders.

    Returns:
        A data set with the schema [`~dataset_builders.questions.QUESTIONS`], and the records left out.

    Raises:
        FileNotFoundError: if there is no such folder or file, or no problem in it.
        ValueError: if a file is another one, or there is not one good record.
    """
    place = published(path, ["data/test*.parquet"])
    found = [place] if place.is_file() else []
    for folder in (place, place / "test", place / "data"):
        if not found and list(folder.glob("*/data.json")):
            return questions_dataset(converted(_problems(folder), str(folder), _with_image(image)), str(folder))
        found = found or sorted(folder.glob("test*.parquet"))
    if not found:
        raise FileNotFoundError(
            f"{place} has no folders of problems, such as 2401/data.json, and no test*.parquet; name Geometry3K's."
        )
    rows = (row for file in found for row in records_with(file, ("images", "problem", "answer"), "a geometry3k file"))
    return questions_dataset(converted(rows, str(found[0]), _from_hub), str(found[0]))


def _problems(folder: Path) -> Iterator[dict[str, Any] | BadRecord]:
    files = sorted(folder.glob("*/data.json"), key=lambda file: (len(file.parent.name), file.parent.name))
    for index, file in enumerate(files):
        try:
            record = read_json(file)
        except ValueError as error:
            yield BadRecord(str(folder), index, "record", str(error))
            continue
        if isinstance(record, dict):
            yield {**record, "folder": file.parent}
        else:
            yield BadRecord(str(folder), index, "record", f"{file} is no object; unpack Geometry3K again.")


def _with_image(image: str) -> Any:
    def make(record: dict[str, Any], index: int) -> dict[str, Any]:
        folder = record["folder"]
        path = folder / image
        if not path.is_file():
            raise Problem("image", f"there is no file {path}; unpack Geometry3K again, or name another `image`.")
        goals = [goal for goal in record.get("problem_type_goal") or [] if goal in _GOALS]
        graphs = ["Quad" if graph in _QUADRILATERALS else graph for graph in record.get("problem_type_graph") or []]
        return {
            "id": str(record.get("id", folder.name)),
            "image": str(path),
            "question": text_of(record, "problem_text"),
            "choices": record.get("choices"),
            "answer": text_of(record, "answer"),
            "answer_type": "choice",
            "category": [*goals, *dict.fromkeys(graph for graph in graphs if graph in _GRAPHS)],
            "benchmark": "geometry3k",
            "source": SOURCE,
        }

    return make


def _from_hub(record: Mapping[str, Any], index: int) -> dict[str, Any]:
    images = record.get("images") or []
    if len(images) != 1:
        raise Problem("images", f"it has {len(images)} images; a question has one.")
    question = text_of(record, "problem").replace("<image>", " ").strip()
    return {
        "id": str(record.get("id", index)),
        "image": images[0],
        "question": question,
        "answer": text_of(record, "answer"),
        "answer_type": "math",
        "benchmark": "geometry3k",
        "source": SOURCE,
    }
