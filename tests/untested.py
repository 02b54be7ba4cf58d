"""Public functions of which no test runs a line: `python tests/untested.py coverage.json`, after `coverage json`.

It prints them, with the shares of lines and branches that are run, and exits with 1 if there are any.
"""

import json
import sys
from pathlib import Path


def untested(report: dict) -> list[str]:
    """`file: function` for each function or method, public by its name and its file's, with lines but none run."""
    return [
        f"{file}: {name}"
        for file, each in sorted(report["files"].items())
        for name, found in each["functions"].items()
        if name
        and not any(part.startswith("_") for part in [*Path(file).with_suffix("").parts[:-1], *name.split(".")])
        if found["summary"]["num_statements"] and not found["summary"]["covered_lines"]
    ]


def main(path: str) -> None:
    """Print what is untested; exit with 1 if there is anything."""
    report = json.loads(Path(path).read_text(encoding="utf-8"))
    lines, branches = report["totals"]["covered_lines"], report["totals"]["covered_branches"]
    of_lines, of_branches = report["totals"]["num_statements"], report["totals"]["num_branches"]
    print(f"lines: {lines} of {of_lines} ({100 * lines / of_lines:.1f}%)")
    print(f"branches: {branches} of {of_branches} ({100 * branches / of_branches:.1f}%)")
    found = untested(report)
    print(f"public functions of which no line is run: {len(found)}", *found, sep="\n  ")
    sys.exit(bool(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
