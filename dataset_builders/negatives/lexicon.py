"""The words of English geometry captions: what they are names for, and what each may be mistaken for.

Every alternative is false where the word is true, by definition and not by chance: a square *is* a rectangle and an
equilateral triangle *is* isosceles, so that these two, which the paper (section 2.1) lists, are left out, as are
congruent → similar and diameter → chord. Their reverses are in.
"""

# What a name after the word stands for.
NOUNS: dict[str, str] = {
    **dict.fromkeys(("triangle", "triangles", "△", "rttriangle"), "triangle"),
    **dict.fromkeys(("angle", "angles", "∠"), "angle"),
    **dict.fromkeys(
        "quadrilateral quadrilaterals square squares rectangle rectangles rhombus rhombi parallelogram parallelograms "
        "trapezoid trapezoids trapezium kite diamond pentagon hexagon heptagon octagon polygon ▱ □".split(),
        "polygon",
    ),
    **dict.fromkeys(
        "segment segments side sides line lines edge edges chord chords diameter diameters radius radii diagonal "
        "diagonals tangent tangents secant altitude altitudes median medians bisector height hypotenuse leg legs base "
        "bases length lengths".split(),
        "segment",
    ),
    **dict.fromkeys(("ray", "rays", "vector"), "ray"),
    **dict.fromkeys(("arc", "arcs", "⌒"), "arc"),
    **dict.fromkeys(("circle", "circles", "⊙", "semicircle"), "circle"),
    **dict.fromkeys(
        "point points vertex vertices center centre midpoint monitor foot intersection".split(),
        "point",
    ),
}
PLURALS = frozenset(word for word in NOUNS if word.endswith("s") and word not in ("radius", "rhombus")) | {
    "vertices",
    "radii",
    "rhombi",
}
PLAIN_SEGMENTS = frozenset("segment segments side sides line lines edge edges length lengths straight".split())
"""Nouns that add nothing to a two-letter name: "side AB" and "segment BA" are the same."""

SIGNS = {
    "=": "equal", "equal": "equal", "equals": "equal",
    "∥": "parallel", "parallel": "parallel",
    "⊥": "perpendicular", "perpendicular": "perpendicular",
    "~": "similar", "similar": "similar",
    "≅": "congruent", "congruent": "congruent",
    "≠": "unequal",
}  # fmt: skip
"""Relations of two sides in which the sides may change places."""

LATEX = {
    "\\triangle": "△", "\\angle": "∠", "\\parallel": "∥", "\\perp": "⊥", "\\bot": "⊥", "\\sim": "~", "\\cong": "≅",
    "\\odot": "⊙", "\\circ": "°", "\\pi": "π", "\\neq": "≠", "\\square": "□", "\\overarc": "⌒", "\\measuredangle": "∠",
}  # fmt: skip

QUADRILATERALS = {
    "square": ("trapezoid",),
    "rectangle": ("square", "rhombus", "trapezoid"),
    "rhombus": ("square", "rectangle", "trapezoid"),
    "diamond": ("square", "rectangle", "trapezoid"),
    "parallelogram": ("rectangle", "rhombus", "square", "trapezoid"),
    "trapezoid": ("parallelogram", "rectangle", "rhombus"),
    "trapezium": ("parallelogram", "rectangle", "rhombus"),
    "kite": ("rectangle", "parallelogram", "trapezoid"),
}
POLYGONS = ("pentagon", "hexagon", "heptagon", "octagon")
SIDES_OF_TRIANGLES = {
    "equilateral": ("scalene",),
    "isosceles": ("equilateral", "scalene"),
    "scalene": ("isosceles", "equilateral"),
}
ANGLES_OF_TRIANGLES = {
    "right": ("acute", "obtuse"),
    "right-angled": ("acute-angled", "obtuse-angled"),
    "acute": ("right", "obtuse"),
    "acute-angled": ("right-angled", "obtuse-angled"),
    "obtuse": ("right", "acute"),
    "obtuse-angled": ("right-angled", "acute-angled"),
}
CENTRES = ("incenter", "circumcenter", "centroid", "orthocenter")
CEVIANS = ("altitude", "median", "angle bisector")

RELATIONS: dict[str, tuple[str, ...]] = {
    "similar": ("congruent",),
    "~": ("≅",),
    "\\sim": ("\\cong",),
    "inscribed in": ("circumscribed about",),
    "circumscribed about": ("inscribed in",),
    "circumscribed around": ("inscribed in",),
    "inscribed circle": ("circumscribed circle",),
    "circumscribed circle": ("inscribed circle",),
    "inscribed triangle": ("circumscribed triangle",),
    "circumscribed triangle": ("inscribed triangle",),
    "inscribed quadrilateral": ("circumscribed quadrilateral",),
    "circumscribed quadrilateral": ("inscribed quadrilateral",),
    "incircle": ("circumcircle",),
    "circumcircle": ("incircle",),
    **{word: tuple(other for other in CENTRES if other != word) for word in CENTRES},
    **{word: tuple(other for other in CEVIANS if other != word) for word in CEVIANS},
    "externally tangent": ("internally tangent",),
    "internally tangent": ("externally tangent",),
    "is tangent to": ("is a chord of", "is a diameter of"),
    "are tangent to": ("are chords of",),
    "is a tangent to": ("is a chord of", "is a diameter of"),
    "is a tangent of": ("is a chord of", "is a diameter of"),
    "is the tangent of": ("is the diameter of", "is the chord of"),
    "are the tangents of": ("are the chords of",),
    "are tangents of": ("are chords of",),
    "are two tangents of": ("are two chords of",),
    "is the diameter of": ("is the tangent of",),
    "is a diameter of": ("is a tangent of",),
    "is a chord of": ("is a diameter of", "is a tangent of"),
    "is the chord of": ("is the diameter of", "is the tangent of"),
    "are chords of": ("are tangents of",),
    "are two chords of": ("are two tangents of",),
    "minor arc": ("major arc",),
    "major arc": ("minor arc",),
    "supplementary": ("complementary",),
    "complementary": ("supplementary",),
    "interior": ("exterior",),
    "inside": ("outside",),
    "outside": ("inside",),
    "clockwise": ("counterclockwise",),
    "counterclockwise": ("clockwise",),
    "collinear": ("concyclic",),
    "concyclic": ("collinear",),
    "upward": ("downward",),
    "downward": ("upward",),
    "upwards": ("downwards",),
    "downwards": ("upwards",),
    "increasing": ("decreasing",),
    "decreasing": ("increasing",),
    "maximum": ("minimum",),
    "minimum": ("maximum",),
    "twice": ("half",),
    "half": ("twice",),
    "longer": ("shorter",),
    "shorter": ("longer",),
    "the radius of": ("the diameter of",),
    "the diameter of": ("the radius of",),
    "has a radius of": ("has a diameter of",),
    "has a diameter of": ("has a radius of",),
    "with radius": ("with diameter",),
    "with diameter": ("with radius",),
}
"""Near-synonyms, a phrase of one to four words to those that may be put in its place."""

DRASTIC: dict[str, tuple[str, ...]] = {
    "parallel": ("perpendicular",),
    "perpendicular": ("parallel",),
    "∥": ("⊥",),
    "⊥": ("∥",),
    "\\parallel": ("\\perp",),
    "\\perp": ("\\parallel",),
}
"""What the paper both lists (section 2.2) and calls drastic (section 2.1)."""

RARE: dict[str, tuple[str, ...]] = {
    "bisects": ("trisects",),
    "bisect": ("trisect",),
    "the midpoint of": ("a trisection point of",),
    "the midpoints of": ("trisection points of",),
    "bisector": ("trisector",),
}
"""False for certain, but words that true captions seldom have: taken where nothing else is left."""
