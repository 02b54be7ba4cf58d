r"""Whether two answers are the same mathematics: numbers, expressions, lists, points, intervals, equations, words.

`equal("2√{3}", "\\sqrt{12}")`, `equal("12πcm", "37.70")` and `equal("x=1,x=2", "2 or 1")` hold; `equal("50", "0.5")`
and `equal("3.46", "3.4")` do not. Values are computed by `evaluation.answer_values`, whose cost is bounded; what it
does not read, such as a matrix or a union of intervals, `math-verify` compares.
"""

import math
import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from .answer_text import OPENING, both_signs, closing, list_parts, plain_spelling, without_braces, without_unit
from .answer_values import FUNCTIONS, Tree, Unreadable, parse, symbols, value
from .bounded_math_verify import same

MAX_LENGTH = 2000  # characters; longer answers are compared as text only
MAX_PIECES = 24
MAX_DEPTH = 4  # of tuples in tuples
EXACT = 1e-9  # relative; what floating-point rounding may move
# What symbols stand for when expressions are compared: positive, as lengths and angles are, in no simple relation.
POINTS = [0.7390851332, 1.3247179572, 0.5671432904, 1.9021605823, 2.5029078751]

APPROXIMATELY = re.compile(
    r"^\s*(?:≈|~|=|约(?:为|等于)?|about|approximately|approx\.?|around|roughly|nearly)\s*", re.I
)
RELATION = re.compile(r"([<>≤≥])")
NAME = re.compile(r"(?=[^\d\s])[^=<>≤≥+*/^√,;]{1,60}$")
NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
}
WORD = re.compile("[A-Z]{3,}|[A-Za-z]{4,}")  # else `ABC` and `CAB` would be the same product


class Piece(NamedTuple):
    """One of the answers in a list of them.

    Attributes:
        kind (`str`): `value`, `equation`, `tuple` or `text`.
        text (`str`): in plain spelling, without blanks.
        name (`str`): what the answer calls itself: `x` of `x=3`; may be empty.
        trees (`tuple[Tree, ...]`): the value; the two sides of an equation.
        digits (`int`, *optional*): digits after the decimal point of an approximate value; `None` for an exact one.
        dimension (`str`, *optional*), scale (`Fraction`): of the unit.
        parts (`tuple[Piece, ...]`), brackets (`str`): of a tuple or an interval.
    """

    kind: str
    text: str
    name: str = ""
    trees: tuple[Tree, ...] = ()
    digits: int | None = None
    dimension: str | None = None
    scale: Fraction = Fraction(1)
    parts: tuple = ()
    brackets: str = ""


def equal(gold: str, answer: str, tolerance: float = 1e-2) -> bool:
    """Whether an answer is right, by what a fair grader would say; never raises, and never computes without bound.

    - Exact answers must be equal exactly: 3 and 2√3/2 are not.
    - A decimal stands for what rounds, or is cut off, to it: 3.46 is right for 2√3, and so is 3.464 for 3.46. It is
      also right within `tolerance / 10`, so that 37.68 is right for 12π. In neither case may it be off by more than
      `tolerance`: 0.3 is wrong for 1/3, and 3.5 for 2√3.
    - Units are converted where both sides have one (5 m, 500 cm) and ignored where only one has, as is a degree sign;
      a percentage is right as 50%, 50 or 0.5 for 50%.
    - Lists are equal in any order, points and intervals in theirs. `x=3` is 3; `x=3` is not `y=3`.
    - Symbols stand for positive numbers: expressions are equal if they agree at five points.
    - What is not mathematics is compared as text, without case, blanks and punctuation at the ends.

    Args:
        gold (`str`): the right answer.
        answer (`str`): the answer to judge.
        tolerance (`float`, *optional*, defaults to 0.01): relative, for decimals only.
    """
    if equal_at_sight(gold, answer, tolerance):
        return True
    gold, answer = str(gold), str(answer)
    return not (is_value(gold) and is_value(answer)) and same(gold, answer)


def equal_at_sight(gold: str, answer: str, tolerance: float = 1e-2) -> bool:
    """`equal` without math-verify: less than a millisecond for answers of usual length."""
    gold, answer = str(gold).strip(), str(answer).strip()
    if not gold or not answer:
        return False
    if gold == answer or max(len(gold), len(answer)) > MAX_LENGTH:
        return gold == answer
    wanted, given = _read(gold), _read(answer)
    return _same_text(wanted, given) or _same_list(wanted, given, tolerance)


def is_value(text: str) -> bool:
    """Whether a text is a number or an expression, with or without a unit, or a list of them, and no prose."""
    if len(text) > MAX_LENGTH:
        return False
    parts = list_parts(without_braces(plain_spelling(text).rstrip(" .!?,;:")))
    return (
        bool(parts) and all(piece.kind in ("value", "tuple") for piece in _read(text)) and not any(map(_prose, parts))
    )


def _prose(text: str) -> bool:
    text = without_unit(text.split("=")[-1]).text
    return bool(re.search(r"[a-z]{2,}", re.sub(rf"\\[a-z]+|{'|'.join(FUNCTIONS)}", " ", text)))


@lru_cache(maxsize=8192)
def _read(text: str) -> tuple[Piece, ...]:
    plain = plain_spelling(text).rstrip(" .!?,;:").strip("\"' ")
    plain = without_braces(plain)
    pieces = [variant for part in list_parts(plain) for variant in both_signs(part)]
    return tuple(_piece(piece) for piece in pieces[: MAX_PIECES + 1])


def _piece(text: str, depth: int = 0) -> Piece:
    interval = _interval(text, depth) if depth < MAX_DEPTH else None
    if interval:
        return interval
    shown = re.sub(r"[\s{}]", "", text).lower().strip(".,:;!?\"'")
    *names, last = re.split(r"=|(?<=\S)\s*≈", text)
    if len(names) == 1 and "≈" not in text:
        equation = _equation(names[0], last, shown)
        if equation:
            return equation
    name = re.sub(r"\s", "", names[0]) if names and NAME.match(names[0].strip()) else ""
    if names and not name and not re.search(r"\d", names[0]):
        return Piece("text", shown)
    approximate = bool(re.search(r"≈[^=]*$", text))
    while match := APPROXIMATELY.match(last):
        approximate, last = approximate or match[0].strip() != "=", last[match.end() :]
    if (
        depth < MAX_DEPTH
        and last.startswith(tuple(OPENING))
        and closing(last, 0) == len(last) - 1
        and len(parts := list_parts(last[1:-1])) > 1
    ):
        inside = tuple(_piece(part, depth + 1) for part in parts[:MAX_PIECES])
        return Piece("tuple", shown, name, parts=inside, brackets=last[0] + last[-1])
    quantity = without_unit(last)
    quantity = quantity._replace(text=NUMBER_WORDS.get(quantity.text.lower(), quantity.text))
    if WORD.fullmatch(quantity.text):
        return Piece("text", shown)
    try:
        tree = parse(quantity.text)
    except Unreadable:
        return Piece("text", shown)
    number = re.fullmatch(r"[-+]?\s*(?:\d*\.(\d+)|\d+)%?", quantity.text)
    digits = len(number[1] or "") if number and (number[1] or approximate) else None
    return Piece("value", shown, name, (tree,), digits, quantity.dimension, quantity.scale)


def _equation(left: str, right: str, shown: str) -> Piece | None:
    """`2x+y=1`: an equation, if its left side is more than a name and both sides are read."""
    try:
        sides = parse(left), parse(without_unit(right).text)
    except Unreadable:
        return None
    if not symbols(sides[0]) | symbols(sides[1]) or sides[0][0] in ("symbol", "*") and NAME.match(left.strip()):
        return None
    # `3 * 4 = 12` is a calculation, whose result counts; `AB + CD = 7` has a result, too
    return Piece("equation", shown, "", sides)


def _interval(text: str, depth: int) -> Piece | None:
    """`a<x≤b` and `x>a` as the interval between the bounds."""
    parts = RELATION.split(text)
    if len(parts) not in (3, 5) or len(text) > 200:
        return None
    shown = re.sub(r"\s", "", text)
    if len(parts) == 3:
        left, sign, right = parts
        if _has_digits(left) and not _has_digits(right):
            left, sign, right = right, sign.translate(str.maketrans("<>≤≥", "><≥≤")), left
        low, high, name = (right, "∞", left) if sign in ">≥" else ("-∞", right, left)
        brackets = ("[" if sign == "≥" else "(") + ("]" if sign == "≤" else ")")
    else:
        low, first, name, second, high = parts
        if first in ">≥":
            low, first, second, high = high, second, first, low
        brackets = ("(" if first in "<>" else "[") + (")" if second in "<>" else "]")
    return Piece(
        "tuple",
        shown,
        name.strip(),
        parts=tuple(_piece(part.strip(), depth + 1) for part in (low, high)),
        brackets=brackets,
    )


def _has_digits(text: str) -> bool:
    return bool(re.search(r"[\dπ]", text))


def _same_text(wanted: tuple[Piece, ...], given: tuple[Piece, ...]) -> bool:
    return [piece.text for piece in wanted] == [piece.text for piece in given] and all(p.text for p in wanted)


def _same_list(wanted: tuple[Piece, ...], given: tuple[Piece, ...], tolerance: float) -> bool:
    # `(3, 4)` and `3, 4` are the same point, written with and without its brackets
    if len(wanted) != len(given):
        one, many = (wanted, given) if len(wanted) < len(given) else (given, wanted)
        if len(one) != 1 or one[0].kind != "tuple" or len(one[0].parts) != len(many):
            return False
        return all(_same_piece(a, b, tolerance) for a, b in zip(one[0].parts, many, strict=True))
    if len(wanted) > MAX_PIECES:
        return False
    left = list(given)
    for piece in wanted:
        found = next((place for place, other in enumerate(left) if _same_piece(piece, other, tolerance)), None)
        if found is None:
            return False
        del left[found]
    return True


def _same_piece(gold: Piece, answer: Piece, tolerance: float) -> bool:
    if gold.text and gold.text == answer.text:
        return True
    if gold.name and answer.name and _other_unknown(gold.name, answer.name):
        return False
    match gold.kind, answer.kind:
        case "value", "value":
            if _same_value(gold, answer, tolerance):
                return True
            # AB=CD is CD=AB
            return bool(gold.name and answer.name) and _same_equation(_sides(gold), _sides(answer))
        case "tuple", "tuple":
            return (
                gold.brackets == answer.brackets
                and len(gold.parts) == len(answer.parts)
                and all(_same_piece(a, b, tolerance) for a, b in zip(gold.parts, answer.parts, strict=True))
            )
        case ("equation", "equation") | ("equation", "value") | ("value", "equation"):
            return _same_equation(_sides(gold), _sides(answer))
    return False


def _other_unknown(gold: str, answer: str) -> bool:
    """Whether both are single letters, and different ones: x and y, but not x_1 and x_2, nor AB and length."""
    return bool(re.fullmatch("[a-z]", gold) and re.fullmatch("[a-z]", answer)) and gold != answer


def _same_value(gold: Piece, answer: Piece, tolerance: float) -> bool:
    free = symbols(gold.trees[0]) | symbols(answer.trees[0])
    if free:
        return _same_at_points(gold.trees[0], answer.trees[0], sorted(free))
    try:
        a, b = value(gold.trees[0]), value(answer.trees[0])
        if gold.dimension and gold.dimension == answer.dimension and gold.scale != answer.scale:
            # An approximation keeps its digits only in its own unit.
            return _close(float(a * gold.scale), float(b * answer.scale), tolerance / 10)
        percent = [piece.text.endswith("%") for piece in (gold, answer)]
        candidates = [(a, b)]
        if percent[0] != percent[1]:
            candidates.append((a * 100, b) if percent[0] else (a, b * 100))
        return any(_same_number(x, y, gold.digits, answer.digits, tolerance) for x, y in candidates)
    except (Unreadable, ArithmeticError):
        return False


def _same_number(
    a: Fraction | float, b: Fraction | float, a_digits: int | None, b_digits: int | None, tolerance: float
) -> bool:
    if a == b:
        return True
    if math.isinf(a) or math.isinf(b):
        return False
    if isinstance(a, float) or isinstance(b, float):
        if _close(a, b, EXACT) or abs(a - b) < 1e-12:
            return True
    if a_digits is None and b_digits is None:
        return False
    if _close(a, b, tolerance / 10):
        return True
    if not _close(a, b, tolerance):
        return False
    # The one with fewer digits is what the other rounds or is cut off to.
    (shown, digits), (full, full_digits) = sorted(
        ((a, a_digits), (b, b_digits)), key=lambda pair: math.inf if pair[1] is None else pair[1]
    )
    unit = Fraction(1, 10**digits)
    off = Fraction(abs(full)) - Fraction(abs(shown))
    cut = full_digits is None and 0 <= off < unit
    return cut or abs(off) <= unit / 2 + Fraction(1, 10**12)


def _close(a: Fraction | float, b: Fraction | float, relative: float) -> bool:
    # the slack lets 0.33 pass for 1/3 at a tolerance of 1%
    return abs(a - b) <= relative * max(abs(a), 1e-300) * (1 + 1e-9)


def _values_at_points(tree: Tree, free: list[str]) -> list[float | None]:
    values = []
    for shift in range(len(POINTS)):
        at = {
            name: POINTS[(place + shift) % len(POINTS)] * (1 + place // len(POINTS)) for place, name in enumerate(free)
        }
        try:
            values.append(float(value(tree, at)))
        except (Unreadable, ArithmeticError):
            values.append(None)
    return values


def _same_at_points(gold: Tree, answer: Tree, free: list[str]) -> bool:
    pairs = zip(_values_at_points(gold, free), _values_at_points(answer, free), strict=True)
    both = [(a, b) for a, b in pairs if a is not None and b is not None]
    return len(both) >= 2 and all(_close(a, b, EXACT) or abs(a - b) < 1e-12 for a, b in both)


def _sides(piece: Piece) -> Tree | None:
    """Left minus right side; a named value is an equation, too: `y=2x+1`."""
    if piece.kind == "equation":
        return ("-", *piece.trees)
    try:
        return ("-", parse(piece.name), piece.trees[0]) if piece.name else None
    except Unreadable:
        return None


def _same_equation(gold: Tree | None, answer: Tree | None) -> bool:
    """Whether one is a multiple of the other."""
    if gold is None or answer is None:
        return False
    free = sorted(symbols(gold) | symbols(answer))
    pairs = zip(_values_at_points(gold, free), _values_at_points(answer, free), strict=True)
    ratios = [a / b for a, b in pairs if a is not None and b is not None and abs(b) > 1e-9]
    return len(ratios) >= 3 and abs(ratios[0]) > 1e-9 and all(_close(ratios[0], ratio, 1e-7) for ratio in ratios)
