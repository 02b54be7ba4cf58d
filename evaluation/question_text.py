r"""What a geometry question says, apart from its numbers, its letters, its units and the order of its clauses.

    question = read("In triangle ABC, AB = AC, ∠A = 40°. Find ∠B.")
    question.mentions     # ("triangle", "ABC"), ("segment", "AB"), ("segment", "AC"), ("angle", "A"), ("angle", "B")
    question.numbers      # ("40",)
    features(question)    # the same for "If angle Q = 50 degrees and PQ = QR in △PQR, then angle R is ()"

Letters do not enter the features, but who shares them does: that angle A lies in triangle ABC is kept, whatever its
vertices are called.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

# Notation in words, so that ∠, \angle and "angle" are one.
_SYMBOLS = {
    "∠": " angle ", "△": " triangle ", "Δ": " triangle ", "▱": " parallelogram ", "□": " parallelogram ",
    "⊙": " circle ", "⌒": " arc ", "∥": " parallel ", "//": " parallel ", "⊥": " perpendicular ",
    "⟂": " perpendicular ", "丄": " perpendicular ", "\u200b": "", "≅": " congruent ", "≌": " congruent ",
    "∽": " similar ", "∼": " similar ", "°": " degrees ", "º": " degrees ", "′": "'", "’": "'", "：": ":", "，": ",",
    "。": ".", "×": " times ", "·": " times ",
}  # fmt: skip
_LATEX = {
    "angle": "angle", "triangle": "triangle", "parallel": "parallel", "perp": "perpendicular", "cong": "congruent",
    "sim": "similar", "odot": "circle", "widehat": "arc", "overarc": "arc", "arc": "arc", "pi": "π", "circ": "",
    "times": "times", "cdot": "times", "sqrt": "√", "frac": "", "dfrac": "", "tfrac": "", "overline": "",
    "mathrm": "", "text": "", "left": "", "right": "", "boxed": "", "parallelogram": "parallelogram",
    "rectangle": "rectangle",
}  # fmt: skip
_CHINESE = {
    "三角形": " triangle ", "平行四边形": " parallelogram ", "四边形": " quadrilateral ", "正方形": " square ",
    "矩形": " rectangle ", "菱形": " rhombus ", "梯形": " trapezoid ", "圆": " circle ", "直径": " diameter ",
    "半径": " radius ", "切线": " tangent ", "平行": " parallel ", "垂直": " perpendicular ", "平分线": " bisect ",
    "平分": " bisect ", "中点": " midpoint ", "相交": " intersect ", "厘米": " cm ", "毫米": " mm ", "千米": " km ",
    "海里": " miles ", "度": " degrees ", "如图": " ", "已知": " ", "则": " then ", "若": " if ", "点": " point ",
    "弦": " chord ", "弧": " arc ", "周长": " perimeter ", "面积": " area ", "长": " length ",
}  # fmt: skip

# Words that any question has, words about the picture, and units: they tell no question from another.
_SILENT = frozenset(
    "a an the of is are be was it its that this these those there shown show showing figure diagram picture image "
    "illustration given provided known know then if and or so as in at to with for by from which where when what "
    "how let denote suppose assume assuming having has have had also we you can cannot will would should please "
    "does do following below above here respectively question answer option choice correct choose determine find "
    "calculate compute measure measured measuring measures value size degree degrees equal equals solve express "
    "represent represented depicted depict displayed labelled labeled identified additionally furthermore "
    "moreover being frac edges rttriangle term terms 在 中 是 的 为 于 和 与 且 上 unit units cm mm dm km m meter "
    "meters metre metres centimeter centimeters centimetre centimetres inch inches feet foot ft mile miles nautical "
    "line lines straight segment segments point points side sides edge lie lies lying located long length lengths "
    "each any some called named such set make drawn draw drawing connect connected connecting pass passing passes "
    "through round necessary nearest into on".split()
)
_SAME_WORD = {
    "bisector": "bisect", "bisects": "bisect", "bisected": "bisect", "bisecting": "bisect", "bisectors": "bisect",
    "intersects": "intersect", "intersecting": "intersect", "intersection": "intersect", "intersected": "intersect",
    "meets": "intersect", "meet": "intersect", "meeting": "intersect", "cuts": "intersect", "crosses": "intersect",
    "extended": "extend", "extension": "extend", "extending": "extend", "extends": "extend", "diamond": "rhombus",
    "tangents": "tangent", "tangency": "tangent", "touches": "tangent", "diameters": "diameter", "radii": "radius",
    "inscribed": "inscribe", "circumscribed": "circumscribe", "vertices": "vertex", "diagonals": "diagonal",
    "heights": "height", "altitude": "height", "midpoints": "midpoint", "folded": "fold", "folding": "fold",
    "rotated": "rotate", "rotating": "rotate", "rotates": "rotate", "rotation": "rotate", "translated": "translate",
    "translating": "translate", "perpendiculars": "perpendicular", "centre": "center", "parallels": "parallel",
    "orthogonal": "perpendicular", "semicircular": "semicircle", "bases": "base", "angular": "angle",
}  # fmt: skip
_FIGURES = frozenset(
    "triangle quadrilateral parallelogram rectangle square rhombus trapezoid polygon pentagon hexagon circle arc "
    "angle sector ray chord".split()
)
_PREDICATE = re.compile(r"([A-Za-z_]+)\(")
_ARGUMENTS = re.compile(r"\(\s*([A-Z](?:\s*,\s*[A-Z])*)\s*\)")

_NUMBER = r"(?:\d+(?:\.\d+)?(?:\s*/\s*\d+)?)?\s*√\s*\d+(?:\.\d+)?|\d+(?:\.\d+)?(?:\s*/\s*\d+(?:\.\d+)?)?\s*π?|π"
_NAME = r"(?:[A-Z]'*\d?){1,7}(?![a-z])|[a-zα-ω](?:_?\d+|'+)|[b-ln-zα-ω](?![a-z])"
# The letter m alone is a unit, or the measure of an angle.
_TOKEN = re.compile(
    rf"(?P<number>{_NUMBER})|(?P<name>{_NAME})|(?P<word>[A-Za-z]+(?:-[a-z]+)?)|(?P<han>[一-鿿])"
    r"|(?P<stop>[,.;:?!])|(?P<sign>[=+\-<>])"
)


Statement = tuple[str, str, tuple[tuple[str, ...], ...]]
"""A word or the kind of a mention, what the mention goes with, and its points in groups."""


@dataclass(frozen=True)
class Question:
    """What is read in a question.

    Attributes:
        clauses: Its clauses, each a tuple of tokens: a word, `#` for a number, or a mention `(head, letters)`.
        given: Its numbers as written, in their order, each with the mention it follows in its clause, if any does.
    """

    clauses: tuple[tuple[str | tuple[str, str], ...], ...]
    given: tuple[tuple[tuple[str, str] | None, str], ...]

    @property
    def numbers(self) -> tuple[str, ...]:
        """Its numbers as written, in their order."""
        return tuple(value for _, value in self.given)

    @property
    def mentions(self) -> tuple[tuple[str, str], ...]:
        """Distinct mentions of points, segments, angles and figures, in their order."""
        return tuple(dict.fromkeys(token for clause in self.clauses for token in clause if isinstance(token, tuple)))

    @property
    def size(self) -> int:
        """How many statements it makes; see [`statements`]."""
        return sum(1 if isinstance(token, str) else 2 for clause in self.clauses for token in clause)


def plain(text: str) -> str:
    """The text without its frame: what stands before `Question:` and from `Choices:` on, and marks for images."""
    text = re.sub(r"<image\s*\d*>", " ", text)
    text = text.rpartition("Question:")[2]
    return re.split(r"\n\s*(?:Choices|Options)\s*[:：]", text)[0].strip()


def read(text: str) -> Question:
    """Reads a question in English, with LaTeX, symbols or the commonest Chinese terms of geometry; never raises."""
    clauses: list[list[str | tuple[str, str]]] = [[]]
    given: list[tuple[tuple[str, str] | None, str]] = []
    head = ""
    for match in _TOKEN.finditer(_in_words(plain(text))):
        kind, token = match.lastgroup, match.group().strip()
        if kind == "stop":
            clauses.append([])
            head = ""
        elif kind == "number" and not (head == "angle" and token.isdecimal() and len(token) == 1):
            owner = next((other for other in reversed(clauses[-1]) if isinstance(other, tuple)), None)
            given.append((owner, re.sub(r"\s+|\.0+(?!\d)", "", token)))
            clauses[-1].append("#")
            head = ""
        elif kind in ("number", "name"):  # angle 1 is a name, as angle A is
            if clauses[-1][-1:] == [head]:  # the mention tells its head itself
                clauses[-1].pop()
            clauses[-1].append(_mention(head, token))
        elif kind in ("word", "han"):
            word = token.lower()
            word = _SAME_WORD.get(word, word.removesuffix("s") if word.removesuffix("s") in _FIGURES else word)
            if word in _FIGURES:
                head = word
            elif word not in ("and", "or"):
                head = ""
            if word in ("and", "if", "then", "where", "given", "when", "with"):
                clauses.append([])
            elif word not in _SILENT:
                clauses[-1].append(word)
        else:
            head = ""
            if token != "=":  # "AB = 5" and "AB is 5" are one
                clauses[-1].append(token)
    return Question(tuple(tuple(clause) for clause in clauses if clause), tuple(given))


def read_facts(facts: Sequence[str]) -> Question:
    """Reads facts about a diagram, one clause each: `Perpendicular(Line(A, B), Line(C, D))`, `AB = 5`."""
    return read(". ".join(_PREDICATE.sub(r" \1 ", _joined_arguments(fact)).replace(",", " ") for fact in facts))


def statements(question: Question) -> list[Statement]:
    """What a question says, one by one: its words, its mentions, and each mention with the word that it goes with.

    In "AB parallel CD, angle A = 40" these are `parallel`, AB, AB with `parallel`, CD, CD with `parallel`, angle A,
    angle A with `#`. A mention without such a word is what is asked for, or a bare name.
    """
    found: list[Statement] = []
    for clause in question.clauses:
        for place, token in enumerate(clause):
            if isinstance(token, str):
                found.append((token, "", ()))
            else:
                kind, groups = kind_of(token), groups_of(*token)
                found += [(kind, "", groups), (kind, _companion(clause, place), groups)]
    return found


def features(question: Question) -> Counter[str]:
    """Countable features, the same however the question's points are named and its clauses are ordered.

    `w:` words and mentions, with what they go with; `s:` pairs of mentions that share points, with the places that
    these have in both.
    """
    found: Counter[str] = Counter(f"w:{kind} {companion}" for kind, companion, _ in statements(question))
    mentions = dict.fromkeys(item for item in statements(question) if item[1])
    for one, other in combinations(mentions, 2):
        if shared := _shared(one, other):
            found[f"s:{shared}"] += 1
    return found


def differences(one: Question, other: Question) -> list[str]:
    """In what two questions differ, for a reader: some of `numbers`, `names`, `order`, `wording`; none in a copy."""
    found = []
    if sorted(one.numbers) != sorted(other.numbers):
        found.append("numbers")
    if set(one.mentions) != set(other.mentions):
        found.append("names")
    shapes = [[tuple(map(kind_of, clause)) for clause in question.clauses] for question in (one, other)]
    if shapes[0] != shapes[1]:
        found.append("order" if sorted(shapes[0]) == sorted(shapes[1]) else "wording")
    return found


def _in_words(text: str) -> str:
    for symbol, word in _SYMBOLS.items():
        text = text.replace(symbol, word)
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"\^\s*\{?\s*\\circ\s*\}?", " degrees ", text)
    text = re.sub(r"\\([A-Za-z]+)", lambda match: f" {_LATEX.get(match[1], match[1])} ", text)
    for term, word in _CHINESE.items():
        text = text.replace(term, word)
    text = re.sub(r"_?triangle", " triangle ", text)
    text = re.sub(r"[${}\\]|\(\s*_*\s*\)", " ", text)  # the empty brackets stand for the answer in Chinese exams
    text = re.sub(r"\b([a-z])\s*[_~]\s*(\d)(?:\.0)?\b\s*~?", r"\1\2", text)  # lines l_1, l_{1.0}, l~ 1 ~
    text = re.sub(r"\bA (?=[a-z]{2})(?!is |and |to |are |on )", " ", text)  # the article
    # Geometry3K spells △ABC as A B C.
    return re.sub(r"\b[A-Z](?: [A-Z])+\b(?!')", lambda match: match[0].replace(" ", ""), text)


def _joined_arguments(fact: str) -> str:
    fact = re.sub(r",?\s*radius_\d+_\d+", "", fact)  # Geometry3K's name for a radius that no letters name
    return _ARGUMENTS.sub(lambda match: "( " + re.sub(r"[\s,]", "", match[1]) + " )", fact)


def _mention(head: str, token: str) -> tuple[str, str]:
    letters = re.sub(r"_", "", token)
    if not head:
        head = {1: "point", 2: "segment"}.get(len(_points(letters)), "figure")
    return head, letters


def _points(letters: str) -> list[str]:
    return re.findall(r"[A-Za-zα-ω]\d*'*\d*|\d", letters)


def kind_of(token: str | tuple[str, str]) -> str:
    """A word as it is; of a mention its head and how many points it names: `segment2`, `angle3`."""
    return token if isinstance(token, str) else f"{token[0]}{len(_points(token[1]))}"


def groups_of(head: str, letters: str) -> tuple[tuple[str, ...], ...]:
    """The points in groups whose order does not count: a segment, a triangle or an angle's legs have none."""
    points = _points(letters)
    if head == "angle" and len(points) == 3:
        return ((points[1],), tuple(sorted((points[0], points[2]))))
    return (tuple(sorted(points)),)


def _companion(clause: Sequence[str | tuple[str, str]], place: int) -> str:
    """The nearest word or number of the clause, the one after the mention before the one ahead of it."""
    words = [
        (abs(other - place), other < place, token) for other, token in enumerate(clause) if isinstance(token, str)
    ]
    return min(words)[2] if words else "-"


def _shared(one: Statement, other: Statement) -> str:
    """Both kinds with the group numbers of their common points, in a fixed order; empty without common ones."""
    pair = sorted((one, other), key=lambda item: item[:2])
    places = [{point: number for number, group in enumerate(item[2]) for point in group} for item in pair]
    common = sorted(f"{places[0][point]}{places[1][point]}" for point in places[0].keys() & places[1].keys())
    if not common:
        return ""
    if pair[0][:2] == pair[1][:2]:  # neither comes first
        common = min(common, sorted(places[::-1] for places in common))
    return " ".join([*pair[0][:2], *pair[1][:2], *common])
