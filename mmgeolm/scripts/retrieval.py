"""mmgeolm retrieval: rank look-alikes with any encoders; tables, a heat map of Hit@1, a plot of overlooked edits.

mmgeolm retrieval --encoders BAAI/AltCLIP ours=runs/mmclip --output_dir runs/retrieval
mmgeolm retrieval --encoders runs/quickstart/grouped-0 --scenes simple --distort rotate30 --output_dir runs/simple
mmgeolm retrieval --encoders runs/mmclip --data exams=pairs.json --output_dir runs/exams
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np

from dataset_builders.code_records import is_built, load_built
from dataset_builders.sources.authors_json import load_hard_negatives
from evaluation.edit_kinds import edit_kind_figures, edit_kind_table, plot_edit_kinds
from evaluation.encoders import fingerprint, load_encoder, named_encoders
from evaluation.heat_map import heat_map
from evaluation.retrieval import cut_captions, score_sets
from evaluation.retrieval_table import distortion_figures, distortion_table, retrieval_figures, retrieval_table
from evaluation.robustness import DISTORTIONS
from mmgeolm.command_line import CommandParser
from mmgeolm.retrieval_sets import FONTS_DISTORTION, RetrievalData, blind_scores, generated_sets, joined, record_sets
from modeling_mmclip import MMCLIPModel, MMCLIPProcessor

PLAIN = ""

SetScores = dict[str, np.ndarray]


@dataclass
class RetrievalArguments:
    """What to compare, and on what."""

    encoders: list[str] = field(
        default_factory=list,
        metadata={"help": "MMCLIP, CLIP, AltCLIP, SigLIP …: folders or names on the Hub, or NAME=FOLDER."},
    )
    output_dir: str = field(
        default="runs/retrieval", metadata={"help": "Gets results.json, results.md and plots; a stopped run goes on."}
    )
    data: list[str] = field(
        default_factory=list,
        metadata={"help": "NAME=FOLDER or NAME=FILE of hard negatives, in place of generated diagrams."},
    )
    scenes: str = field(default="exam", metadata={"help": "Generated diagrams: exam (336 pixels) or simple (96)."})
    difficulty: int = field(default=3, metadata={"help": "Facts in a generated caption, 1 to 8."})
    num_anchors: int = field(default=500, metadata={"help": "Anchors of each set; of data, at most so many."})
    num_negatives: int = field(default=10, metadata={"help": "Negatives of each anchor; of data, at most so many."})
    distort: list[str] = field(
        default_factory=list,
        metadata={"help": f"Rank distorted images, too: {', '.join(DISTORTIONS)}; generated ones in other fonts."},
    )
    seed: int = field(default=0, metadata={"help": "Of sets and distortions."})
    batch_size: int = field(default=32, metadata={"help": "Images embedded at once."})
    dtype: str = field(default="float32", metadata={"help": "Of the weights; bfloat16 is faster and coarser."})
    device: str | None = field(default=None, metadata={"help": "Such as cpu; a GPU where there is one."})
    num_proc: int = field(default=1, metadata={"help": "Processes that draw up the diagrams."})
    image_folder: str | None = field(default=None, metadata={"help": "Where relative image paths of data start."})
    negative_kind: str = field(default="rule", metadata={"help": "Kind of negatives that name none themselves."})


def make_parser() -> CommandParser:
    """The parser of the verb: flags, or `--config` with YAML."""
    return CommandParser(RetrievalArguments, prog="mmgeolm retrieval", description=__doc__)


def main(arguments: list[str] | None = None) -> None:
    """Score every encoder on every set, plain and distorted; write figures, tables and plots."""
    (args,) = make_parser().parse_args_and_config(arguments)
    logging.basicConfig(format="%(message)s")
    encoders = named_encoders(args.encoders)
    check_distortions(args)
    output = Path(args.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    data = load_sets(args)
    print(f"Ranking {', '.join(f'{name} ({len(part.anchors)})' for name, part in data.sets.items())}.", flush=True)
    blind = kept(output / "scores" / "blind.npz", identity(args, data), lambda: blind_scores(data, args.seed))
    scores: dict[str, dict[str, SetScores]] = {name: {} for name in (PLAIN, *args.distort)}
    cut = {}
    for label, name in encoders.items():
        own, cut[label] = scores_of(name, label, args, data, output)
        for distortion, each in own.items():
            scores[distortion][label] = each
    plain = scores.pop(PLAIN)
    found = {"settings": vars(args), **retrieval_figures(plain, blind), "cut_captions": cut}
    tables = [retrieval_table(found)]
    if scores:
        found["distortions"] = distortion_figures(plain, scores)
        tables.append(distortion_table(found["distortions"]))
    found["edit_kinds"] = edit_kind_figures(plain, data.edits, blind)
    if found["edit_kinds"]["sets"]:
        tables.append(edit_kind_table(found["edit_kinds"]))
        plot_edit_kinds(found["edit_kinds"], output / "edit_kinds.png")
    else:
        tables.append("No set has negatives whose kind of edit is known, so there is no edit_kinds.png.")
    if any(cut.values()):
        tables.append(
            "Captions longer than the text tower reads, whose ends went unseen: "
            f"{', '.join(f'{count} ({name})' for name, count in cut.items() if count)}."
        )
    text = "\n\n".join(tables)
    (output / "results.md").write_text(f"{text}\n", encoding="utf-8")
    (output / "results.json").write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
    heat_map(found, output / "heat_map.png")
    print(f"\n{text}\n\nResults and plots are in {output}.")


def check_distortions(args: RetrievalArguments) -> None:
    """Raise `ValueError` for a distortion that there is not, or not of this data."""
    known = [*DISTORTIONS, FONTS_DISTORTION]
    for name in args.distort:
        if name not in known:
            raise ValueError(f"--distort has no {name!r}; there are {', '.join(known)}.")
        if name == FONTS_DISTORTION and args.data:
            raise ValueError(
                "--distort fonts draws diagrams again, which only generated ones can be; leave it out with --data."
            )


def load_sets(args: RetrievalArguments) -> RetrievalData:
    """The sets that the options ask for."""
    if not args.data:
        return generated_sets(
            args.num_anchors, args.num_negatives, args.seed, args.scenes, args.difficulty, args.num_proc
        )
    parts = []
    for name, path in named_data(args.data).items():
        if is_built(path):
            dataset = load_built(path)
        else:
            dataset = load_hard_negatives(path, image_folder=args.image_folder, kind=args.negative_kind)
        parts.append(record_sets(dataset, name, args.num_anchors, args.num_negatives, args.seed))
    return joined(parts)


def named_data(entries: list[str]) -> dict[str, str]:
    """Paths by name from NAME=PATH; a PATH alone is called by its last part.

    Raises:
        ValueError: where a name is given twice.
    """
    named: dict[str, str] = {}
    for entry in entries:
        name, path = entry.split("=", 1) if "=" in entry and not Path(entry).exists() else (Path(entry).stem, entry)
        if name in named:
            raise ValueError(f"--data has two sets called {name}; give each a name of its own: NAME=FOLDER.")
        named[name] = path
    return named


def scores_of(
    name: str, label: str, args: RetrievalArguments, data: RetrievalData, output: Path
) -> tuple[dict[str, SetScores], int]:
    """Scores of an encoder by distortion, and how many captions are too long for it. What an earlier run with the same
    settings has found is not computed again."""
    loaded = []

    def encoder() -> tuple[MMCLIPModel, MMCLIPProcessor]:
        if not loaded:
            print(f"Loading {label} ...", flush=True)
            loaded.append(load_encoder(name, args.device, args.dtype))
        return loaded[0]

    def compute(distortion: str) -> SetScores:
        # Other fonts are not done to an image, but drawn.
        fonts = distortion == FONTS_DISTORTION
        images = data.images.in_other_fonts() if fonts else data.images
        done = None if fonts or distortion == PLAIN else distortion
        return score_sets(*encoder(), images, data.sets, done, args.seed, args.batch_size)

    file = output / "scores" / label.replace("/", "--")
    same = f"{identity(args, data)} {args.dtype} {fingerprint(name)}"
    found = {
        distortion: kept(Path(f"{file}-{distortion or 'plain'}.npz"), same, partial(compute, distortion))
        for distortion in (PLAIN, *args.distort)
    }
    cut = kept(Path(f"{file}-cut.npz"), same, lambda: {"captions": np.array(cut_captions(encoder()[1], data.sets))})
    return found, int(cut["captions"])


def identity(args: RetrievalArguments, data: RetrievalData) -> str:
    """What scores depend on besides the encoder: the sets, how their images are drawn, the seed."""
    drawn = None if args.data else args.scenes
    content = json.dumps([drawn, args.seed, data.sets])
    return sha256(content.encode()).hexdigest()


def kept(path: Path, settings: str, compute: Callable[[], SetScores]) -> SetScores:
    """Scores from a file, if they were computed with the same settings; else computed, and written there."""
    if path.exists():
        with np.load(path) as stored:
            if str(stored["settings"]) == settings:
                return {key.removeprefix("set:"): stored[key] for key in stored.files if key.startswith("set:")}
    scores = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Under another name first: what is there under its own is whole.
    unfinished = path.with_name(f"unfinished-{path.name}")
    np.savez(unfinished, settings=settings, **{f"set:{key}": values for key, values in scores.items()})
    unfinished.rename(path)
    return scores
