"""
What batch size and learning rate suit each regime of the quickstart, at equal processor time, ranked on sets that the
quickstart does not use (seed 1000; its own have 2000):

python examples/runs/tune_quickstart.py --output_dir runs/tune
"""

import argparse
import dataclasses
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import transformers

from dataset_builders.diagram_sets import look_alike_groups, ranking_sets, without
from evaluation import hits_of, ranking_scores
from mmgeolm.regimes import GROUP, REGIMES, train_regime

# Regime, pairs in a batch, time of a step (in-batch with 192 pairs is 1), learning rate.
TRIALS = [
    ("in-batch", 384, 2.2, 1e-3),
    ("in-batch", 384, 2.2, 2e-3),
    ("grouped", 192, 1.0, 1e-3),
    ("grouped", 192, 1.0, 2e-3),
    ("in-batch", 192, 1.0, 1e-3),
    ("in-batch", 192, 1.0, 2e-3),
    ("in-batch", 768, 4.2, 1e-3),
    ("in-batch", 768, 4.2, 2e-3),
    ("in-batch", 96, 0.55, 1e-3),
    ("in-batch", 384, 2.2, 5e-4),
]


def run(trial: tuple[str, int, float, float], output_dir: Path, steps: int, scenes: int, anchors: int) -> dict:
    """Train once; processor seconds and Hit@1 of each validation set."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    name, pairs, cost, rate = trial
    sets = ranking_sets(anchors, 10, 1000)
    held_out = {text for part in sets.values() for row in part.captions for text in row}
    sizes = {"random": 1} if name == "in-batch" else {"random": 1, "look_alikes": GROUP}
    groups = {
        kind: without(look_alike_groups(scenes // len(sizes) // size, size, 0), held_out)
        for kind, size in sizes.items()
    }
    vocabulary = [caption for group in look_alike_groups(2_000, GROUP, 0).captions for caption in group]
    regime = dataclasses.replace(REGIMES[name], pairs=pairs, cost=cost, learning_rate=rate)
    folder = output_dir / f"{name}-{pairs}-{rate}"
    model, processor, seconds = train_regime(regime, groups, vocabulary, folder, 0, steps, quiet=True)
    hits = {key: hits_of(ranking_scores(model, processor, part.images, part.captions)) for key, part in sets.items()}
    return {"regime": name, "pairs": pairs, "learning_rate": rate, "seconds": round(seconds)} | {
        key: round(value.hit1, 1) for key, value in hits.items()
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", type=Path, default=Path("runs/tune"))
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--scenes", type=int, default=96_000)
    parser.add_argument("--anchors", type=int, default=1_000)
    args = parser.parse_args()
    args.output_dir.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(run, trial, args.output_dir, args.steps, args.scenes, args.anchors) for trial in TRIALS]
        for number, job in enumerate(jobs):
            row = job.result()
            if number == 0:
                print("| " + " | ".join(row) + " |\n|" + " --- |" * len(row))
            print("| " + " | ".join(str(value) for value in row.values()) + " |", flush=True)
            with open(args.output_dir / "results.jsonl", "a") as file:
                file.write(json.dumps(row) + "\n")
