r"""Expressions of school mathematics as trees whose values cost next to nothing, whoever wrote them.

`2√{3}`, `\frac{3}{2}\pi`, `2 1/3` and `x^2+1` are read; `9^{9^{9^9}}` is refused. Nothing here calls sympy: sizes are
bounded while reading and computing, which a general computer algebra system does not do.
"""

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

MAX_LENGTH = 300
MAX_DEPTH = 30
MAX_BITS = 900  # of numerators and denominators; more does not fit a float

Tree = tuple
Number = Fraction | float

FUNCTIONS = ("arcsin", "arccos", "arctan", "sqrt", "sin", "cos", "tan", "cot", "sec", "csc", "ln", "log")
TOKEN = re.compile(
    rf"\s*(?:(?P<number>\d+(?:\.\d+)?|\.\d+)|\\?(?P<function>{'|'.join(FUNCTIONS)})(?![a-z])|(?P<pi>π|\\?pi(?![a-z]))"
    r"|(?P<command>\\[a-zA-Z]+)|(?P<letter>[A-Za-zα-ωΑ-Ω])|(?P<sign>[-+*/^(){}\[\]|√°:_%∞]))"
)
GREEK = set(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho sigma tau phi"
    " varphi chi psi omega".split()
)


class Unreadable(ValueError):
    """The text is no expression, or one whose value is not worth its cost."""


@lru_cache(maxsize=4096)
def parse(text: str) -> Tree:
    """The tree of an expression; raises `Unreadable` for anything else, and for over 300 characters or 30 levels."""
    if len(text) > MAX_LENGTH:
        raise Unreadable("too long")
    reader = _Reader(_tokens(text))
    tree = reader.sum(0)
    if reader.place < len(reader.tokens):
        raise Unreadable("more than one expression")
    return tree


def symbols(tree: Tree) -> set[str]:
    """Names of the free symbols."""
    return {part[1] for part in _parts(tree) if part[0] == "symbol"}


def _parts(tree: Tree) -> list[Tree]:
    """The tree and all below it; without recursion, as a sum of 150 terms is 150 levels deep."""
    parts = [tree]
    for part in parts:
        parts.extend(below for below in part[1:] if isinstance(below, tuple))
    return parts


def value(tree: Tree, at: Mapping[str, float] | None = None) -> Number:
    """The value, a `Fraction` where it is rational and small; raises `Unreadable` where there is none.

    Args:
        at (`Mapping[str, float]`, *optional*): values of the free symbols.
    """
    try:
        result = _value(tree, at or {})
    except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
        raise Unreadable("no value") from error
    if isinstance(result, complex) or result != result:
        raise Unreadable("no real value")
    return result


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, place, text = [], 0, text.strip()
    while place < len(text):
        match = TOKEN.match(text, place)
        if not match:
            raise Unreadable("a sign that is not read")
        tokens.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return tokens


class _Reader:
    """Recursive descent over the tokens; every rule is told its depth."""

    def __init__(self, tokens: list[tuple[str, str]]):
        self.tokens, self.place = tokens, 0

    def next(self, ahead: int = 0) -> tuple[str, str]:
        place = self.place + ahead
        return self.tokens[place] if place < len(self.tokens) else ("end", "")

    def take(self, sign: str) -> bool:
        if self.next() == ("sign", sign):
            self.place += 1
            return True
        return False

    def need(self, sign: str) -> None:
        if not self.take(sign):
            raise Unreadable("unbalanced")

    def sum(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise Unreadable("too deep")
        tree = self.signed(depth)
        while self.next() in (("sign", "+"), ("sign", "-")):
            sign = self.next()[1]
            self.place += 1
            tree = (sign, tree, self.signed(depth))
        return tree

    def signed(self, depth: int) -> Tree:
        negative = False
        while self.next() in (("sign", "-"), ("sign", "+")):
            negative ^= self.next()[1] == "-"
            self.place += 1
        tree = self.product(depth)
        return ("negative", tree) if negative else tree

    def product(self, depth: int) -> Tree:
        tree = self.power(depth)
        while True:
            if self.take("*"):
                tree = ("*", tree, self.signed_power(depth))
            elif self.take("/") or self.take(":"):
                tree = ("/", tree, self.signed_power(depth))
            elif self.starts_factor():
                tree = ("*", tree, self.power(depth))
            else:
                return tree

    def starts_factor(self) -> bool:
        group, text = self.next()
        if group == "number":  # `2 3` is two answers, `(2)3` is none
            return False
        return group in ("function", "pi", "command", "letter") or (group == "sign" and text in "({[√∞")

    def signed_power(self, depth: int) -> Tree:
        negative = self.take("-")
        tree = self.power(depth)
        return ("negative", tree) if negative else tree

    def power(self, depth: int) -> Tree:
        tree = self.atom(depth + 1)
        if self.take("^"):
            tree = ("^", tree, self.exponent(depth + 1))
        while self.next() in (("sign", "°"), ("sign", "%")):
            tree = ("degree" if self.next()[1] == "°" else "percent", tree)
            self.place += 1
        return tree

    def exponent(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise Unreadable("too deep")
        if self.take("-"):
            return ("negative", self.exponent(depth + 1))
        return self.power(depth + 1)

    def atom(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise Unreadable("too deep")
        group, text = self.next()
        self.place += 1
        if group == "number":
            return self.mixed(text, depth)
        if group == "pi":
            return ("pi",)
        if group == "letter":
            return self.symbol(text)
        if group == "function":
            return self.root(depth) if text == "sqrt" else self.function(text, depth)
        if group == "command":
            return self.command(text[1:], depth)
        if group == "sign" and text in "({[|":
            tree = self.sum(depth + 1)
            self.need({"(": ")", "{": "}", "[": "]", "|": "|"}[text])
            return ("absolute", tree) if text == "|" else tree
        if text == "√":
            return self.root(depth)
        if text == "∞":
            return ("infinity",)
        raise Unreadable("a value is missing")

    def mixed(self, text: str, depth: int) -> Tree:
        r"""A number, or a mixed one: `2\frac{1}{3}` is 2 + 1/3, where `2\frac{√3}{3}` is a product."""
        if len(text) > 60:
            raise Unreadable("too many digits")
        whole = ("number", Fraction(text))
        if self.next() != ("command", "\\frac") or "." in text:
            return whole
        start = self.place
        self.place += 1
        fraction = self.fraction(depth)
        plain = all(part[0] == "number" and part[1].denominator == 1 for part in fraction[1:])
        if plain and fraction[1][1] < fraction[2][1]:
            return ("+", whole, fraction)
        self.place = start
        return whole

    def fraction(self, depth: int) -> Tree:
        return ("/", self.argument(depth), self.argument(depth))

    def argument(self, depth: int) -> Tree:
        """What a command takes: a group, or the one atom after it."""
        if self.take("{"):
            tree = self.sum(depth + 1)
            self.need("}")
            return tree
        return self.atom(depth + 1)

    def root(self, depth: int) -> Tree:
        degree = ("number", Fraction(2))
        if self.take("["):
            degree = self.sum(depth + 1)
            self.need("]")
        return ("root", self.argument(depth), degree)

    def function(self, name: str, depth: int) -> Tree:
        base = self.argument(depth + 1) if name == "log" and self.take("_") else None
        power = self.exponent(depth + 1) if self.take("^") else None
        if self.next() in (("sign", "("), ("sign", "{")):
            argument = self.power(depth + 1)
        else:  # `sin 2x` takes the product, `sin 30 + 1` only the 30
            argument = self.product(depth + 1)
        tree = ("/", ("ln", argument), ("ln", base)) if base else (name, argument)
        return ("^", tree, power) if power else tree

    def symbol(self, name: str) -> Tree:
        if self.take("_"):
            braced = self.take("{")
            while self.next()[0] in ("letter", "number"):
                name += "_" + self.next()[1]
                self.place += 1
                if not braced:
                    break
            if braced:
                self.need("}")
        return ("symbol", name)

    def command(self, name: str, depth: int) -> Tree:
        if name == "frac":
            return self.fraction(depth)
        if name in GREEK:
            return self.symbol(name)
        raise Unreadable("a command that is not read")


def _value(tree: Tree, at: Mapping[str, float]) -> Number:
    kind = tree[0]
    if kind == "number":
        return tree[1]
    if kind == "pi":
        return math.pi
    if kind == "infinity":
        return math.inf
    if kind == "symbol":
        return at[tree[1]] if tree[1] in at else _no_value()
    first = _value(tree[1], at)
    if kind in OPERATIONS:
        return _bounded(OPERATIONS[kind](first, *(_value(part, at) for part in tree[2:])))
    # What is left is a function of an angle or a logarithm. Angles without a sign are degrees, as pupils write them,
    # unless they are written in π or letters.
    inverse = {"arcsin": math.asin, "arccos": math.acos, "arctan": math.atan}
    if kind in inverse:
        return math.degrees(inverse[kind](first))
    if kind in ("ln", "log"):
        return math.log(first) if kind == "ln" else math.log10(first)
    angle = math.radians(first) if isinstance(first, Fraction) or _in_degrees(tree[1]) else first
    return _trigonometric(kind, angle)


def _no_value() -> Number:
    raise Unreadable("a symbol without a value")


def _in_degrees(tree: Tree) -> bool:
    return any(part[0] == "degree" for part in _parts(tree))


def _trigonometric(name: str, angle: float) -> float:
    sine, cosine = math.sin(angle), math.cos(angle)
    # tan 90° has no value, though its floating-point cosine is not quite 0
    sine, cosine = (0.0 if abs(x) < 1e-15 else x for x in (sine, cosine))
    match name:
        case "sin":
            return sine
        case "cos":
            return cosine
        case "tan":
            return sine / cosine
        case "cot":
            return cosine / sine
        case "sec":
            return 1 / cosine
        case _:
            return 1 / sine


def _bounded(number: Number) -> Number:
    if isinstance(number, Fraction) and max(number.numerator.bit_length(), number.denominator.bit_length()) > MAX_BITS:
        return float(number)
    return number


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        bits = max(base.numerator.bit_length(), base.denominator.bit_length())
        if bits * abs(exponent.numerator) <= MAX_BITS:
            return base**exponent.numerator
    return _real(float(base) ** float(exponent))


def _root(number: Number, degree: Number) -> Number:
    if number < 0:
        if degree != 3:
            raise Unreadable("a root of a negative number")
        return -_root(-number, degree)
    if degree == 2:
        if isinstance(number, Fraction):
            exact = Fraction(math.isqrt(number.numerator), math.isqrt(number.denominator))
            return exact if exact**2 == number else math.sqrt(number)
        return math.sqrt(number)
    return _real(float(number) ** (1 / float(degree)))


def _real(number: complex | float) -> float:
    if isinstance(number, complex):
        raise Unreadable("no real value")
    return number


OPERATIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": _power,
    "root": _root,
    "negative": lambda a: -a,
    "absolute": abs,
    "degree": lambda a: a,
    "percent": lambda a: a / 100,
}
