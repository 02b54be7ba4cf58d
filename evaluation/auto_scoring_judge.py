r"""AutoScoringJudge, the rule by which MM-Math (and OlympiadBench before it) takes two answers for the same one.

`\boxed{50^\circ}` is `\boxed{50}` and also `\boxed{0.5}`; `\boxed{2\frac{1}{2}}` is not `\boxed{2.5}`. Behaviour, bugs
included, is that of `AutoScoringJudge` in https://github.com/kge-sun/MM-Math/blob/main/eval.py, with sympy's
`parse_latex`, which reads a mixed number as a product, `e` as a letter, `1:2` as a half and `x(x+1)` as a function x.

The original hands whatever a model wrote to sympy and may never return. Here values are first taken in floating point,
which is bounded, and sympy simplifies only what is equal already, up to a limit. What has no such value (`9^{9^{9}}`),
and what is longer than [`MAX_LENGTH`], is equal to nothing but itself.
"""

import cmath
import math
import re
from collections.abc import Sequence
from functools import lru_cache

import sympy
from sympy.parsing.latex import parse_latex

from .bounded_sympy import TooMuchWork, limited, values

PRECISION = 1e-2
"""What the official command line passes; the class itself defaults to 1e-8."""

MAX_LENGTH = 200
"""Longest answer, in characters after cleaning, that is parsed."""

MAX_BOXED_LENGTH = 20_000

# Calls of Python functions, of which parsing an answer of usual length takes 2,000 to 50,000.
MAX_PARSING = 300_000
MAX_SIMPLIFYING = 600_000

# In the order in which the original applies them: what an earlier one leaves, a later one may find.
UNITS = (
    [r"\text{cm}^2", r"\text{cm}", r"\,cm", r"\text{ cm}", "cm", r"\text{分米}^2", "cm^{2}", r"60 \text{ cm}^2"]
    + [r"\ \text{m}", r"\text{米}"]
)  # fmt: skip
SIGNS = {
    r"\left": "", r"\right": "", "厘米": "", "，": ",", "$": "", "（": "(", "）": ")", r"\infty": "oo",
    r"\colon ": ":", "＋": "+", r"\, ": "", r"\,": "", r"^\circ": "", r"^{\circ}": "",
}  # fmt: skip
EDGES = "\n,.:;^_=+`!@#%^&*~，。"
PI = sympy.Symbol("pi")  # what parse_latex makes of \pi


class Unreadable(ValueError):
    """Where the original's parser raises, which it takes for "not equal"."""


def judge(gold: str, answer: str, precision: float = PRECISION) -> bool:
    r"""Whether two texts hold the same answers, in any order.

    Their answers are what [`boxed_answers`] finds, and without a box the formulas `$…$` of the last line, or else the
    whole text. (The official *script* calls the judge only where both texts have a box.)

    Args:
        gold, answer: Solution and response. Not symmetric: a number also equals the gold one times or by 100.
        precision: Numbers may differ by 1.01 times this.
    """
    pair = prepared(gold), prepared(answer)
    if None in pair:
        return False
    gold, answer = pair
    if gold == answer:
        return True
    readable = len(gold) <= MAX_LENGTH and len(answer) <= MAX_LENGTH
    golds, answers = _items(gold), _items(answer)
    if len(golds) != len(answers):
        return False
    place = -1
    # The order of the original, which skips an item after each match: with a tolerance it is not all the same.
    while golds:
        place = (place + 1) % len(golds)
        item = golds[place]
        match = next((other for other in answers if _equal(item, other, precision, readable)), None)
        if match is None:
            return False
        golds.remove(item)
        answers.remove(match)
    return True


def prepared(text: str) -> str | None:
    """The answers of a text as they are compared: joined by commas and cleaned. `None` where a box is not closed."""
    boxed = boxed_answers(text)
    if boxed is None:
        return None
    if not boxed:
        formulas = re.findall(r"\$(.*?)\$", text.strip().split("\n")[-1])
        boxed = "".join(formula + "," for formula in formulas) or text
    return _cleaned(boxed)


def boxed_answers(text: str) -> str | None:
    r"""Contents of all `\boxed{…}`, a comma after each, inner boxes again after the outer one; `None` if one is open.

    A text with more than 20,000 characters in boxes (nested by the hundred) counts as open.
    """
    starts, ends, stack = [], {}, []
    for match in re.finditer(r"\\boxed\{|[{}]", text):
        sign = match[0]
        if sign == "}":
            if stack:
                ends[stack.pop()] = match.start()
            continue
        stack.append(match.end())
        if sign != "{":
            starts.append(match.end())
    if any(start not in ends for start in starts) or sum(ends[start] - start for start in starts) > MAX_BOXED_LENGTH:
        return None
    return "".join(text[start : ends[start]] + "," for start in starts)


def _cleaned(text: str) -> str:
    for unit in UNITS:
        text = text.replace(unit, "")
    text = text.strip()
    if text.endswith("m") and len(text.rpartition("\n")[2]) > 1:  # never after a box, which ends with a comma
        text = text[:-1]
    if r"\in " in text:
        text = text.split(r"\in ")[1]
    for sign, instead in SIGNS.items():
        text = text.replace(sign, instead)
    # Degrees become radians where digits follow at once: \sin30 does, \sin 30 and \sin{30} do not.
    text = re.sub(r"(\\sin|\\cos|\\tan)(\d+)", r"\1((\2/180)\\pi)", text)
    return re.sub(r"\\(?:mathrm|mathbf)\{~?([^}]*)\}", r"\1", text.strip(EDGES))


def _items(text: str) -> list[str]:
    r"""The answers in a cleaned text: without Chinese, `a<x<b` as an interval, `\pm` as two; not split in brackets."""
    if not re.fullmatch(r"[\u4e00-\u9fff]+", text):
        text = re.sub(r"[\u4e00-\u9fff]+", "", text)
    if text.count("<") == 2:
        parts = text.split("<")
        text = f"({parts[0]}, {parts[-1]})"
    parts, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    if start < len(text):
        parts.append(text[start:].strip())
    return [part.replace(r"\pm", sign) for part in parts for sign in ("+-" if r"\pm" in part else "+")]


def _equal(gold: str, answer: str, precision: float, readable: bool) -> bool:
    """Whether two single answers are equal: by the letter, as intervals, numbers, expressions, or equations."""
    if gold == answer != "":
        return True
    if readable and _is_interval(gold) and _is_interval(answer):
        try:
            if _same_intervals(gold, answer, precision):
                return True
        except Unreadable:
            return False  # the original does not go on to the other ways, either
    if _same_numbers(gold, answer, precision):
        return True
    if not readable:
        return False
    if "=" in gold and "=" in answer:
        return _same_equations(gold, answer)
    try:
        return _same_expressions(gold, answer, precision)
    except Unreadable:
        return False


def _is_interval(text: str) -> bool:
    return text.startswith(("(", "[")) and text.endswith((")", "]"))


def _same_intervals(gold: str, answer: str, precision: float) -> bool:
    r"""Intervals or tuples, joined by `\cup` in the same order. What one has more than the other is not looked at."""
    golds, answers = gold.split(r"\cup"), answer.split(r"\cup")
    if len(golds) != len(answers):
        return False
    for one, other in zip(golds, answers, strict=True):
        if not one or not other:
            raise Unreadable("an empty part")
        if one[0] != other[0] or one[-1] != other[-1]:
            return False
        ends = zip(one.strip("[]()").split(","), other.strip("[]()").split(","), strict=False)
        if not all(_same_expressions(low, high, precision) for low, high in ends):
            return False
    return True


def _same_numbers(gold: str, answer: str, precision: float) -> bool:
    try:
        wanted, given = float(gold), float(answer)
    except ValueError:
        return False
    return any(abs(value - given) <= precision * 1.01 for value in (wanted / 100, wanted, wanted * 100))


def _same_expressions(gold: str, answer: str, precision: float) -> bool:
    """Whether two expressions are equal; of `x=3`, the 3 counts. Raises [`Unreadable`]."""
    wanted, given = (_parsed(text.split("=")[1] if "=" in text else text) for text in (gold, answer))
    if wanted == given:
        return True
    wanted_values, given_values = values(wanted), values(given)
    if wanted_values is None or given_values is None:
        return False
    wanted, given = wanted.subs(PI, math.pi), given.subs(PI, math.pi)
    if wanted.has(sympy.Symbol) != given.has(sympy.Symbol):
        return False
    try:
        if not wanted.has(sympy.Symbol):
            return (
                _is_computable(wanted)
                and _is_computable(given)
                and bool(abs(wanted.evalf() - given.evalf()) <= precision * 1.01)
            )
        differences = [one - other for one, other in zip(wanted_values, given_values, strict=True)]
        size = max(1.0, *map(abs, wanted_values), *map(abs, given_values))
        if not _is_constant(differences, size) or abs(differences[0]) > 2e-3 + 1e-9 * size:
            return False
        try:
            return bool(abs(limited(MAX_SIMPLIFYING, lambda: sympy.simplify(wanted - given).evalf())) < 1e-3)
        except TooMuchWork:
            return abs(differences[0]) < 1e-3
    except Exception:  # sympy raises almost anything, and the original takes it for "not equal"
        return False


def _same_equations(gold: str, answer: str) -> bool:
    """Whether left minus right of one is a whole multiple of the other's. π is an unknown here."""
    sides = [text.split("=") for text in (gold, answer)]
    if any(len(pair) != 2 for pair in sides):
        return False
    try:
        sides = [[_parsed(side) for side in pair] for pair in sides]
    except Unreadable:
        return False
    found = [[values(side, pi_is_number=False) for side in pair] for pair in sides]
    if any(value is None for pair in found for value in pair):
        return False
    ones, others = ([left - right for left, right in zip(*pair, strict=True)] for pair in found)
    if not (_are_whole_multiples(ones, others) or _are_whole_multiples(others, ones)):
        return False
    try:
        return limited(MAX_SIMPLIFYING, _are_multiples, *sides)
    except TooMuchWork:
        return True  # by their values
    except Exception:  # as above: 1 = 1 has no sides, for instance
        return False


def _are_multiples(gold: Sequence[sympy.Basic], answer: Sequence[sympy.Basic]) -> bool:
    equations = sympy.Eq(*gold), sympy.Eq(*answer)
    one, other = (sympy.simplify(equation.lhs - equation.rhs) for equation in equations)
    return any(ratio.is_Integer and ratio != 0 for ratio in map(sympy.simplify, (one / other, other / one)))


def _parsed(text: str) -> sympy.Basic:
    """What sympy's parser makes of LaTeX, with nothing in it evaluated. Raises [`Unreadable`]."""
    expression = _parsed_or_none(text.strip())
    if expression is None:
        raise Unreadable(f"not LaTeX, or too much of it: {text}")
    return expression


@lru_cache(maxsize=4096)
def _parsed_or_none(text: str) -> sympy.Basic | None:
    _load_parser()
    # The parser compares the sides of an inequality, whatever it takes; look at them alone, first.
    sides = re.split(r"<|>|\\(?:leq?q?|geq?q?|lt|gt|leqslant|geqslant|neq?)(?![a-zA-Z])", text)
    if len(sides) > 1:
        expressions = [_parsed_or_none(side.strip()) for side in sides]
        if any(expression is None or values(expression) is None for expression in expressions):
            return None
    try:
        expression = limited(MAX_PARSING, parse_latex, text)
    except Exception:  # the parser has its own error, and raises many others
        return None
    return expression if isinstance(expression, sympy.Basic) else None


@lru_cache(maxsize=1)
def _load_parser() -> None:
    """Without antlr4-python3-runtime 4.11 this raises ImportError, where every comparison would fail in silence."""
    parse_latex("1")


def _is_constant(values: list[complex], size: float) -> bool:
    return all(abs(value - values[0]) <= 1e-9 * size for value in values)


def _are_whole_multiples(ones: list[complex], others: list[complex]) -> bool:
    """Whether all of one are the same whole multiple of the other's, to rounding, and not the 0-fold."""
    if 0 in others:
        return False
    ratios = [one / other for one, other in zip(ones, others, strict=True)]
    nearest = round(ratios[0].real) if cmath.isfinite(ratios[0]) else 0
    return nearest != 0 and all(abs(ratio - nearest) <= 1e-8 * abs(nearest) for ratio in ratios)


def _is_computable(number: sympy.Basic) -> bool:
    """The original's guard: a power as a whole, of numbers, with an exponent of at most 1000."""
    if not isinstance(number, sympy.Pow):
        return True
    base, exponent = number.as_base_exp()
    return bool(base.is_number and exponent.is_number and abs(exponent.evalf()) <= 1000)
