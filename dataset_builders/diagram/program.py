"""The diagram language: constructions written in Python syntax, read with `ast` and never executed.

    triangle(A, B, C, kind="isosceles", angle=50, at=(50, 48), size=60, turn=20)
    D = midpoint(B, C)
    segment(A, D)
    mark_length(A, B, 6)

A point is a capital letter, or one with a digit: A, A1. A shape brings its points into being, a construction names the
one it makes, the rest draws and marks. Lengths (`at`, `size`, `length`) are in hundredths of the frame's side, y
upwards; angles are degrees, counter-clockwise. The whole vocabulary, with an example of each word: docs/diagrams.md.
"""

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Number = int | float
Option = Number | str | tuple[Number, Number]

MAX_CHARACTERS = 20_000
# What may stand at a side or an angle instead of a number: x, 2x - 7, 5√3, (1/2)x + 4.
_TEXT = re.compile(r"[0-9A-Za-z√π²°.+\-−*/^()= ]{1,24}")
_POINT = re.compile(r"[A-Z][0-9]?")


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
    value: Number | str | None = None
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
        verb = VOCABULARY[self.verb]
        return self.points[: verb.new] if verb.role == "shape" else ()


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
    """A word of the language.

    Attributes:
        role: `shape` (makes its points), `construction` (makes its target), `drawing` or `mark`.
        least, most: How many points it takes.
        value: Least and greatest of the number that follows the points; `None` if none does.
        text: Whether a short text such as "2x - 7" may stand for the number.
        new: How many of a shape's points it makes; the rest are there before. `None`: all.
        group: The points come in groups of so many (two segments, two angles), each of different points.
        options: What may follow by name.
    """

    role: str
    least: int
    most: int
    value: tuple[float, float] | None = None
    text: bool = False
    new: int | None = None
    group: int | None = None
    options: Mapping[str, OptionRule] = field(default_factory=dict)


_PLACE = {
    "at": OptionRule(0, 100, (50, 50), pair=True),
    "size": OptionRule(1, 100, 60),
    "turn": OptionRule(-360, 360, 0),
}
_ACUTE = OptionRule(20, 88, 60)
_RATIO = OptionRule(0.05, 0.95, 0.6)
_LENGTH = OptionRule(-100, 100, 30)
_STROKE = OptionRule(default="solid", choices=("solid", "dashed"))
_RANGE = OptionRule(-1000, 1000, (-5, 5), pair=True)
_COEFFICIENT = OptionRule(-1000, 1000, 0)
_LENGTHS = (0.01, 99_999)

VOCABULARY: Mapping[str, Verb] = {
    # Shapes
    "point": Verb("shape", 1, 1, options={"at": _PLACE["at"]}),
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
    "trapezoid": Verb(
        "shape",
        4,
        4,
        options={
            "kind": OptionRule(default="plain", choices=("plain", "isosceles", "right")),
            "ratio": _RATIO,
            "shift": OptionRule(0, 1, 0.3),
            **_PLACE,
        },
    ),
    "kite": Verb("shape", 4, 4, options={"ratio": _RATIO, "angle": OptionRule(40, 160, 100), **_PLACE}),
    "polygon": Verb("shape", 5, 8, options=_PLACE),
    "circle": Verb("shape", 1, 1, options={"at": _PLACE["at"], "size": _PLACE["size"]}),
    "ellipse": Verb("shape", 1, 1, options={"ratio": _RATIO, **_PLACE}),
    "similar": Verb("shape", 6, 6, new=3, group=3, options={"ratio": OptionRule(0.1, 3, 0.6), **_PLACE}),
    "congruent": Verb("shape", 6, 6, new=3, group=3, options={"at": _PLACE["at"], "turn": _PLACE["turn"]}),
    # Points, and lines to them
    "midpoint": Verb("construction", 2, 2),
    "point_on": Verb("construction", 2, 2, options={"ratio": _RATIO}),
    "foot": Verb("construction", 3, 3),
    "altitude": Verb("construction", 3, 3),
    "median": Verb("construction", 3, 3),
    "bisector": Verb("construction", 3, 3),
    "cevian": Verb("construction", 3, 3, options={"ratio": _RATIO}),
    "intersection": Verb("construction", 4, 4, group=2),
    "parallel": Verb("construction", 3, 3, options={"length": _LENGTH}),
    "perpendicular": Verb("construction", 3, 3, options={"length": _LENGTH}),
    "perpendicular_bisector": Verb("construction", 3, 3, options={"length": _LENGTH}),
    "on_circle": Verb("construction", 1, 1, options={"turn": _PLACE["turn"]}),
    "radius": Verb("construction", 1, 1, options={"turn": _PLACE["turn"]}),
    "diameter": Verb("construction", 2, 2),
    "chord": Verb("construction", 2, 2, options={"turn": OptionRule(-360, 360, 100)}),
    "tangent": Verb("construction", 2, 2, options={"length": _LENGTH}),
    "secant": Verb("construction", 2, 2, options={"turn": OptionRule(-80, 80, 30), "length": _LENGTH}),
    "tangent_from": Verb(
        "construction", 2, 2, options={"side": OptionRule(default="left", choices=("left", "right"))}
    ),
    "incircle": Verb("construction", 3, 3),
    "circumcircle": Verb("construction", 3, 3),
    "reflection": Verb("construction", 3, 3),
    "rotation": Verb("construction", 2, 2, options={"angle": OptionRule(-359, 359, 90)}),
    "translation": Verb("construction", 3, 3),
    "axes": Verb("construction", 0, 0, options={"x": _RANGE, "y": _RANGE}),
    "number_line": Verb("construction", 0, 0, options={"x": _RANGE}),
    "plot": Verb("construction", 0, 0, options={"x": _COEFFICIENT, "y": _COEFFICIENT}),
    # Lines
    "segment": Verb("drawing", 2, 2, options={"stroke": _STROKE}),
    "ray": Verb("drawing", 2, 2),
    "line": Verb("drawing", 2, 2),
    "arc": Verb("drawing", 3, 3),
    "sector": Verb("drawing", 3, 3),
    "graph": Verb(
        "drawing",
        0,
        0,
        options={
            "kind": OptionRule(default="linear", choices=("linear", "quadratic", "inverse")),
            "a": OptionRule(-1000, 1000, 1),
            "b": _COEFFICIENT,
            "c": _COEFFICIENT,
        },
    ),
    # Marks
    "mark_length": Verb("mark", 2, 2, value=_LENGTHS, text=True),
    "mark_angle": Verb("mark", 3, 3, value=(1, 179), text=True),
    "mark_arc": Verb("mark", 3, 3, value=(1, 359), text=True),
    "mark_right_angle": Verb("mark", 3, 3),
    "mark_equal": Verb("mark", 4, 4, group=2),
    "mark_equal_angles": Verb("mark", 6, 6, group=3),
    "mark_parallel": Verb("mark", 4, 4, group=2),
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


def _arguments(call: ast.Call, name: str, verb: Verb) -> tuple[tuple[str, ...], Number | str | None]:
    nodes, value = list(call.args), None
    if verb.value is not None:
        if not nodes:
            raise _at(call, f"`{name}` takes {verb.least} points and a number.")
        last = nodes.pop()
        value = _text(last) if verb.text and _is_text(last) else _number(last, *verb.value)
    points = tuple(_point(node) for node in nodes)
    if not verb.least <= len(points) <= verb.most:
        wanted = str(verb.least) if verb.least == verb.most else f"{verb.least} to {verb.most}"
        raise _at(call, f"`{name}` takes {wanted} points; it was given {len(points)}.")
    return points, value


def _check_points(call: ast.Call, points: tuple[str, ...], target: str | None, verb: Verb, made: set[str]) -> None:
    size = verb.group or len(points)
    for start in range(0, len(points), size or 1):
        if len(set(points[start : start + size])) != size:
            raise _at(call, "the same point is named twice.")
    new = points[: verb.new] if verb.role == "shape" else (target,) if target else ()
    if len(set(new)) != len(new):
        raise _at(call, "the same point is named twice.")
    for point in new:
        if point in made:
            raise _at(call, f"the point {point} is made twice.")
    for point in points[len(new) :] if verb.role == "shape" else points:
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
    if not isinstance(node, ast.Name) or not _POINT.fullmatch(node.id):
        raise _at(node, "a point is one capital letter, A to Z, or one with a digit, as A1.")
    return node.id


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _text(node: ast.Constant) -> str:
    if not _TEXT.fullmatch(node.value):
        raise _at(node, "a text that stands for a number is a short formula in letters and numbers, as in 2x - 7.")
    return node.value


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
    return '"' + value.replace("\\", "\\\\") + '"' if isinstance(value, str) else repr(value)


def _renamed(statement: Statement, names: Mapping[str, str]) -> Statement:
    points = tuple([names.get(point, point) for point in statement.points])
    target = names.get(statement.target, statement.target) if statement.target else None
    return Statement(statement.verb, points, target, statement.value, statement.options, statement.line)


def with_options(statement: Statement, options: Iterable[tuple[str, Option]]) -> Statement:
    """The statement with some options set: those it has are replaced in place, new ones come last."""
    merged = dict(statement.options) | dict(options)
    return Statement(statement.verb, statement.points, statement.target, statement.value, tuple(merged.items()))
