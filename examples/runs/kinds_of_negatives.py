"""The study `kinds` between the scales tiny and small, encoders only: one GPU, 16 cores, about seven minutes.

    python examples/runs/kinds_of_negatives.py --output_dir runs/kinds --num_proc 16

Every row continues from the same original (in batch on random pairs, which stands for a pre-trained CLIP) for as
many steps of as many anchors. What is ranked is held out. `table.md` has Hit@1 with 95% intervals, and the paired
difference to the control: the original trained further with random captions as negatives, for as many steps.
"""

import argparse
import json
import logging
from dataclasses import replace
from pathlib import Path

from mmgeolm.scripts.quickstart import silence_libraries
from mmgeolm.studies.definitions import RANKED, STUDIES
from mmgeolm.studies.generated import run_generated
from mmgeolm.studies.scales import Scale
from mmgeolm.studies.tables import figures_of

SCALE = Scale(
    seeds=2,
    original_steps=1_000,
    steps=400,
    anchors=64,
    records=6_000,
    ranked=500,
    lmm_steps=0,  # no language models
    asked=0,
    width=256,
)
CONTROL = "random10"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", type=Path, default=Path("runs/kinds"))
    parser.add_argument("--num_proc", type=int, default=16, help="processes that share CPUs and GPU")
    for name in ("seeds", "original_steps", "steps", "anchors", "records", "ranked", "width"):
        parser.add_argument(f"--{name}", type=int, default=getattr(SCALE, name))
    args = vars(parser.parse_args())
    output, processes = args.pop("output_dir"), args.pop("num_proc")
    # The first row is what the others are compared with.
    towers = sorted(STUDIES["kinds"].towers, key=lambda tower: tower.name != CONTROL)
    study = replace(STUDIES["kinds"], towers=tuple(towers), lmm=False)
    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("mmgeolm.studies").setLevel(logging.INFO)
    silence_libraries()
    found = run_generated([study], replace(SCALE, **args), output, processes, silence_libraries)[study.name]
    figures = figures_of(study, found)
    kept = {"scale": args, "rows": figures, "seconds": found.seconds}
    (output / "figures.json").write_text(json.dumps(kept, indent=1))
    table = difference_table(figures)
    (output / "table.md").write_text(table)
    print(table)


def difference_table(figures: dict) -> str:
    """Markdown: Hit@1 in percent, and behind it the paired difference to the control."""
    lines = [f"| encoder | {' | '.join(RANKED)} |", f"| --- |{' --- |' * len(RANKED)}"]
    for name, row in figures.items():
        cells = []
        for column in RANKED:
            cell, over = row[column], row[column].get("over")
            text = f"{cell['mean']:.1f} ({cell['low']:.1f}–{cell['high']:.1f})"
            cells.append(f"{text}, {over['mean']:+.1f} ({over['low']:+.1f} to {over['high']:+.1f})" if over else text)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
