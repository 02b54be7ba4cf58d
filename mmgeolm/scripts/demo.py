"""mmgeolm demo: a page to try a checkpoint in the browser.

mmgeolm demo                                                   # the encoders of `make quickstart`
mmgeolm demo --encoder BAAI/AltCLIP --compare_with AltCLIP-geometry --lmm mmgeolm-7b
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

import transformers

from mmgeolm.command_line import CommandParser

QUICKSTART = Path("runs/quickstart")
ENCODER, COMPARED = QUICKSTART / "grouped-0", QUICKSTART / "in-batch-0"


@dataclass
class DemoArguments:
    """What the page shows, and where it listens."""

    encoder: str | None = field(
        default=None, metadata={"help": f"Dual encoder: a folder or a name on the Hub; {ENCODER} if absent."}
    )
    compare_with: str | None = field(
        default=None, metadata={"help": f"A second one; {COMPARED} if that is there and no --encoder is named."}
    )
    lmm: str | None = field(default=None, metadata={"help": "An LMM, or an adapter of one, to ask."})
    host: str = field(default="127.0.0.1", metadata={"help": "Where to listen; by default this machine alone."})
    port: int = field(default=7860, metadata={"help": "0 takes a free one."})
    device: str | None = field(default=None, metadata={"help": "cuda, cpu, …; a GPU if there is one."})


def make_parser() -> CommandParser:
    """The parser of the verb: flags, or `--config` with YAML."""
    return CommandParser(DemoArguments, prog="mmgeolm demo", description=__doc__)


def main(arguments: list[str] | None = None) -> None:
    """Load the models, serve the page until it is stopped."""
    (args,) = make_parser().parse_args_and_config(arguments)
    # Before Gradio is imported, which reads it then.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        from mmgeolm.demo.app import build_page, serve
        from mmgeolm.demo.ask import AskTab
        from mmgeolm.demo.encoder import load_encoder
    except ModuleNotFoundError as problem:
        if not (problem.name or "").startswith("gradio"):
            raise
        raise ValueError('the page needs Gradio: pip install "mmgeolm[demo]".') from problem

    transformers.utils.logging.disable_progress_bar()
    encoder = load_encoder(args.encoder or str(ENCODER), args.device)
    compared = args.compare_with or (str(COMPARED) if not args.encoder and COMPARED.is_dir() else None)
    page = build_page(
        encoder,
        load_encoder(compared, args.device) if compared else None,
        AskTab(args.lmm, args.device) if args.lmm else None,
    )
    address = serve(page, args.host, args.port)
    print(f"{address} shows {encoder.name}. Ctrl-C ends it.", flush=True)
    page.block_thread()
