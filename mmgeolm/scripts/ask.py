"""mmgeolm ask: a question about a diagram.

mmgeolm ask mmgeolm-7b figure.png "Is AB parallel to CD?"
mmgeolm ask runs/sft-lora figure.png "How long is AB?" --max_new_tokens 256
"""

import transformers

from mmgeolm.answering import answer, load_lmm
from mmgeolm.command_line import CommandParser


def make_parser() -> CommandParser:
    """The parser of the verb."""
    parser = CommandParser((), prog="mmgeolm ask", description=__doc__)
    parser.add_argument("model_dir", help="an LMM or an adapter of one: a folder, or a name on the Hub")
    parser.add_argument("image", help="a file with the diagram")
    parser.add_argument("question", help="what to ask of it")
    parser.add_argument("--max_new_tokens", type=int, default=512, help="most tokens of the answer")
    parser.add_argument("--device", help="cuda, cpu, … (default: a GPU if there is one)")
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Load the model, print its answer."""
    (args,) = make_parser().parse_args_and_config(arguments)
    transformers.utils.logging.disable_progress_bar()
    model, processor = load_lmm(args.model_dir, device=args.device)
    print(answer(model, processor, [args.image], [args.question], max_new_tokens=args.max_new_tokens)[0])
