"""mmgeolm assemble: join a vision tower and a language model into a LLaVA.

mmgeolm assemble --mmclip geometry-clip --llm Qwen/Qwen2.5-7B-Instruct --output_dir mmgeolm-7b
"""

from dataclasses import dataclass, field

from mmgeolm.assembly import assemble
from mmgeolm.command_line import CommandParser


@dataclass
class AssembleArguments:
    """What to join, and where to write it."""

    mmclip: str = field(
        default="", metadata={"help": "MMCLIP, CLIP, AltCLIP or SigLIP checkpoint: a name on the Hub or a folder."}
    )
    llm: str = field(default="", metadata={"help": "Causal LM: Qwen2, Qwen2.5, Qwen3, Mistral (MAmmoTH2) or Llama."})
    output_dir: str = field(default="", metadata={"help": "An empty or new folder for the model."})
    max_shard_size: str = field(default="5GB", metadata={"help": "Of one file of weights."})
    seed: int = field(default=0, metadata={"help": "Of the projector's first weights."})


def make_parser() -> CommandParser:
    """The parser of the verb: flags, or `--config` with YAML."""
    return CommandParser(AssembleArguments, prog="mmgeolm assemble", description=__doc__)


def main(arguments: list[str] | None = None) -> None:
    """Assemble, check, write."""
    (args,) = make_parser().parse_args_and_config(arguments)
    if not (args.mmclip and args.llm and args.output_dir):
        raise ValueError("pass --mmclip, --llm and --output_dir; see `mmgeolm assemble --help`.")
    model, _ = assemble(args.mmclip, args.llm, args.output_dir, max_shard_size=args.max_shard_size, seed=args.seed)
    print(
        f"Saved to {args.output_dir}: {model.num_parameters() / 1e6:,.1f} million weights, "
        f"{model.config.image_seq_length} tokens for a picture. Features and text logits are those of its parts."
    )
