"""The values marked in a diagram: 6, 40.1, x, 2x-7, 5\\sqrt{3}, \\frac{1}{2}x+4.

They are compared as formulas, since an unknown is an unknown: 2x-7 and 2x-9 differ whatever x is; x and 8 may not.
"""

import functools
import math
import random
import re
from collections.abc import Mapping

_TOKEN = re.compile(r"\\sqrt|\\frac|\d+\.?\d*|\.\d+|[a-z]|[-+*/^(){}]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
# 1x, √9 and 2/2 are not written in textbooks, so that they would give a negative away.
_UNTIDY = re.compile(r"(?<![\d.])1[a-z]|\\sqrt\{(?:1|4|9|16|25|36)\}|\\frac\{(\d+)\}\{\1\}|/1(?!\d)|\{1\}(?!\{)")
# Where formulas are compared: any positive reals that no honest formula makes equal by accident.
_SCALES = (1.0, 1.7, 2.9)
_PLACES = tuple({c: scale * math.sqrt(ord(c) - 90.5) for c in "abcdefghijklmnopqrstuvwxyz"} for scale in _SCALES)


def is_value(text: str) -> bool:
    """Whether the text is a formula in numbers and single small letters."""
    return _samples(text) is not None


def constant(text: str) -> float | None:
    """The number that the text stands for, or `None` if it has unknowns or is no formula."""
    samples = _samples(text)
    return samples[0] if samples and not _unknowns(text) else None


def same(first: str, second: str) -> bool:
    """Whether two formulas are equal whatever the unknowns are (or are the same text)."""
    a, b = _samples(first), _samples(second)
    return first == second if a is None or b is None else all(map(_close, a, b))


def differ(first: str, second: str) -> bool:
    """Whether two formulas are different whatever the unknowns are, granted only that no unknown is 0."""
    a, b = _samples(first), _samples(second)
    if a is None or b is None or all(map(_close, a, b)):
        return False
    gaps = [x - y for x, y in zip(a, b, strict=True)]
    if all(_close(gap, gaps[0]) for gap in gaps):
        return True  # the difference is a number, and not 0
    if len(_unknowns(first) | _unknowns(second)) != 1 or not all(gaps):
        return False
    # One unknown: the difference is c·xᵏ, never 0, if it grows by the same power between the places.
    powers = [math.log(abs(gap / gaps[0])) / math.log(scale) for gap, scale in zip(gaps[1:], _SCALES[1:], strict=True)]
    return _close(powers[0], powers[1]) and all(gap * gaps[0] > 0 for gap in gaps)


def spoken(text: str) -> str:
    """The formula as a caption writes it: 5√3, 2x - 7, (1/2)x + 4."""
    text = text.replace(" ", "").replace("*", "").replace("--", "+")
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}(?=[a-z(\\])", r"(\1/\2)", text)
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2", text)
    text = re.sub(r"\\sqrt\{(\w+)\}", r"√\1", text)
    text = re.sub(r"\\sqrt\{([^{}]*)\}", r"√(\1)", text)
    text = re.sub(r"\^\{?2\}?", "²", text)
    return re.sub(r"(?<=[^(])([-+])", r" \1 ", text)


def spoken_degrees(text: str) -> str:
    """The formula as the measure of an angle: 40°, x°, (2x + 5)°."""
    plain = spoken(text)
    return f"({plain})°" if " " in plain else f"{plain}°"


def with_number_changed(text: str, rng: random.Random) -> list[str]:
    """Formulas that differ from this one in one number or one sign, in random order; all provably [`differ`]."""
    changed = []
    for found in _NUMBER.finditer(text):
        for number in _other_numbers(found[0]):
            changed.append(text[: found.start()] + number + text[found.end() :])
    for found in re.finditer(r"(?<=[\da-z}])([-+])(?=[\da-z\\])", text):
        changed.append(text[: found.start()] + {"+": "-", "-": "+"}[found[0]] + text[found.end() :])
    changed = [new for new in dict.fromkeys(changed) if differ(text, new) and not _UNTIDY.search(new)]
    rng.shuffle(changed)
    return changed


def _other_numbers(number: str) -> list[str]:
    """Numbers of the same make: round ones stay round, so that roundness does not give the negative away."""
    whole, _, decimals = number.partition(".")
    value = int(whole)
    if decimals:
        steps = (-3, -2, -1, 1, 2, 3)
    elif value % 10 == 0:
        steps = (-20, -10, -5, 5, 10, 20)
    elif value % 5 == 0:
        steps = (-10, -5, -3, 3, 5, 10)
    else:
        steps = (-10, -6, -4, -3, -2, -1, 1, 2, 3, 4, 6, 10)
    others = [str(value + step) for step in steps if value + step >= 1]
    if len(whole) == 2 and whole[1] not in ("0", whole[0]):
        others.append(whole[::-1])
    return [f"{other}.{decimals}" if decimals else other for other in others]


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


def _unknowns(text: str) -> set[str]:
    return set(re.sub(r"\\[a-z]+", "", text)) & set("abcdefghijklmnopqrstuvwxyz")


@functools.lru_cache(maxsize=20_000)
def _samples(text: str) -> tuple[float, ...] | None:
    try:
        return tuple(_Formula(text, place).value() for place in _PLACES)
    except (ValueError, IndexError, ZeroDivisionError, OverflowError):
        return None


class _Formula:
    """Recursive descent over sum → product → power → factor; raises ValueError or IndexError where it is none."""

    def __init__(self, text: str, unknowns: Mapping[str, float]):
        self.tokens = _TOKEN.findall(text)
        if "".join(self.tokens) != re.sub(r"\s", "", text):
            raise ValueError(text)
        self.unknowns = unknowns
        self.at = 0

    def value(self) -> float:
        value = self._sum()
        if self.at != len(self.tokens) or not isinstance(value, float):
            raise ValueError("not a formula")
        return value

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _sum(self) -> float:
        total = self._product()
        while self._peek() in ("+", "-"):
            sign = self._next()
            total += self._product() if sign == "+" else -self._product()
        return total

    def _product(self) -> float:
        value, last = self._power(), self.tokens[self.at - 1]
        while (token := self._peek()) and token not in "+-)}":
            if token in "*/":
                self._next()
            elif token[0].isdigit() and last.isalpha():
                raise ValueError("a number right after a letter is a slip of the annotator, not a product")
            factor, last = self._power(), self.tokens[self.at - 1]
            value = value / factor if token == "/" else value * factor
        return value

    def _power(self) -> float:
        base = self._factor()
        if self._peek() != "^":
            return base
        self._next()
        return base ** self._factor()

    def _factor(self) -> float:
        token = self._next()
        if token == "-":
            return -self._factor()
        if token in "({":
            value = self._sum()
            self._expect(")" if token == "(" else "}")
            return value
        if token == "\\sqrt":
            return self._group() ** 0.5
        if token == "\\frac":
            return self._group() / self._group()
        return self.unknowns[token] if token in self.unknowns else float(token)

    def _group(self) -> float:
        self._expect("{")
        value = self._sum()
        self._expect("}")
        return value

    def _next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def _expect(self, token: str) -> None:
        if self._next() != token:
            raise ValueError(f"{token} expected")
