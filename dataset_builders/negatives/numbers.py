"""Other numbers of the same make: integers stay integers, 80.0 keeps its decimal, √3 stays a root, ½ a fraction.

The values offered form an arithmetic progression in which the true one has a random rank, so that it is not known by
lying in the middle of its alternatives.
"""

import math
import random
import re

_RADICANDS = (2, 3, 5, 6, 7, 10, 11, 13, 14, 15)
_ROOT = re.compile(r"(\d+(?:\.\d+)?)?(\D+?)(\d+)(\.0+)?(\D*)$")
_FRACTION = re.compile(r"(\D*)(\d+)(\D+)(\d+)(\D*)$")


def other_numbers(text: str, rng: random.Random, count: int, angle: bool = False, least: int = 1) -> list[str]:
    """Up to `count` different numbers to put in the place of `text`, in random order; none where nothing fits.

    Args:
        text: The number as [`tokenise`] found it: `7`, `80.0`, `1,200`, `2√{3}`, `\\sqrt{5}`, `\\frac{1}{2}`, `3/4`.
        angle: Whether it is in degrees: an acute angle stays acute, an obtuse one obtuse, and 180 is left alone.
        least: The smallest integer allowed, 2 for a factor that would not be written if it were 1.
    """
    if match := _ROOT.match(text) if ("√" in text or "sqrt" in text) else None:
        return _other_roots(match, rng, count)
    if match := _FRACTION.match(text) if ("frac" in text or "/" in text) else None:
        return _other_fractions(match, rng, count)
    whole, _, decimals = text.replace(",", "").partition(".")
    if set(decimals) <= {"0"}:
        low, high = _bounds(int(whole), angle, least)
        values = _progression(int(whole), rng, count, low, high, _step(int(whole), angle, rng))
        return [_grouped(value, text) + (f".{decimals}" if decimals else "") for value in values]
    scale = 10 ** len(decimals)
    value = round(float(f"{whole}.{decimals}") * scale)
    low, high = _bounds(value // scale, angle, 0)
    step = max(1, round(value * rng.choice((0.06, 0.1, 0.15, 0.2))))
    step += step % 10 == 0  # else the last decimal would be 0 in all of them or in none
    values = _progression(value, rng, count, max(1, low * scale), high * scale + scale - 1, step)
    return [f"{v / scale:.{len(decimals)}f}" for v in values]


def _bounds(value: int, angle: bool, least: int) -> tuple[int, int]:
    if not angle:
        return (0 if value == 0 else least), 10 * value + 9
    if value < 90:
        return 1, 89
    if value == 90:
        return 45, 135
    return (91, 179) if value < 180 else (181, 359) if value > 180 else (180, 180)


def _step(value: int, angle: bool, rng: random.Random) -> int:
    unit = 1 if angle else 10 ** max(0, len(str(value)) - 2)
    if value % (10 * unit) == 0 and value:
        return unit * (rng.choice((5, 10)) if angle or value >= 50 * unit else 5)
    if value % (5 * unit) == 0 and value > 5:
        return unit * 5
    return unit * rng.choice((1, 2, 3) if value > 12 else (1, 1, 2))


def _progression(value: int, rng: random.Random, count: int, low: int, high: int, step: int) -> list[int]:
    """Values `step` apart in [low, high], the true one left out, which had a random rank among them."""
    if not low <= value <= high:
        return []
    for width in (step, max(1, step // 2), 1):
        below, above = (value - low) // width, (high - value) // width
        size = min(count, below + above)
        if size >= count:
            break
    first = rng.randint(max(0, size - above), min(size, below))
    values = [value + (rank - first) * width for rank in range(size + 1) if rank != first]
    rng.shuffle(values)
    return values


def _grouped(value: int, like: str) -> str:
    return f"{value:,}" if "," in like else str(value)


def _other_roots(match: re.Match, rng: random.Random, count: int) -> list[str]:
    factor, sign, radicand, decimals, close = match.groups()
    decimals = decimals or ""
    square = math.isqrt(int(radicand)) ** 2 == int(radicand)
    others = [n * n for n in range(2, 8)] if square else list(_RADICANDS)
    if int(radicand) > max(others):
        others = [n for n in range(int(radicand) - 9, int(radicand) + 10) if (math.isqrt(n) ** 2 == n) == square]
    found = [f"{factor or ''}{sign}{n}{decimals}{close}" for n in others if n != int(radicand)]
    if factor:
        factors = other_numbers(factor, rng, 4, least=2)
        found = [f"{f}{sign}{radicand}{decimals}{close}" for f in factors] + rng.sample(found, min(4, len(found)))
    rng.shuffle(found)
    return found[:count]


def _other_fractions(match: re.Match, rng: random.Random, count: int) -> list[str]:
    opening, top, middle, bottom, close = match.groups()
    a, b = int(top), int(bottom)
    if b == 0:
        return []
    found = [
        f"{opening}{x}{middle}{y}{close}"
        for x in range(1, a + 5)
        for y in range(2, b + 4)
        if abs(x - a) + abs(y - b) <= 4 and x * b != y * a and (x < y) == (a < b) and math.gcd(x, y) == 1
    ]
    rng.shuffle(found)
    return found[:count]
