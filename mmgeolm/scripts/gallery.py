"""mmgeolm gallery: write an HTML page of hard negatives with what was changed marked, to look at in a browser.

mmgeolm gallery negatives/train                                # a folder of save_to_disk
mmgeolm gallery pairs.json --num_records 50 --seed 1 --output pairs.html
"""

from dataclasses import dataclass, field
from pathlib import Path

from dataset_builders.gallery import gallery
from dataset_builders.sources.authors_json import load_hard_negatives
from mmgeolm.command_line import CommandParser


@dataclass
class GalleryArguments:
    """What to show."""

    num_records: int = field(default=24, metadata={"help": "Records, chosen at random."})
    seed: int = field(default=0, metadata={"help": "Of the choice."})
    max_negatives: int = field(default=12, metadata={"help": "Captions per record, and images."})
    output: str = field(default="gallery.html", metadata={"help": "The HTML file."})
    image_folder: str | None = field(default=None, metadata={"help": "Where relative image paths start."})
    negative_kind: str = field(default="rule", metadata={"help": "Kind of negatives that name none themselves."})


def make_parser() -> CommandParser:
    """The parser of the verb: the data, then flags, or `--config` with YAML."""
    parser = CommandParser(GalleryArguments, prog="mmgeolm gallery", description=__doc__)
    parser.add_argument(
        "data", nargs="?", metavar="DATA", help="JSON, JSONL, parquet, or a folder that save_to_disk has written."
    )
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Read the data, write the page, say where it is."""
    args, rest = make_parser().parse_args_and_config(arguments)
    if not rest.data:
        raise ValueError("name the data to show, such as `mmgeolm gallery pairs.json`; see `mmgeolm gallery --help`.")
    dataset = load_hard_negatives(rest.data, image_folder=args.image_folder, kind=args.negative_kind)
    title = f"Hard negatives of {Path(rest.data).resolve().name}"
    path = gallery(dataset, args.output, args.num_records, args.seed, args.max_negatives, title)
    print(f"Wrote {path}, {path.stat().st_size / 1e6:.1f} MB. Open it in a browser.")
