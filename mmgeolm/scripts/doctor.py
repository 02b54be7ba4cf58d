"""mmgeolm doctor: what is installed, what this machine can do, what to install for what is missing.

mmgeolm doctor
mmgeolm doctor --json > doctor.json  # for an issue report: no paths, nothing of the environment
"""

import argparse
import json

from mmgeolm.doctor import diagnosis, report
from mmgeolm.near_miss import near_miss


def make_parser() -> argparse.ArgumentParser:
    """The parser of the verb: Python's own, as the packages that the other verbs need may be what is missing."""
    parser = argparse.ArgumentParser(
        prog="mmgeolm doctor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words = {"choices": ("true", "false"), "help": "as JSON, for issue reports"}
    parser.add_argument("--json", nargs="?", const="true", default="false", **words)
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Print the diagnosis."""
    args, unknown = make_parser().parse_known_args(arguments)
    if unknown:
        near = near_miss(unknown[0], ("--help", "--json"))
        end = f"did you mean {near}?" if near else "see `mmgeolm doctor --help`."
        raise ValueError(f"there is no option {unknown[0]}; {end}")
    found = diagnosis()
    print(json.dumps(found, indent=1) if args.json == "true" else report(found))
