"""mmgeolm quickstart: train a small encoder from scratch on two cores, with and without hard negatives, and compare.

mmgeolm quickstart                                   # in-batch against grouped look-alikes, one seed, then a small LMM
                                                     # on each, asked about diagrams
mmgeolm quickstart --lmm false                       # the encoders only
mmgeolm quickstart --all true --seeds 3              # every regime, three seeds
mmgeolm quickstart --real geometry3k/test            # the same comparison on real Geometry3K folders
"""

import json
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import datasets
import numpy as np
import transformers

from dataset_builders.audit import without_anchor
from dataset_builders.diagram_sets import RankingSet, look_alike_groups, ranking_sets, without
from dataset_builders.processes import worker_pool
from evaluation import Hits, hits_of, paired_difference, ranking_scores
from mmgeolm.command_line import CommandParser
from mmgeolm.comparison import best_regime, comparison_table, plot_comparison
from mmgeolm.geometry3k_sets import real_records, real_sets, real_split
from mmgeolm.quickstart_lmm import lmm_scores, lmm_size, lmm_table, prepare, shared_seconds, train_and_ask
from mmgeolm.regimes import GROUP, REGIMES, default_steps, multiplies_bfloat16, train_regime
from trainers.curves import CURVES, STATE, is_curve, log_history, plot_curves

BASELINE = "in-batch"
BLIND = "blind.json"
DEFAULT = (BASELINE, "grouped")
# Settings were chosen on sets of other seeds (examples/runs/tune_quickstart.py).
TEST_SEED = 2000
SCENES_PER_STEP = 120  # at the batch sizes of the regimes each is seen about one and a half times
# Real diagrams have hard negative captions, but no look-alike images.
REAL = (BASELINE, "hybrid")

Result = tuple[dict[str, np.ndarray], float]
"""Scores of each set, and the processor time of the training in seconds."""


@dataclass
class QuickstartArguments:
    """What to compare, and how thoroughly."""

    output_dir: str = field(default="runs/quickstart", metadata={"help": "Checkpoints, table and plots go here."})
    seed: int = field(default=0, metadata={"help": "Of data and training; the same seed gives the same numbers."})
    seeds: int = field(default=1, metadata={"help": "Trainings per regime, each with a seed of its own."})
    all: bool = field(default=False, metadata={"help": "Train every regime, not only the best against in-batch."})
    real: str | None = field(default=None, metadata={"help": "Folder of Geometry3K problems to use instead."})
    steps: int | None = field(
        default=None, metadata={"help": "Training steps; by default what fits ten minutes on two cores."}
    )
    scenes: int | None = field(
        default=None,
        metadata={"help": "Generated scenes to train on, as many for each regime; by default 120 for each step."},
    )
    anchors: int = field(
        default=1_000, metadata={"help": "Held-out anchors in each set that is ranked, and held-out questions."}
    )
    lmm: bool = field(
        default=True,
        metadata={
            "help": "Train a small LMM on the best and on the in-batch encoder of the first seed; never for --real."
        },
    )


def make_parser() -> CommandParser:
    """The parser of the verb: flags, or `--config` with YAML."""
    return CommandParser(QuickstartArguments, prog="mmgeolm quickstart", description=__doc__)


def main(arguments: list[str] | None = None) -> None:
    """Build the data, train side by side, rank, write table, plots and checkpoints."""
    (args,) = make_parser().parse_args_and_config(arguments)
    output = Path(args.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    # The questions are about generated diagrams.
    args.lmm = args.lmm and not args.real
    # Captions of real problems make a step about five times as long.
    args.steps = (default_steps() // 5 if args.real else default_steps()) if args.steps is None else args.steps
    args.scenes = max(1_000, SCENES_PER_STEP * args.steps) if args.scenes is None else args.scenes
    for name, least in (("seeds", 1), ("steps", 1), ("anchors", 2), ("scenes", 1_000)):
        if getattr(args, name) < least:
            raise ValueError(f"You set `{name}={getattr(args, name)}`; it must be at least {least}.")
    names = tuple(REGIMES) if args.all else REAL if args.real else DEFAULT
    start = time.time()

    jobs = [(name, args.seed + number) for number in range(args.seeds) for name in names]
    done, baselines = {job: kept_result(job, args) for job in jobs}, kept_baselines(args)
    for name, seed in (job for job, result in done.items() if result is not None):
        print(
            f"{name}-{seed} was trained with these settings before; delete its folder to train it again.", flush=True
        )
    missing = [job for job, result in done.items() if result is None]
    if missing or baselines is None:
        real, sets = ranked(args)
        print(
            f"Training {', '.join(names)} with {args.seeds} seed(s) for the time of {args.steps} steps in "
            f"{'bfloat16' if multiplies_bfloat16() else 'float32'}, two at a time, one thread each ...",
            flush=True,
        )
        with worker_pool(2) as pool:
            trained = pool.map(run_job, [(*job, args, sets, real) for job in missing])
            blind = pool.map(blind_hits, sets.values())
            done |= zip(missing, trained, strict=True)
            baselines = dict(zip(sets, blind, strict=True))
        keep_baselines(baselines, args)
    results = [done[job] for job in jobs]

    runs = {name: [result for job, result in zip(jobs, results, strict=True) if job[0] == name] for name in names}
    scores = {name: [result[0] for result in runs[name]] for name in names}
    seconds = {name: [result[1] for result in runs[name]] for name in names}
    table = comparison_table(scores, seconds, baselines, BASELINE)
    figures = summary(scores, seconds, baselines)
    # Before the LMMs: a run that is stopped there has its table.
    write_results(output, [table], figures)
    plot_comparison(scores, baselines, output / "results.png")
    plot_trainings([job for job in jobs if job[1] == args.seed], args)
    print(f"\n{table}\n", flush=True)
    if args.lmm:
        towers = [f"{name}-{args.seed}" for name in (BASELINE, best_regime(scores, BASELINE))]
        lmm_figures, questions_table = lmm_results(towers, args)
        write_results(output, [table, questions_table], {**figures, "lmm": lmm_figures})
        print(f"\n{questions_table}\n")
    print(f"Checkpoints, cards, table and plots are in {output} ({time.time() - start:.0f} s in all). To load one:")
    print(f"  MMCLIPModel.from_pretrained({str(output / f'{best_regime(scores, BASELINE)}-{args.seed}')!r})")
    if args.lmm:
        print(f"  mmgeolm ask {output / 'lmm' / towers[1] / 'merged'} IMAGE 'Is AB parallel to CD?'")


def ranked(args: QuickstartArguments) -> tuple[list | None, dict[str, RankingSet]]:
    """Real records to train on, if there are to be any, and the sets that are ranked."""
    if args.real:
        train, test = real_split(args.real, args.seed)
        print(f"{len(train)} real problems to train on beside generated scenes, {len(test)} to rank.", flush=True)
        return real_records(train), real_sets(test, args.seed)
    print(f"Drawing six sets of {args.anchors} held-out anchors to rank ...", flush=True)
    return None, ranking_sets(args.anchors, 10, args.seed + TEST_SEED, num_proc=2)


def blind_hits(part: RankingSet) -> Hits:
    """What is found without the anchor."""
    return hits_of(without_anchor(part.images, part.captions))


def kept_baselines(args: QuickstartArguments) -> dict[str, Hits] | None:
    """By set, what is found without the anchor, if an earlier run with the same settings has reckoned it."""
    path = Path(args.output_dir) / BLIND
    if not path.exists():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    return {name: Hits(**hits) for name, hits in kept["hits"].items()} if kept["settings"] == ranked_by(args) else None


def keep_baselines(baselines: dict[str, Hits], args: QuickstartArguments) -> None:
    """Write what [`kept_baselines`] reads."""
    path = Path(args.output_dir) / BLIND
    unfinished = path.with_suffix(".part")
    hits = {name: each._asdict() for name, each in baselines.items()}
    unfinished.write_text(json.dumps({"settings": ranked_by(args), "hits": hits}), encoding="utf-8")
    unfinished.replace(path)


def ranked_by(args: QuickstartArguments) -> dict[str, int | str]:
    """All that the ranked sets depend on."""
    return {"seed": args.seed, "anchors": args.anchors, "real": args.real}


def plot_trainings(jobs: list[tuple[str, int]], args: QuickstartArguments) -> None:
    """The curves of trainings that were long enough to be logged."""
    folders = [job_folder(job, args) for job in jobs]
    histories = {folder.name: log_history(folder) for folder in folders if (folder / STATE).exists()}
    curves = {name: history for name, history in histories.items() if is_curve(history)}
    if curves:
        plot_curves(curves, Path(args.output_dir) / CURVES)


def write_results(output: Path, tables: list[str], figures: dict) -> None:
    """The tables for people, the figures for other programs."""
    (output / "results.md").write_text("\n\n".join(tables) + "\n")
    (output / "results.json").write_text(json.dumps(figures, indent=1))


def lmm_results(towers: list[str], args: QuickstartArguments) -> tuple[dict, str]:
    """Train an LMM on each of the encoders, side by side; its figures, and their table."""
    silence_libraries()
    size = lmm_size(args.steps, args.anchors)
    print(
        f"A language model from scratch, then an LMM on {' and on '.join(towers)}: alignment, SFT of "
        f"all but the tower on questions about {size.diagrams} diagrams, LoRA on {size.lora_diagrams} more "
        "(what was finished before is kept) ...",
        flush=True,
    )
    folder = prepare(args.output_dir, size, args.seed, num_proc=2)
    jobs = [(Path(args.output_dir) / tower, folder, size, args.seed) for tower in towers]
    with worker_pool(2, silence_libraries) as pool:
        found = dict(zip(towers, pool.map(train_and_ask, *zip(*jobs, strict=True)), strict=True))
    scores = lmm_scores(folder, found)
    seconds = {"shared": shared_seconds(folder), **{name: answers["cpu_seconds"] for name, answers in found.items()}}
    return {"by_form": scores, "cpu_seconds": seconds}, lmm_table(scores, found)


def silence_libraries() -> None:
    """No bars and no advice from libraries: two trainings write to one terminal."""
    warnings.filterwarnings("ignore", category=FutureWarning)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()


def job_folder(job: tuple[str, int], args: QuickstartArguments) -> Path:
    """Where the checkpoint and the scores of a training go."""
    name, seed = job
    return Path(args.output_dir) / f"{name}-{seed}"


def job_settings(job: tuple[str, int], args: QuickstartArguments) -> str:
    """All that the scores of a training depend on, as JSON."""
    ours = {name: getattr(args, name) for name in ("seed", "steps", "scenes", "anchors", "real")}
    return json.dumps({**ours, "regime": repr(REGIMES[job[0]]), "bfloat16": multiplies_bfloat16()})


def kept_result(job: tuple[str, int], args: QuickstartArguments) -> Result | None:
    """What an earlier run with the same settings found, so that one that was stopped is taken up where it was."""
    path = job_folder(job, args) / "scores.npz"
    if not path.exists():
        return None
    with np.load(path) as kept:
        if str(kept["settings"]) != job_settings(job, args):
            return None
        scores = {key.removeprefix("set:"): kept[key] for key in kept.files if key.startswith("set:")}
        return scores, float(kept["seconds"])


def run_job(job: tuple[str, int, QuickstartArguments, dict[str, RankingSet], list | None]) -> Result:
    """Train one regime with one seed and rank the sets: scores by set, and the processor time of training."""
    name, seed, args, sets, real = job
    silence_libraries()
    regime = REGIMES[name]
    held_out = {text for part in sets.values() for row in part.captions for text in row}
    sizes = {"random": 1} if any(stage.source == "random" for stage in regime.stages) else {}
    if any(stage.source != "random" for stage in regime.stages):
        sizes["look_alikes"] = GROUP
    # Two kinds of batch share the scenes: no regime sees more different ones than another.
    scenes = {
        kind: without(look_alike_groups(args.scenes // len(sizes) // size, size, seed), held_out)
        for kind, size in sizes.items()
    }
    # One vocabulary for all regimes: which words there are is not what is compared.
    vocabulary = [caption for group in look_alike_groups(2_000, GROUP, args.seed).captions for caption in group]
    vocabulary += [text for record in real or [] for text in (record["caption"], *record["negative_captions"])]
    folder = job_folder((name, seed), args)
    # Trained side by side, only one of them can draw its bar.
    quiet = name != BASELINE
    model, processor, seconds = train_regime(regime, scenes, vocabulary, folder, seed, args.steps, quiet, real)
    scores = {key: ranking_scores(model, processor, part.images, part.captions) for key, part in sets.items()}
    # Under another name first: what is there under its own is whole.
    unfinished = folder / "unfinished.npz"
    arrays = {f"set:{key}": values for key, values in scores.items()}
    np.savez(unfinished, settings=job_settings((name, seed), args), seconds=seconds, **arrays)
    unfinished.rename(folder / "scores.npz")
    return scores, seconds


def summary(scores: dict, seconds: dict, baselines: dict) -> dict:
    """All figures of the table, in percent and seconds, for other programs."""
    rows = {}
    for name, runs in scores.items():
        rows[name] = {"training_cpu_seconds": seconds[name]}
        for key in runs[0]:
            rows[name][key] = [hits_of(run[key])._asdict() for run in runs]
            if name != BASELINE and BASELINE in scores:
                difference = paired_difference([run[key] for run in runs], [run[key] for run in scores[BASELINE]])
                rows[name][f"{key}_over_in_batch"] = dict(zip(("mean", "low", "high"), difference, strict=True))
    rows["blind"] = {key: hits._asdict() for key, hits in baselines.items()}
    return rows
