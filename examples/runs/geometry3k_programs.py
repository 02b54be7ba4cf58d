"""
Translate Geometry3K's annotations into diagram programs and count what came of them:

python examples/runs/geometry3k_programs.py --problems geometry3k/logic_forms.zip
python examples/runs/geometry3k_programs.py --problems geometry3k/test --output programs.json

`--problems` is the zip (or JSON) of all logic forms, or a folder that holds problems; with `--output` the programs are
written as a JSON object by problem number. The first count is of problems all of whose points have positions.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from dataset_builders.sources.geometry3k import read_logic_forms
from dataset_builders.sources.geometry3k.facts import Problem, read_problem
from dataset_builders.sources.geometry3k.programs import Translation, program_of


def read_problems(path: Path) -> Iterator[Problem]:
    """The problems of a folder, or of the file of all logic forms."""
    if path.is_dir():
        for file in sorted(path.rglob("logic_form.json")):
            annotations = json.loads(file.read_text(encoding="utf-8"))
            lines, positions = annotations["line_instances"], annotations["point_positions"]
            yield read_problem(file.parent.name, annotations["diagram_logic_form"], lines, positions)
    else:
        for number, annotations in read_logic_forms(path).items():
            lines, positions = annotations["line_instances"], annotations["point_positions"]
            yield read_problem(number, annotations["diagram_logic_forms"], lines, positions)


def listed(counts: Counter[str]) -> str:
    """Counts in words, the largest first."""
    return ", ".join(f"{name} {count}" for name, count in counts.most_common()) or "none"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=Path, required=True, help="logic_forms.zip, or a folder of problems")
    parser.add_argument("--output", type=Path, help="where to write the programs")
    args = parser.parse_args()
    problems = list(read_problems(args.problems))
    outcomes = {problem.id: program_of(problem) for problem in problems}
    made = {number: outcome for number, outcome in outcomes.items() if isinstance(outcome, Translation)}
    positioned = [problem for problem in problems if problem.points and len(problem.positions) == len(problem.points)]
    lost, drawn_badly, statements, reasons, unread = Counter(), Counter(), Counter(), Counter(), Counter()
    for outcome in made.values():
        lost += outcome.lost
        drawn_badly += outcome.drawn_badly
        statements.update(statement.verb for statement in outcome.program.statements)
    reasons.update(outcome.reason for number, outcome in outcomes.items() if number not in made)
    for problem in problems:
        unread += problem.unread if problem.id in made else Counter()
    share = f"{len(made) / len(positioned):.1%}" if positioned else "none"
    print(f"{len(problems)} problems, {len(positioned)} with all points positioned, {len(made)} programs ({share})")
    print(f"without a program: {listed(reasons)}")
    print(f"statements: {listed(statements)}")
    print(f"facts that the programs do not say: {listed(lost)}")
    print(f"facts left out because the positions show something else: {listed(drawn_badly)}")
    print(f"logic forms that were not understood before: {listed(unread)}")
    if args.output:
        programs = {number: str(outcome.program) for number, outcome in made.items()}
        args.output.write_text(json.dumps(programs, indent=1, ensure_ascii=False), encoding="utf-8")
        print(f"written: {args.output}")
