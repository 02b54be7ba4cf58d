"""The demo as a Space of the Hub. Its models are named by the Space's variables ENCODER, COMPARE_WITH and LMM; without
them it shows the encoders in runs/quickstart, if they have been uploaded with it. How to push it: docs/demo.md."""

import os
import sys

from mmgeolm.scripts.demo import main


def options(variables: dict[str, str]) -> list[str]:
    """The options of `mmgeolm demo` that a Space's variables stand for."""
    named = {"ENCODER": "--encoder", "COMPARE_WITH": "--compare_with", "LMM": "--lmm"}
    given = [(flag, variables[name]) for name, flag in named.items() if variables.get(name)]
    # A Space is reached from outside its container.
    return ["--host", "0.0.0.0", *(word for pair in given for word in pair)]


if __name__ == "__main__":
    try:
        main(options(dict(os.environ)))
    except ValueError as problem:
        sys.exit(f"The Space cannot start: {problem}")
