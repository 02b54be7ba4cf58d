"""Public functions of which no test runs a line: `python tests/untested.py coverage.json`, after `coverage json`.

It prints them, with the shares of lines and branches that are run, and exits with 1 if there are any. What coverage
cannot see is in `UNSEEN`, with the reason, and is printed apart.
"""

import json
import sys
from pathlib import Path

_CONFINED = (
    "runs in confined processes, which write nothing; tests/dataset_builders/test_sandbox*.py look from outside"
)
UNSEEN = {
    "dataset_builders/sandbox/confine.py": _CONFINED,
    "dataset_builders/sandbox/harness.py": _CONFINED,
    "dataset_builders/sandbox/images.py: exceeded": _CONFINED,
    "dataset_builders/sandbox/seccomp.py": _CONFINED,
    "dataset_builders/sandbox/server.py": _CONFINED,
    "evaluation/bounded_sympy.py: limited.trace": "a trace function, which is itself not traced",
}
"""Beginnings of `file: function` that no report can have, and why."""


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
    missing = [name for name in found if not name.startswith(tuple(UNSEEN))]
    print(f"public functions of which no line is run: {len(missing)}", *missing, sep="\n  ")
    for beginning, reason in UNSEEN.items():
        if count := sum(name.startswith(beginning) for name in found):
            print(f"not seen: {count} of {beginning} ({reason})")
    sys.exit(bool(missing))


if __name__ == "__main__":
    main(*sys.argv[1:])
