"""How many records a core builds per second, and where the time goes.

    python bench/build_rate.py [RECORDS]

A record is a positive with 10 negatives, verified, its images drawn at 336 × 336. Of each kind:

- *image*: `mmgeolm negatives code`, ten images of edited programs with their captions;
- *rule*: `mmgeolm negatives rules`, ten captions of edited programs;
- *rule, text*: `mmgeolm negatives rules --data`, ten edits of a caption that is there, with its stored image;
- *retrieval*: `mmgeolm negatives retrieval`, ten captions among as many generated diagrams as there are records.

Phases, in milliseconds per record: *edits*, sampling programs, editing, solving and verifying (or editing text, or
retrieving); *captions*; *drawing*; *PNG*; *writing*, the rest of what `build` does: reading, Arrow, counts, files. The
rate is of `build` as a whole in one process, CPU time on one thread; the phases are timed apart from it.

Then the PNG settings: images per second and bytes per image, plain and in random styles. The one in use is marked.
"""

import io
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from datasets import load_from_disk
from PIL import Image

from dataset_builders.build import Record, build
from dataset_builders.caption_records import (
    picture_of,
    retrieved_record,
    rule_record,
    save_neighbours,
    states_the_same,
    undecoded,
)
from dataset_builders.code_records import KINDS, code_record, drawn, png, style_of
from dataset_builders.diagram.caption import caption
from dataset_builders.negatives.image import EXAM_DIAGRAMS, Scene, exchangeable_group
from dataset_builders.negatives.retrieval import retrieval_negatives
from dataset_builders.negatives.rule import rule_negatives

RECORDS = 100
NUM_NEGATIVES = 10
SIZE = 336
SEED = 0
PNG_SETTINGS: dict[str, dict[str, Any]] = {
    "level 1, RLE (in use)": {"compress_level": 1, "compress_type": 3},
    "level 1": {"compress_level": 1},
    "level 6, PIL's default": {"compress_level": 6},
    "level 9": {"compress_level": 9},
    "optimise": {"optimize": True},
}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    print(f"{count} records of 1 + {NUM_NEGATIVES} at {SIZE} px, CPU time of one thread, seed {SEED}.\n")
    print("| kind | records / s | edits | captions | drawing | PNG | writing |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in ("image", "rule"):
            record = partial(code_record, seed=SEED, num_negatives=NUM_NEGATIVES, kind=kind, size=SIZE)
            phases, scenes, pictures = diagram_phases(count, kind)
            row(kind, record, count, folder, phases)
        row_of_text(count, folder, folder / "rule")
        row_of_retrieval(count, folder, phases)
    print("\n| PNG | plain: images / s | bytes | styled: images / s | bytes |")
    print("| --- | ---: | ---: | ---: | ---: |")
    styled = [drawn(scene.figure, SIZE, style_of(str(scene.program))) for scene in scenes]
    for setting, options in PNG_SETTINGS.items():
        cells = []
        for images in (pictures, styled):
            seconds, sizes = timed(lambda images=images, options=options: [saved(image, options) for image in images])
            cells += [f"{len(images) / seconds:,.0f}", f"{np.mean(sizes):,.0f}"]
        print(f"| {setting} | {' | '.join(cells)} |", flush=True)


def diagram_phases(count: int, kind: str) -> tuple[dict[str, float], list[Scene], list[np.ndarray]]:
    """Seconds of each phase for the records' groups of look-alikes, with what is drawn and the pictures."""

    def group(number: int) -> list[Scene]:
        rng = np.random.default_rng([SEED, KINDS.index(kind), number])
        return exchangeable_group(1 + NUM_NEGATIVES, rng, 3, EXAM_DIAGRAMS)

    group(count)  # imports and caches
    phases: dict[str, float] = {}
    phases["edits"], groups = timed(lambda: [group(number) for number in range(count)])
    scenes = [scene for group in groups for scene in group]
    phases["captions"], _ = timed(lambda: [caption(scene.program, 7) for scene in scenes])
    if kind == "rule":
        scenes = [group[0] for group in groups]
    phases["drawing"], pictures = timed(lambda: [drawn(scene.figure, SIZE) for scene in scenes])
    phases["PNG"], _ = timed(lambda: [png(picture) for picture in pictures])
    return phases, scenes, pictures


def row_of_text(count: int, folder: Path, data: Path) -> None:
    """Rule negatives of the captions that a data set has."""
    dataset = undecoded(load_from_disk(data))
    seconds, _ = timed(lambda: [rule_negatives(text, NUM_NEGATIVES, SEED) for text in dataset["caption"]])
    record = partial(rule_record, dataset=dataset, seed=SEED, num_negatives=NUM_NEGATIVES)
    row("rule, text", record, count, folder, {"edits": seconds})


def row_of_retrieval(count: int, folder: Path, phases: dict[str, float]) -> None:
    """Captions of `count` diagrams, and the nearest of them for each."""
    corpus = partial(code_record, seed=SEED, num_negatives=0, candidates="centred", images="programs")
    sampling, _ = timed(lambda: build(corpus, count, folder / "captions"))
    dataset = undecoded(load_from_disk(folder / "captions"))
    rows = folder / "neighbours.npy"

    def retrieve() -> None:
        same = states_the_same(dataset)
        found = retrieval_negatives(dataset["caption"][:], NUM_NEGATIVES, SEED, min(100, count), same=same)
        save_neighbours(found.rows, NUM_NEGATIVES, rows)

    searching, _ = timed(retrieve)
    draw = partial(picture_of, images="embed", size=SIZE, styles=False, with_markings=True)
    texts = dataset.select_columns(["caption", "program"])
    record = partial(
        retrieved_record, dataset=dataset, texts=texts, neighbours=str(rows), num_negatives=NUM_NEGATIVES, draw=draw
    )
    share = 1 / (1 + NUM_NEGATIVES)
    parts = {"drawing": phases["drawing"] * share, "PNG": phases["PNG"] * share}
    row("retrieval", record, count, folder, {"edits": sampling + searching, **parts}, sampling + searching)


def row(kind: str, record: Record, count: int, folder: Path, phases: dict[str, float], before: float = 0.0) -> None:
    """Build, and print what it took; `before` is what was spent on the set in advance, in seconds."""
    building, _ = timed(lambda: build(record, count, folder / kind))
    total = before + building
    rest = max(0.0, total - sum(phases.values()))
    cells = [phases.get(name, 0.0) for name in ("edits", "captions", "drawing", "PNG")] + [rest]
    print(f"| {kind} | {count / total:,.1f} | {' | '.join(f'{1000 * s / count:.2f}' for s in cells)} |", flush=True)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a piece of work, and its result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def saved(image: np.ndarray, options: dict[str, Any]) -> int:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", **options)
    return file.tell()


if __name__ == "__main__":
    main()
