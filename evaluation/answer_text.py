r"""Mathematical text in one spelling: unicode, LaTeX, markdown and Chinese punctuation as plain signs; units
and the parts of lists are taken apart.

`$2\sqrt{3}\,\text{cm}$`, `2√3 cm` and `２√３厘米` all become `2√{3}` or `2√3` with the unit centimetre.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0x3000: " ",
    0xA0: " ",
    0x202F: " ",
    0x2009: " ",
}
SIGNS = str.maketrans(
    {
        "−": "-", "–": "-", "—": "-", "﹣": "-", "×": "*", "·": "*", "•": "*", "⋅": "*", "∙": "*", "÷": "/", "∶": ":",
        "º": "°", "˚": "°", "˙": "°", "℃": "°", "。": ".", "∏": "π", "𝜋": "π", "Π": "π", "′": "'", "’": "'", "″": '"',
        "≦": "≤", "⩽": "≤", "≧": "≥", "⩾": "≥", "²": "^{2}", "³": "^{3}", "⁴": "^{4}", "½": r"\frac{1}{2}",
        "⅓": r"\frac{1}{3}", "⅔": r"\frac{2}{3}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}", "⅕": r"\frac{1}{5}",
        "⅖": r"\frac{2}{5}", "⅗": r"\frac{3}{5}", "⅘": r"\frac{4}{5}", "⅙": r"\frac{1}{6}", "⅛": r"\frac{1}{8}",
        "⁄": "/", "∕": "/", "≅": "≈", "≃": "≈", "「": "", "」": "", "“": '"', "”": '"', "【": "[", "】": "]",
    }
)  # fmt: skip
COMMANDS = [
    (
        r"\\(?:left|right|[bB]igg?[lr]?)(?![a-zA-Z])|\\[,;:! ]|\\q?quad(?![a-z])|\\displaystyle|\\limits"
        r"|\$|\\[()\[\]]",
        " ",
    ),
    (r"\{,\}", ","),
    (r"\\[dtc]frac(?![a-z])", r"\\frac"),
    (
        r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|mathcal|operatorname|mbox|f?boxed|bm|rm|bf)(?![a-z])",
        " ",
    ),
    (r"\^\s*\{?\s*(?:\\circ(?![a-z])|°|\\degree(?![a-z]))\s*\}?\^?|\\degrees?(?![a-z])|\\circ(?![a-z])", "°"),
    (r"\*?\s*°", "°"),
    (r"\^(\d)\^", r"^{\1}"),
    (r"\\(?:times|cdot|ast)(?![a-z])", "*"),
    (r"\\div(?![a-z])", "/"),
    (r"\\pm(?![a-z])|\+/-", "±"),
    (r"\\pi(?![a-z])|(?<![a-zA-Z])[Pp]i(?![a-zA-Z])", "π"),
    (r"\\infty(?![a-z])|(?<![a-zA-Z])(?:infinity|inf|oo)(?![a-zA-Z])", "∞"),
    (r"\\(?:leqslant|leq|le)(?![a-z])|<=", "≤"),
    (r"\\(?:geqslant|geq|ge)(?![a-z])|>=", "≥"),
    (r"\\neq?(?![a-z])|!=", "≠"),
    (r"(?<=.)~", " "),  # LaTeX's blank; at the start it says "about"
    (r"\\lt(?![a-z])", "<"),
    (r"\\gt(?![a-z])", ">"),
    (r"\\(?:approx|simeq|sim|thickapprox)(?![a-z])", "≈"),
    (r"\\(?:angle|measuredangle)(?![a-z])", "∠"),
    (r"\\triangle(?![a-z])", "△"),
    (r"\\%|(?<=\d) ?per ?cent(?![a-z])", "%"),
    (r"\\?sqrt(?![a-z])", "√"),
    (r"√\s*(\d+)\s*(?=\\frac)", r"√{\1}"),
    (r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
    (r"\\frac\s*(\{[^{}]*\})\s*(\d)", r"\\frac\1{\2}"),
    (r"\\frac\s*(\d)\s*\{", r"\\frac{\1}{"),
    (r"(?<=[\w)])\*\*(?=[\w(-])", "^"),
    (r"\*\*|__|`", ""),
    (r"(?<![\d.,])(\d{1,3}(?:,\d{3})+)(?![\d,]*\d)", lambda match: match[1].replace(",", "")),
    (r"(?<![\d./}])(\d{1,9})\s+(\d{1,9})\s*/\s*(\d{1,9})(?![\d.])", r"\1\\frac{\2}{\3}"),
    (r"(\d{1,4})°\s*(\d{1,2})'(?:(\d{1,2})(?:\"|''))?", lambda match: _sexagesimal(*match.groups())),
]
COMMANDS = [(re.compile(pattern), instead) for pattern, instead in COMMANDS]

LENGTHS = {
    "mm": "1/1000", "millimeters?": "1/1000", "millimetres?": "1/1000", "毫米": "1/1000", "cm": "1/100",
    "centimeters?": "1/100", "centimetres?": "1/100", "厘米": "1/100", "公分": "1/100", "dm": "1/10", "分米": "1/10",
    "m": "1", "meters?": "1", "metres?": "1", "米": "1", "km": "1000", "kilometers?": "1000", "kilometres?": "1000",
    "千米": "1000", "公里": "1000", "in": "127/5000", "inch(?:es)?": "127/5000", "英寸": "127/5000", "ft": "381/1250",
    "foot": "381/1250", "feet": "381/1250", "yd": "1143/1250", "yards?": "1143/1250", "mi": "201168/125",
    "miles?": "201168/125", "海里": "1852", "nautical miles?": "1852", "n ?mi": "1852",
}  # fmt: skip
TIMES = {
    "s": "1", "secs?": "1", "seconds?": "1", "秒": "1", "秒钟": "1", "min": "60", "mins?": "60", "minutes?": "60",
    "分钟": "60", "分": "60", "h": "3600", "hrs?": "3600", "hours?": "3600", "小时": "3600", "days?": "86400",
    "天": "86400",
}  # fmt: skip
# Other units only say what is counted: a number with one of them is the number.
PLAIN = (
    "units?|个单位|单位|平方单位|sq(?:uare|\\.)? units?|cubic units?|units? squared|units? cubed|元|yuan"
    "|dollars?|kg|g|千克|克|kilograms?|grams?|个|名|人|次|倍|times|l|liters?|litres?|ml|升|毫升|cents?"
    "|(?:km|m|mi|cm)/(?:h|hr|s|min)|mph|千米/时|米/秒|海里/时"
)
RADIAN = "57.295779513082320877"  # in degrees
ANGLES = {
    "°(?: ?[cf])?": "1",
    "degrees?": "1",
    "deg": "1",
    "度": "1",
    "rad": RADIAN,
    "radians?": RADIAN,
    "弧度": RADIAN,
}
LENGTH = "|".join(sorted(LENGTHS, key=len, reverse=True))
UNIT = re.compile(
    rf"(?<![a-z\\])(?:(?P<power>sq(?:uare|\.)?|平方|cubic|cu\.?|立方)?\s*(?P<length>{LENGTH})"
    rf"\s*\}}?\s*(?P<raised>\^?\s*\{{?\s*[23]\s*\}}?|squared|cubed)?"
    rf"|(?P<time>{'|'.join(TIMES)})|(?P<angle>{'|'.join(ANGLES)})|(?P<plain>{PLAIN}))\s*\}}?\s*\.?\s*$",
    re.IGNORECASE,
)
OPENING, CLOSING = "({[", ")}]"
SEPARATOR = re.compile(r"\s*(?:[,;、]|(?<![a-zA-Z])(?:and|or)(?![a-zA-Z])|或者?|和|及|与)\s*")
UNIT_LENGTH = 40  # characters at the end of a text in which a unit is looked for


class Quantity(NamedTuple):
    """A text without its unit, the unit's dimension (`length1` to `length3`, `time`, `angle`, none) and its size.

    Sizes are in metres to some power, seconds and degrees.
    """

    text: str
    dimension: str | None
    scale: Fraction


def half_width(text: str) -> str:
    """Full-width letters, digits and punctuation as ASCII."""
    return text.translate(FULL_WIDTH)


def plain_spelling(text: str) -> str:
    """The text in one spelling, brackets of LaTeX groups kept."""
    text = half_width(text).translate(SIGNS)
    text = re.sub(r"\s+", " ", text)  # first, as the patterns would take long over long runs of blanks
    for pattern, instead in COMMANDS:
        text = pattern.sub(instead, text)
    return re.sub(r"\s+", " ", text).strip()


def without_unit(text: str) -> Quantity:
    """Take the unit off the end of a text in plain spelling."""
    head, tail = text[:-UNIT_LENGTH], text[-UNIT_LENGTH:]
    match = UNIT.search(tail)
    before = head + tail[: match.start()] if match else ""
    # A unit follows a value: `x m` and `am` are left alone.
    if not match or not re.search(r"[\d)}\]π°%]\s*\{?\s*$", before):
        return Quantity(text, None, Fraction(1))
    before = before.rstrip()
    closes = match[0].count("}") > match[0].count("{")
    if closes != before.endswith("{"):
        return Quantity(text, None, Fraction(1))
    if closes:  # `5\text{cm}` is `5 {cm}` by now
        before = before[:-1].rstrip()
    if match["length"]:
        power = _power(match["power"] or "", match["raised"] or "")
        return Quantity(before, f"length{power}", _scale(LENGTHS, match["length"]) ** power)
    if match["time"]:
        return Quantity(before, "time", _scale(TIMES, match["time"]))
    if match["angle"]:
        return Quantity(before, "angle", _scale(ANGLES, match["angle"]))
    return Quantity(before, None, Fraction(1))


def without_braces(text: str) -> str:
    r"""`\{1, 2\}` and `{1, 2}` are lists."""
    text = text.replace(r"\{", "{").replace(r"\}", "}")
    if text.startswith("{") and closing(text, 0) == len(text) - 1:
        return text[1:-1].strip()
    return text


def closing(text: str, opening: int) -> int:
    """The place of the bracket that closes the one at `opening`, of whatever kind, as in [0, 2); -1 if none does."""
    depth = 0
    for place in range(opening, len(text)):
        depth += (text[place] in OPENING) - (text[place] in CLOSING)
        if depth == 0:
            return place
    return -1


def list_parts(text: str) -> list[str]:
    """The parts of a list, split outside brackets."""
    outside, depth = [], 0
    for sign in text:
        depth += (sign in OPENING) - (sign in CLOSING)
        outside.append(depth == 0)
    parts, start = [], 0
    for match in SEPARATOR.finditer(text):
        if match.end() > match.start() and outside[match.start()] and outside[match.end() - 1]:
            parts.append(text[start : match.start()])
            start = match.end()
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def both_signs(text: str) -> Iterator[str]:
    """A text with ± is two answers."""
    yield text.replace("±", "+").replace("∓", "-")
    if "±" in text:
        yield text.replace("±", "-").replace("∓", "+")


def _power(word: str, raised: str) -> int:
    if "3" in raised or "cubed" in raised.lower() or word.lower()[:2] == "cu" or word == "立方":
        return 3
    return 2 if raised or word else 1


def _scale(units: dict[str, str], name: str) -> Fraction:
    name = name.lower()
    return next(Fraction(scale) for pattern, scale in units.items() if re.fullmatch(pattern, name))


def _sexagesimal(degrees: str, minutes: str, seconds: str | None) -> str:
    total = Fraction(int(degrees) * 3600 + int(minutes) * 60 + int(seconds or 0), 3600)
    return f"({total})°"
