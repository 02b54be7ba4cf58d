"""The command `mmgeolm`: one verb each for what the library does."""

import importlib
import sys

import yaml

VERBS = {
    "quickstart": "train a small encoder with hard negatives on two cores and compare it",
    "mmclip": "train an encoder on your own records with hard negatives",
    "negatives": "build and audit hard negatives",
    "assemble": "join a tower and a language model into a LLaVA",
    "align": "train the projector alone (stage 2)",
    "sft": "train the model on instructions, whole or by LoRA (stage 3)",
    "merge": "make one model of a base and its adapter",
    "ask": "ask a model about a diagram",
    "evaluate": "score a model's responses to a benchmark",
    "gallery": "write an HTML page of hard negatives, with what was changed marked, to look at",
}


def usage() -> str:
    """What `mmgeolm --help` prints."""
    verbs = "\n".join(f"  {verb:<12} {text}" for verb, text in VERBS.items())
    return f"usage: mmgeolm VERB [options]\n\n{verbs}\n\n`mmgeolm VERB --help` lists the options of a verb."


def main() -> None:
    """Run the verb that the command line names."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return
    verb, *rest = arguments
    if verb not in VERBS:
        sys.exit(f"mmgeolm has no verb {verb!r}; it has {', '.join(VERBS)}.")
    if rest and rest[-1] == "--config":
        sys.exit(f"mmgeolm {verb}: --config needs a YAML file after it.")
    try:
        importlib.import_module(f"mmgeolm.scripts.{verb}").main(rest)
    except KeyboardInterrupt:
        sys.exit(f"\nStopped. Run `mmgeolm {verb}` with the same options to begin again.")
    except yaml.YAMLError as problem:
        sys.exit(f"mmgeolm {verb}: the file of --config is not YAML: {' '.join(str(problem).split())}.")
    except (ValueError, OSError) as problem:
        # What the library raises for bad input is a sentence for the user, not a trace for its authors.
        sys.exit(f"mmgeolm {verb}: {problem}")
