"""mmgeolm probe: what a vision tower sees of a figure, read off its features by logistic regression.

mmgeolm probe --encoders BAAI/AltCLIP ours=runs/mmclip --output_dir runs/probe
mmgeolm probe --encoders runs/quickstart/grouped-0 --scenes simple --tasks parallel corner --output_dir runs/simple
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from evaluation.encoders import load_encoder, named_encoders
from evaluation.probe_table import TowerProbes, probe_figures, probe_table
from evaluation.probes import probe_pixels, probe_tower, random_tower
from mmgeolm.command_line import CommandParser
from mmgeolm.probe_sets import TASKS, probe_set


@dataclass
class ProbeArguments:
    """What to probe, and for what."""

    encoders: list[str] = field(
        default_factory=list,
        metadata={"help": "MMCLIP, CLIP, AltCLIP, SigLIP …: folders or names on the Hub, or NAME=FOLDER."},
    )
    output_dir: str = field(default="runs/probe", metadata={"help": "probes.json and probes.md go here."})
    tasks: list[str] = field(default_factory=list, metadata={"help": f"Some of {', '.join(TASKS)}; without, all."})
    scenes: str = field(default="exam", metadata={"help": "How to draw: exam (336 pixels) or simple (96)."})
    num_scenes: int = field(default=300, metadata={"help": "Scenes of each task; each is drawn once per answer."})
    layer: int = field(default=-2, metadata={"help": "Whose patches are read; -2 is what LLaVA takes."})
    seed: int = field(default=0, metadata={"help": "Of scenes, split and random weights."})
    batch_size: int = field(default=16, metadata={"help": "Images at once."})
    dtype: str = field(default="float32", metadata={"help": "Of the weights."})
    device: str | None = field(default=None, metadata={"help": "Such as cpu; a GPU where there is one."})


def make_parser() -> CommandParser:
    """The parser of the verb: flags, or `--config` with YAML."""
    return CommandParser(ProbeArguments, prog="mmgeolm probe", description=__doc__)


def main(arguments: list[str] | None = None) -> None:
    """Probe each encoder's tower, one of random weights, and bare pixels; write the table."""
    (args,) = make_parser().parse_args_and_config(arguments)
    encoders = named_encoders(args.encoders)
    if args.num_scenes < 10:
        raise ValueError(f"You set `num_scenes={args.num_scenes}`; it must be at least 10.")
    output = Path(args.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    sets = {task: probe_set(task, args.num_scenes, args.seed, args.scenes) for task in args.tasks or TASKS}
    print(f"Probing for {', '.join(f'{task} ({len(part.answers)})' for task, part in sets.items())} ...", flush=True)
    pixels = probe_pixels(sets, args.seed)
    towers: dict[str, TowerProbes] = {}
    random_weights: dict[str, TowerProbes] = {}
    of_architecture: dict[str, TowerProbes] = {}  # encoders of one architecture share its random weights
    for label, name in encoders.items():
        print(f"Reading {label} ...", flush=True)
        model, processor = load_encoder(name, args.device, args.dtype)
        tower = model.export_vision_tower()
        rest = (processor, sets, args.layer, args.seed, args.batch_size)
        towers[label] = probe_tower(tower, *rest)
        architecture = json.dumps([tower.config.to_dict(), processor.image_processor.to_dict()], default=str)
        if architecture not in of_architecture:
            of_architecture[architecture] = probe_tower(random_tower(tower, args.seed), *rest)
        random_weights[label] = of_architecture[architecture]
    found = {"settings": vars(args), **probe_figures(sets, towers, random_weights, pixels)}
    text = probe_table(found)
    (output / "probes.md").write_text(f"{text}\n", encoding="utf-8")
    (output / "probes.json").write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"\n{text}\n\nThe table is in {output}.")
