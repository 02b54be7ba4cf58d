"""Scripts as language models write them for plane geometry, each of which draws what its caption says."""

from drawing_scripts.template import Template

PLANE = (
    Template(
        "pyplot_triangle",
        "In △<<A>><<B>><<C>>, <<A>><<B>> = <<n>>.",
        ("5", "6.5", "12"),
        r"""
import matplotlib.pyplot as plt

# Vertices
<<A>> = (0, 0)
<<B>> = (5, 0)
<<C>> = (2, 3.5)

plt.figure(figsize=(6, 5))
plt.plot([<<A>>[0], <<B>>[0]], [<<A>>[1], <<B>>[1]], 'k-', linewidth=2)
plt.plot([<<B>>[0], <<C>>[0]], [<<B>>[1], <<C>>[1]], 'k-', linewidth=2)
plt.plot([<<C>>[0], <<A>>[0]], [<<C>>[1], <<A>>[1]], 'k-', linewidth=2)
plt.text(<<A>>[0] - 0.3, <<A>>[1] - 0.3, '<<A>>', fontsize=14)
plt.text(<<B>>[0] + 0.1, <<B>>[1] - 0.3, '<<B>>', fontsize=14)
plt.text(<<C>>[0], <<C>>[1] + 0.15, '<<C>>', fontsize=14)
plt.text(2.4, -0.35, '<<n>>', fontsize=12)
plt.axis('equal')
plt.axis('off')
<<save>>
""",
    ),
    Template(
        "right_triangle_polygon",
        r"Right triangle <<A>><<B>><<C>> with $\angle <<C>> = 90^\circ$ and <<B>><<C>> = <<n>>.",
        ("3", "8", "10"),
        r"""
import matplotlib.pyplot as plt
from matplotlib.patches import Polygon, Rectangle

fig, ax = plt.subplots(figsize=(6, 6))
points = {'<<C>>': (0, 0), '<<B>>': (4, 0), '<<A>>': (0, 3)}
ax.add_patch(Polygon(list(points.values()), closed=True, fill=False, edgecolor='black', linewidth=1.5))
ax.add_patch(Rectangle((0, 0), 0.25, 0.25, fill=False, edgecolor='black'))
offsets = {'<<C>>': (-0.25, -0.25), '<<B>>': (0.15, -0.25), '<<A>>': (-0.25, 0.1)}
for name, (x, y) in points.items():
    dx, dy = offsets[name]
    ax.text(x + dx, y + dy, f'${name}$', fontsize=16)
ax.text(2, -0.3, '$<<n>>$', fontsize=14, ha='center')
ax.set_xlim(-0.8, 4.8)
ax.set_ylim(-0.8, 3.8)
ax.set_aspect('equal')
ax.axis('off')
<<save>>
""",
    ),
    Template(
        "circle_and_chord",
        "<<A>><<B>> is a chord of ⊙<<C>>, and ∠<<A>><<C>><<B>> = <<n>>°.",
        ("70", "80", "65"),
        r"""
import numpy as np
import matplotlib.pyplot as plt
import matplotlib.patches as patches

fig, ax = plt.subplots()
circle = patches.Circle((0, 0), 2, fill=False, color='black')
ax.add_patch(circle)
t1, t2 = np.deg2rad(20), np.deg2rad(100)
p, q = 2 * np.array([np.cos(t1), np.sin(t1)]), 2 * np.array([np.cos(t2), np.sin(t2)])
ax.plot(*zip(p, q), color='black')
ax.plot(*zip((0, 0), p), color='black')
ax.plot(*zip((0, 0), q), color='black')
ax.add_patch(patches.Arc((0, 0), 0.8, 0.8, angle=0, theta1=20, theta2=100))
ax.annotate('<<C>>', (0, 0), xytext=(-12, -12), textcoords='offset points')
ax.annotate('<<A>>', p, xytext=(6, 4), textcoords='offset points')
ax.annotate('<<B>>', q, xytext=(-4, 8), textcoords='offset points')
ax.text(0.25, 0.5, r'$<<n>>^\circ$', fontsize=10)
ax.plot(0, 0, 'ko', markersize=3)
ax.set_xlim(-2.6, 2.6); ax.set_ylim(-2.6, 2.6)
ax.set_aspect('equal', adjustable='box')
ax.axis('off')
<<save>>
""",
    ),
    Template(
        "two_tangents",
        r"$PA$ and $PB$ are tangent to $\odot O$ at $A$ and $B$, and $OP = <<n>>$.",
        ("10", "13", "25"),
        r"""
import numpy as np
import matplotlib.pyplot as plt

def tangent_points(center, r, P):
    d = np.linalg.norm(P - center)
    alpha = np.arccos(r / d)
    base = np.arctan2(P[1] - center[1], P[0] - center[0])
    return [center + r * np.array([np.cos(base + s * alpha), np.sin(base + s * alpha)]) for s in (1, -1)]

O = np.array([0.0, 0.0])
P = np.array([5.0, 0.0])
A, B = tangent_points(O, 2, P)
theta = np.linspace(0, 2 * np.pi, 400)

plt.figure(figsize=(8, 6))
plt.plot(O[0] + 2 * np.cos(theta), O[1] + 2 * np.sin(theta), 'k', lw=1.5)
for X in (A, B, O):
    plt.plot([P[0], X[0]], [P[1], X[1]], 'k', lw=1.5)
for name, X, (dx, dy) in [('O', O, (-.35, -.1)), ('P', P, (.15, -.1)), ('A', A, (0, .2)), ('B', B, (0, -.4))]:
    plt.text(X[0] + dx, X[1] + dy, name, fontsize=15, fontstyle='italic')
plt.text(2.6, -0.35, '<<n>>', fontsize=12)
plt.gca().set_aspect('equal')
plt.axis('off')
plt.tight_layout()
<<save>>
""",
    ),
    Template(
        "parallelogram_main",
        "The diagonals of parallelogram <<A>><<B>><<C>><<D>> meet at O; <<A>><<B>> = <<n>> cm.",
        ("6", "9", "4.5"),
        r"""
import matplotlib.pyplot as plt


def draw_segment(ax, p, q, **kwargs):
    ax.plot([p[0], q[0]], [p[1], q[1]], color='black', **kwargs)


def main():
    fig, ax = plt.subplots(figsize=(7, 5), dpi=100)
    A, B, C, D = (0, 0), (5, 0), (6.5, 3), (1.5, 3)
    O = ((A[0] + C[0]) / 2, (A[1] + C[1]) / 2)
    for p, q in [(A, B), (B, C), (C, D), (D, A), (A, C), (B, D)]:
        draw_segment(ax, p, q, linewidth=1.8)
    labels = {'<<A>>': A, '<<B>>': B, '<<C>>': C, '<<D>>': D}
    va = ['top', 'top', 'bottom', 'bottom']
    for (name, p), align in zip(labels.items(), va):
        ax.text(p[0], p[1], ' ' + name + ' ', ha='center', va=align, fontsize=16)
    ax.text(O[0], O[1] + 0.2, 'O', ha='center', fontsize=16)
    ax.text(2.5, -0.15, '<<n>> cm', ha='center', va='top', fontsize=13)
    ax.set_aspect('equal')
    ax.margins(0.15)
    ax.axis('off')
    <<save>>


if __name__ == "__main__":
    main()
""",
    ),
    Template(
        "square_incircle",
        "A circle is inscribed in square <<A>><<B>><<C>><<D>> of side <<n>>.",
        ("2", "4", "7"),
        r"""
import matplotlib.pyplot as plt

fig = plt.figure(figsize=(5, 5))
ax = fig.add_axes([0.1, 0.1, 0.8, 0.8])
square = plt.Rectangle((0, 0), 4, 4, fill=None, ec='k', lw=2)
circle = plt.Circle((2, 2), 2, fill=None, ec='k', lw=2)
ax.add_artist(square)
ax.add_artist(circle)
ax.set_xlim(-1, 5)
ax.set_ylim(-1, 5)
for (x, y), s in zip([(-0.4, -0.4), (4.15, -0.4), (4.15, 4.15), (-0.4, 4.15)], ['<<A>>', '<<B>>', '<<C>>', '<<D>>']):
    ax.text(x, y, s, fontsize=18, family='serif')
ax.text(2, -0.5, r'$<<n>>$', fontsize=15)
ax.set_axis_off()
<<save>>
""",
    ),
    Template(
        "angle_mark",
        r"$\angle <<A>><<B>><<C>> = <<n>>^{\circ}$ and $<<B>><<D>>$ bisects $\angle <<A>><<B>><<C>>$.",
        ("60", "58", "64"),
        r"""
import matplotlib.pyplot as plt
from matplotlib.patches import Arc
from math import sin, cos, radians

fig, ax = plt.subplots(figsize=(6.4, 4.8))
rays = {'<<C>>': 0, '<<D>>': 30, '<<A>>': 60}
for letter, angle in rays.items():
    x, y = 5 * cos(radians(angle)), 5 * sin(radians(angle))
    ax.plot([0, x], [0, y], color='k', linewidth=1.5)
    ax.text(1.06 * x, 1.06 * y, letter, fontsize=14, ha='center', va='center')
ax.text(-0.3, -0.1, '<<B>>', fontsize=14, ha='center', va='center')
ax.add_patch(Arc((0, 0), 1.6, 1.6, theta1=0, theta2=60, color='k'))
ax.text(1.15, 0.25, r'$<<n>>^{\circ}$', fontsize=12)
ax.set_aspect('equal')
ax.set_xticks([]); ax.set_yticks([])
for spine in ax.spines.values():
    spine.set_visible(False)
<<save>>
""",
    ),
    Template(
        "parallel_lines",
        "<<A>><<B>> ∥ <<C>><<D>>, the transversal <<E>><<F>> cuts both, and ∠1 = <<n>>°.",
        ("55", "125", "50"),
        r"""
import matplotlib.pyplot as plt

lines = [((-3, 1), (3, 1)), ((-3, -1), (3, -1)), ((-1.6, -2.2), (1.6, 2.2))]
names = {'<<A>>': (-3.3, 1), '<<B>>': (3.3, 1), '<<C>>': (-3.3, -1), '<<D>>': (3.3, -1),
         '<<E>>': (1.75, 2.45), '<<F>>': (-1.75, -2.45)}
fig, ax = plt.subplots(1, 1, figsize=(8, 6), constrained_layout=True)
for (x1, y1), (x2, y2) in lines:
    ax.plot([x1, x2], [y1, y2], c='black', lw=1.6)
[ax.text(x, y, n, ha='center', va='center', fontsize=15) for n, (x, y) in names.items()]
ax.text(1.0, 1.12, '1', fontsize=11)
ax.text(-0.45, -0.85, '2', fontsize=11)
ax.text(1.5, 1.2, r'$\angle 1 = <<n>>^\circ$', fontsize=11)
ax.set(xlim=(-4, 4), ylim=(-3, 3))
ax.set_aspect('equal')
ax.axis('off')
<<save>>
""",
    ),
    Template(
        "sector",
        "Sector <<A>>O<<B>> has a radius of <<n>> and a central angle of 120°.",
        ("3", "6", "9"),
        r"""
import matplotlib.pyplot as plt
from matplotlib.patches import Wedge
import numpy as np

fig, ax = plt.subplots()
ax.add_patch(Wedge((0, 0), 3, 30, 150, facecolor='lightgray', edgecolor='black', linewidth=1.5))
for name, a in (('<<A>>', 150), ('<<B>>', 30)):
    ax.text(3.3 * np.cos(np.radians(a)), 3.3 * np.sin(np.radians(a)), name, ha='center', va='center', fontsize=14)
ax.text(0, -0.35, 'O', ha='center', fontsize=14)
ax.text(0, 0.45, '120°', ha='center', fontsize=11)
ax.text(1.5, 0.35, '<<n>>', ha='center', fontsize=12)
ax.set_xlim(-4, 4)
ax.set_ylim(-1, 4)
ax.set_aspect('equal')
ax.axis('off')
<<save>>
""",
    ),
    Template(
        "regular_hexagon",
        "Regular hexagon <<A>><<B>><<C>><<D>><<E>><<F>> has side <<n>>.",
        ("1", "2", "6"),
        r"""
from matplotlib import pyplot as plt
import numpy as np

n = 6
angles = np.linspace(0, 2 * np.pi, n, endpoint=False) + np.pi / 6
verts = np.c_[np.cos(angles), np.sin(angles)] * 2
letters = ['<<A>>', '<<B>>', '<<C>>', '<<D>>', '<<E>>', '<<F>>']
fig, ax = plt.subplots(figsize=(5, 5), dpi=120)
for i in range(n):
    j = (i + 1) % n
    ax.plot(verts[[i, j], 0], verts[[i, j], 1], 'k-', lw=2)
    # each end of a side gets its letter
    for k in (i, j):
        ax.text(*(1.14 * verts[k]), letters[k], ha='center', va='center', fontsize=15)
mid = (verts[4] + verts[5]) / 2
ax.text(*(1.18 * mid), '<<n>>', ha='center', va='center', fontsize=13)
ax.set_xlim(-2.8, 2.8)
ax.set_ylim(-2.8, 2.8)
ax.set_aspect('equal')
plt.axis('off')
<<save>>
""",
    ),
    Template(
        "midline",
        "<<D>> and <<E>> are the midpoints of <<A>><<B>> and <<A>><<C>> in △<<A>><<B>><<C>>; <<D>><<E>> = <<n>>.",
        ("2", "3", "7"),
        r"""
import matplotlib.pyplot as plt
import numpy as np


class GeometryFigure:
    def __init__(self, size=(6, 5)):
        self.fig, self.ax = plt.subplots(figsize=size)
        self.points = {}

    def point(self, name, x, y, dx=0.0, dy=0.0):
        self.points[name] = np.array([x, y], dtype=float)
        self.ax.text(x + dx, y + dy, f"${name}$", fontsize=15, ha="center", va="center")

    def segment(self, p, q, **style):
        a, b = self.points[p], self.points[q]
        self.ax.plot([a[0], b[0]], [a[1], b[1]], "k", **style)

    def tick(self, p, q, at=0.5, size=0.12):
        a, b = self.points[p], self.points[q]
        m = a + (b - a) * at
        n = np.array([-(b - a)[1], (b - a)[0]]) / np.linalg.norm(b - a)
        self.ax.plot(*np.array([m - size * n, m + size * n]).T, "k", linewidth=1)


g = GeometryFigure()
g.point("<<A>>", 2, 4, dy=0.3)
g.point("<<B>>", 0, 0, dx=-0.3)
g.point("<<C>>", 6, 0, dx=0.3)
g.point("<<D>>", 1, 2, dx=-0.3)
g.point("<<E>>", 4, 2, dx=0.3)
for s in ["<<A>><<B>>", "<<B>><<C>>", "<<C>><<A>>", "<<D>><<E>>"]:
    g.segment(s[0], s[1], linewidth=1.5)
g.tick("<<A>>", "<<B>>", 0.25)
g.tick("<<A>>", "<<B>>", 0.75)
g.ax.text(2.5, 2.2, "$<<n>>$", fontsize=13)
g.ax.set_aspect("equal")
g.ax.axis("off")
<<save>>
""",
    ),
    Template(
        "labels_along_sides",
        "Quadrilateral <<A>><<B>><<C>><<D>> has <<A>><<B>> = <<n>> and <<B>><<C>> = 4.",
        ("5", "6", "8"),
        r"""
import math
import matplotlib.pyplot as plt

A, B, C, D = (0, 0), (5, 1), (5.5, 4.5), (0.8, 3.8)
fig, ax = plt.subplots(figsize=(6, 5))
for P, Q in zip((A, B, C, D), (B, C, D, A)):
    ax.plot([P[0], Q[0]], [P[1], Q[1]], color='black')

def side_label(P, Q, s, off):
    mx, my = (P[0] + Q[0]) / 2, (P[1] + Q[1]) / 2
    angle = math.degrees(math.atan2(Q[1] - P[1], Q[0] - P[0]))
    nx, ny = -math.sin(math.radians(angle)), math.cos(math.radians(angle))
    ax.text(mx + off * nx, my + off * ny, s, rotation=angle, ha='center', va='center', fontsize=12)

side_label(A, B, '<<n>>', -0.3)
side_label(B, C, '4', -0.3)
names = ['<<A>>', '<<B>>', '<<C>>', '<<D>>']
for P, s, (dx, dy) in zip((A, B, C, D), names, [(-.2, -.2), (.2, -.2), (.2, .2), (-.2, .2)]):
    ax.text(P[0] + dx, P[1] + dy, s, ha='center', va='center', fontsize=14, fontweight='bold')
ax.set_aspect('equal')
ax.axis('off')
<<save>>
""",
    ),
    Template(
        "style_sheet",
        "△<<A>><<B>><<C>> is isosceles, <<A>><<B>> = <<A>><<C>> = <<n>>.",
        ("5", "8", "13"),
        r"""
import matplotlib
matplotlib.use("TkAgg")
import matplotlib.pyplot as plt
import warnings
warnings.filterwarnings("ignore")

plt.style.use("grayscale")
plt.rcParams.update({"figure.facecolor": "white", "lines.linewidth": 1.6, "mathtext.fontset": "stix"})
fig, ax = plt.subplots()
ax.plot([0, 2, 4, 0], [0, 4, 0, 0])
for (x, y), s, ha, va in [((0, 0), "<<B>>", "right", "top"), ((4, 0), "<<C>>", "left", "top"),
                          ((2, 4), "<<A>>", "center", "bottom")]:
    ax.text(x, y, rf"$\mathrm{{{s}}}$", ha=ha, va=va, fontsize=15)
ax.text(0.75, 2, "<<n>>", ha="right")
ax.text(3.25, 2, "<<n>>", ha="left")
ax.axis([-1, 5, -1, 5])
ax.set_aspect("equal")
ax.axis("off")
<<save>>
""",
    ),
)
