"""The diagram language: constructions written in Python syntax, read with `ast` and never executed.

    triangle(A, B, C, kind="isosceles", angle=50, at=(50, 48), size=60, turn=20)
    D = midpoint(B, C)
    segment(A, D)
    mark_length(A, B, 6)

A point is a capital letter. A shape brings its points into being, a construction names the one it makes, the rest
draws and marks. Lengths (`at`, `size`, `length`) are in hundredths of the frame's side, y upwards; angles are degrees.
"""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Number = int | float
Option = Number | str | tuple[Number, Number]

MAX_CHARACTERS = 20_000


class ProgramError(ValueError):
    """A program that cannot be read: `line` and `column` count from 1, `reason` says what would be right."""

    def __init__(self, line: int, column: int, reason: str):
        super().__init__(f"line {line}, column {column}: {reason}")
        self.line, self.column, self.reason = line, column, reason


@dataclass(frozen=True, slots=True)
class Statement:
    """One line: `target = verb(points, value, options)`; `line` is where it was read, 0 if it was not read."""

    verb: str
    points: tuple[str, ...]
    target: str | None = None
    value: Number | None = None
    options: tuple[tuple[str, Option], ...] = ()
    line: int = field(default=0, compare=False)

    def __str__(self) -> str:
        arguments = list(self.points)
        if self.value is not None:
            arguments.append(_print(self.value))
        arguments.extend(f"{name}={_print(value)}" for name, value in self.options)
        call = f"{self.verb}({', '.join(arguments)})"
        return f"{self.target} = {call}" if self.target else call

    def option(self, name: str) -> Option | None:
        """The option's value as written, or else the vocabulary's default; `None` if it has neither."""
        for key, value in self.options:
            if key == name:
                return value
        return VOCABULARY[self.verb].options[name].default

    @property
    def makes(self) -> tuple[str, ...]:
        """The points that this statement brings into being."""
        if self.target:
            return (self.target,)
        return self.points if VOCABULARY[self.verb].role == "shape" else ()


@dataclass(frozen=True)
class Program:
    """A diagram program. `str(program)` is its text, and `parse(str(program)) == program`."""

    statements: tuple[Statement, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.statements))

    @property
    def points(self) -> tuple[str, ...]:
        """All points, in the order in which they come into being."""
        return tuple(point for statement in self.statements for point in statement.makes)

    def renamed(self, names: Mapping[str, str]) -> "Program":
        """The same figure under other letters; letters that `names` does not hold stay."""
        return Program(tuple(_renamed(statement, names) for statement in self.statements))

    def replaced(self, index: int, *statements: Statement) -> "Program":
        """The program with the statement at `index` (from 0) replaced by any number of others."""
        return Program((*self.statements[:index], *statements, *self.statements[index + 1 :]))


@dataclass(frozen=True)
class OptionRule:
    """What an option may be: one of `choices`, a number within `low` and `high`, or a `pair` of such numbers."""

    low: float = 0.0
    high: float = 0.0
    default: Option | None = None
    choices: tuple[str, ...] = ()
    pair: bool = False


@dataclass(frozen=True)
class Verb:
    """A word of the language: its `role`, how many points it takes, whether a number follows them, its options."""

    role: str  # "shape", "construction" (needs a target), "drawing" or "mark"
    least: int
    most: int
    value: tuple[float, float] | None = None
    options: Mapping[str, OptionRule] = field(default_factory=dict)


_PLACE = {
    "at": OptionRule(0, 100, (50, 50), pair=True),
    "size": OptionRule(5, 100, 60),
    "turn": OptionRule(-360, 360, 0),
}
_ACUTE = OptionRule(20, 88, 60)
_RATIO = OptionRule(0.05, 0.95, 0.6)

VOCABULARY: Mapping[str, Verb] = {
    "triangle": Verb(
        "shape",
        3,
        3,
        options={
            "kind": OptionRule(default="scalene", choices=("equilateral", "isosceles", "right", "scalene")),
            "angle": OptionRule(10, 160),
            "other": OptionRule(10, 160),
            **_PLACE,
        },
    ),
    "square": Verb("shape", 4, 4, options=_PLACE),
    "rectangle": Verb("shape", 4, 4, options={"ratio": _RATIO, **_PLACE}),
    "rhombus": Verb("shape", 4, 4, options={"angle": _ACUTE, **_PLACE}),
    "parallelogram": Verb("shape", 4, 4, options={"ratio": _RATIO, "angle": _ACUTE, **_PLACE}),
    "trapezoid": Verb("shape", 4, 4, options={"ratio": _RATIO, "shift": OptionRule(0, 1, 0.3), **_PLACE}),
    "kite": Verb("shape", 4, 4, options={"ratio": _RATIO, "angle": OptionRule(40, 160, 100), **_PLACE}),
    "polygon": Verb("shape", 5, 8, options=_PLACE),
    "circle": Verb("shape", 1, 1, options={"at": _PLACE["at"], "size": _PLACE["size"]}),
    "midpoint": Verb("construction", 2, 2),
    "point_on": Verb("construction", 2, 2, options={"ratio": _RATIO}),
    "foot": Verb("construction", 3, 3),
    "median": Verb("construction", 3, 3),
    "bisector": Verb("construction", 3, 3),
    "cevian": Verb("construction", 3, 3, options={"ratio": _RATIO}),
    "on_circle": Verb("construction", 1, 1, options={"turn": _PLACE["turn"]}),
    "opposite": Verb("construction", 2, 2),
    "chord": Verb("construction", 2, 2, options={"turn": OptionRule(-360, 360, 100)}),
    "segment": Verb("drawing", 2, 2),
    "mark_length": Verb("mark", 2, 2, value=(0.1, 9999)),
    "mark_angle": Verb("mark", 3, 3, value=(1, 179)),
    "mark_right_angle": Verb("mark", 3, 3),
}
"""The whole language. What each word draws is in `figure.py`, what it says in `caption.py`."""


def parse(text: str) -> Program:
    """Reads a program from its text; nothing in it is ever run.

    Args:
        text: One statement a line, Python comments and blank lines allowed, at most 20,000 characters.

    Raises:
        ProgramError: names line, column (both from 1) and reason: a syntax error, a word outside the vocabulary, a
            wrong number of points, an unknown option or one out of range, a point used before it is made or made
            twice.
    """
    if len(text) > MAX_CHARACTERS:
        raise ProgramError(1, 1, f"the program has {len(text)} characters; at most {MAX_CHARACTERS} are read.")
    try:
        module = ast.parse(text)
    except SyntaxError as error:
        raise ProgramError(error.lineno or 1, max(error.offset or 1, 1), f"not Python syntax: {error.msg}.") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ProgramError(1, 1, f"cannot be read ({error}).") from None
    made: set[str] = set()
    statements = tuple(_statement(node, made) for node in module.body)
    if not statements:
        raise ProgramError(1, 1, "the program is empty; it needs at least one shape.")
    return Program(statements)


def _statement(node: ast.stmt, made: set[str]) -> Statement:
    target = None
    if isinstance(node, ast.Assign):
        if len(node.targets) != 1:
            raise _at(node, "one point is made at a time: write `D = midpoint(B, C)`.")
        target = _point(node.targets[0])
    elif not isinstance(node, ast.Expr):
        raise _at(node, f"{type(node).__name__} is not part of the language; write `verb(...)` or `D = verb(...)`.")
    call = node.value
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise _at(node, "a statement is `verb(...)` or `D = verb(...)`, with a verb of the vocabulary.")
    name = call.func.id
    verb = VOCABULARY.get(name)
    if verb is None:
        raise _at(call.func, f"there is no verb `{name}`; there are {', '.join(VOCABULARY)}.")
    if (verb.role == "construction") != (target is not None):
        wanted = (
            f"makes a point: write `D = {name}(...)`" if target is None else f"makes no point: write `{name}(...)`"
        )
        raise _at(node, f"`{name}` {wanted}.")
    points, value = _arguments(call, name, verb)
    _check_points(call, points, target, verb, made)
    return Statement(name, points, target, value, _options(call, name, verb), node.lineno)


def _arguments(call: ast.Call, name: str, verb: Verb) -> tuple[tuple[str, ...], Number | None]:
    nodes, value = list(call.args), None
    if verb.value is not None:
        if not nodes:
            raise _at(call, f"`{name}` takes {verb.least} points and a number.")
        last = nodes.pop()
        value = _number(last, *verb.value)
    points = tuple(_point(node) for node in nodes)
    if not verb.least <= len(points) <= verb.most:
        wanted = str(verb.least) if verb.least == verb.most else f"{verb.least} to {verb.most}"
        raise _at(call, f"`{name}` takes {wanted} points; it was given {len(points)}.")
    return points, value


def _check_points(call: ast.Call, points: tuple[str, ...], target: str | None, verb: Verb, made: set[str]) -> None:
    if len(set(points)) != len(points):
        raise _at(call, "the same point is named twice.")
    new = points if verb.role == "shape" else (target,) if target else ()
    for point in new:
        if point in made:
            raise _at(call, f"the point {point} is made twice.")
    if verb.role != "shape":
        for point in points:
            if point not in made:
                raise _at(call, f"the point {point} is used before it is made.")
    made.update(new)


def _options(call: ast.Call, name: str, verb: Verb) -> tuple[tuple[str, Option], ...]:
    options: list[tuple[str, Option]] = []
    for keyword in call.keywords:
        rule = verb.options.get(keyword.arg or "")
        if rule is None:
            known = ", ".join(verb.options) or "none"
            raise _at(keyword.value, f"`{name}` has no option `{keyword.arg or '**'}`; its options are {known}.")
        if any(keyword.arg == given for given, _ in options):
            raise _at(keyword.value, f"the option `{keyword.arg}` is given twice.")
        if rule.choices:
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if value not in rule.choices:
                raise _at(keyword.value, f"`{keyword.arg}` is one of {', '.join(rule.choices)}.")
            options.append((keyword.arg, value))
        elif rule.pair:
            if not isinstance(keyword.value, ast.Tuple) or len(keyword.value.elts) != 2:
                raise _at(keyword.value, f"`{keyword.arg}` is a pair of numbers, as in ({keyword.arg}=(50, 50)).")
            x, y = (_number(part, rule.low, rule.high) for part in keyword.value.elts)
            options.append((keyword.arg, (x, y)))
        else:
            options.append((keyword.arg, _number(keyword.value, rule.low, rule.high)))
    return tuple(options)


def _point(node: ast.expr) -> str:
    if not isinstance(node, ast.Name) or len(node.id) != 1 or not "A" <= node.id <= "Z":
        raise _at(node, "a point is one capital letter, A to Z.")
    return node.id


def _number(node: ast.expr, low: float, high: float) -> Number:
    sign, inner = 1, node
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, inner = -1, node.operand
    value = inner.value if isinstance(inner, ast.Constant) else None
    if type(value) not in (int, float):
        raise _at(node, "a number is written out here, as in 6 or 0.5.")
    if not low <= sign * value <= high:
        raise _at(node, f"the number must lie between {low:g} and {high:g}.")
    return sign * value


def _at(node: ast.AST, reason: str) -> ProgramError:
    return ProgramError(getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1, reason)


def _print(value: Option) -> str:
    if isinstance(value, tuple):
        return f"({_print(value[0])}, {_print(value[1])})"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _renamed(statement: Statement, names: Mapping[str, str]) -> Statement:
    points = tuple([names.get(point, point) for point in statement.points])
    target = names.get(statement.target, statement.target) if statement.target else None
    return Statement(statement.verb, points, target, statement.value, statement.options, statement.line)


def with_options(statement: Statement, options: Iterable[tuple[str, Option]]) -> Statement:
    """The statement with some options set: those it has are replaced in place, new ones come last."""
    merged = dict(statement.options) | dict(options)
    return Statement(statement.verb, statement.points, statement.target, statement.value, tuple(merged.items()))
