"""The command `mmgeolm`: one verb each for what the library does.

It imports what a verb needs when that verb runs: help comes at once, and a stop while torch is loaded is a stop.
"""

import importlib
import os
import sys

VERBS = {
    "quickstart": "train a small encoder with hard negatives on two cores and compare it",
    "doctor": "what is installed, what is missing, what to install",
    "negatives": "build and audit hard negatives",
    "gallery": "write an HTML page of hard negatives, with what was changed marked, to look at",
    "mmclip": "train an encoder on your own records with hard negatives",
    "retrieval": "rank diagrams and captions with any encoders",
    "probe": "what a tower sees, by linear probes",
    "assemble": "join a tower and a language model into a LLaVA",
    "align": "train the projector alone (stage 2)",
    "sft": "train the model on instructions, whole or by LoRA (stage 3)",
    "merge": "make one model of a base and its adapter",
    "ask": "ask a model about a diagram",
    "evaluate": "ask a model a benchmark's questions, or take what one wrote, and score it",
    "contamination": "find training questions that are test questions in disguise",
    "study": "the paper's studies, each one command",
    "demo": "try a checkpoint in the browser: match, negatives, ask, compare",
}

BEGINS_AGAIN = "Nothing of it is kept: the same command begins again."
PARTS = "Run the same command again: {} in --output_dir are kept."
TRAINING = (
    "The same command with --resume_from_checkpoint true goes on from the last checkpoint in --output_dir, or begins "
    "where there is none."
)
GOES_ON = {
    "quickstart": PARTS.format("trainings that are finished"),
    "doctor": BEGINS_AGAIN,
    "negatives": PARTS.format("records that are made"),
    "negatives audit": BEGINS_AGAIN,
    "gallery": BEGINS_AGAIN,
    "mmclip": TRAINING,
    "retrieval": PARTS.format("scores of each encoder that are finished"),
    "probe": BEGINS_AGAIN,
    "assemble": "The same command begins again; empty --output_dir before, if it holds more than weights.",
    "align": TRAINING,
    "sft": TRAINING,
    "merge": "The same command begins again, with --overwrite where it had begun to write.",
    "ask": BEGINS_AGAIN,
    "evaluate": PARTS.format("responses of a model"),
    "contamination": BEGINS_AGAIN,
    "study": PARTS.format("parts that are finished, and checkpoints of trainings,"),
    "demo": "The same command opens the page again.",
}
"""How to go on with a verb, or a verb of a verb, that was stopped and does not say so itself."""

OURS = ("dataset_builders", "evaluation", "mmgeolm", "modeling_mmclip", "trainers")
INTERRUPTED, BROKEN_PIPE = 130, 141  # 128 and the number of the signal, as shells have it


def usage() -> str:
    """What `mmgeolm --help` prints."""
    verbs = "\n".join(f"  {verb:<14} {text}" for verb, text in VERBS.items())
    return (
        f"usage: mmgeolm VERB [options]\n\n{verbs}\n\n"
        "`mmgeolm VERB --help` shows the options of a verb, with an example; `mmgeolm --version` the version."
    )


def main() -> None:
    """Run the verb that the command line names.

    Exits with 0, or 1 with a sentence, or 130 when it is stopped by Ctrl-C, with the sentence that says how to go on.
    """
    try:
        _run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)


def _run(arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return
    verb, *rest = arguments
    if verb == "--version":
        from importlib.metadata import version

        print(f"mmgeolm {version('mmgeolm')}")
        return
    if verb not in VERBS:
        from mmgeolm.near_miss import near_miss

        near = near_miss(verb, VERBS)
        end = f"did you mean {near}?" if near else f"it has {', '.join(VERBS)}."
        sys.exit(f"mmgeolm has no verb {verb!r}; {end}")
    if rest and rest[-1] == "--config":
        sys.exit(f"mmgeolm {verb}: --config needs a YAML file after it.")
    try:
        importlib.import_module(f"mmgeolm.scripts.{verb}").main(rest)
    except KeyboardInterrupt as stop:
        # What a verb raises it with is its own sentence.
        print(f"\n{stop if str(stop) else f'Stopped. {_goes_on(verb, rest)}'}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except ModuleNotFoundError as problem:
        if (problem.name or "").partition(".")[0] in ("", *OURS):
            raise  # a fault of this library
        from mmgeolm.doctor import remedy

        sys.exit(f"mmgeolm {verb}: {remedy(problem.name)}")
    except ImportError as problem:
        if problem.name:  # as Python itself gives
            raise
        sys.exit(f"mmgeolm {verb}: {problem}")
    except BrokenPipeError:
        raise  # an OSError that is nobody's fault
    except (ValueError, OSError) as problem:
        # What the library raises for bad input is a sentence for the user, not a trace for its authors.
        sys.exit(f"mmgeolm {verb}: {problem}")


def _goes_on(verb: str, rest: list[str]) -> str:
    return GOES_ON.get(" ".join([verb, *rest[:1]]), GOES_ON[verb])
