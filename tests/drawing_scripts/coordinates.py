"""Scripts with axes, functions, arrows, transformations and solids, each of which draws what its caption says."""

from drawing_scripts.template import Template

COORDINATES = (
    Template(
        "parabola",
        "The parabola y = x² − <<n>>x + 3 meets the x-axis at <<A>> and <<B>> and the y-axis at <<C>>.",
        ("4", "3.5", "5"),
        r"""
import numpy as np
import matplotlib.pyplot as plt

def f(x):
    return x**2 - <<n>> * x + 3

roots = np.roots([1, -<<n>>, 3]).real
x = np.linspace(-0.6, <<n>> + 0.6, 500)
fig, ax = plt.subplots(figsize=(7, 6))
ax.plot(x, f(x), color='black')
ax.spines['left'].set_position('zero')
ax.spines['bottom'].set_position('zero')
ax.spines['right'].set_color('none')
ax.spines['top'].set_color('none')
ax.set_xticks([]); ax.set_yticks([])
ax.set_xlim(-2, 7); ax.set_ylim(-4, 6)
ax.plot(1, 0, ">k", transform=ax.get_yaxis_transform(), clip_on=False)
ax.plot(0, 1, "^k", transform=ax.get_xaxis_transform(), clip_on=False)
ax.text(6.7, -0.5, '$x$'); ax.text(0.15, 5.7, '$y$'); ax.text(-0.35, -0.5, '$O$')
ax.text(min(roots) - 0.45, -0.55, '$<<A>>$'); ax.text(max(roots) + 0.15, -0.55, '$<<B>>$'); ax.text(0.2, 3, '$<<C>>$')
ax.text(4.6, 4.2, r'$y=x^2-<<n>>x+3$')
<<save>>
""",
    ),
    Template(
        "lines_with_ticks",
        "Line l: y = <<n>>x + 1 passes through <<A>>(0, 1) and meets the x-axis at <<B>>.",
        ("1", "2", "0.5"),
        r"""
import numpy as np
import matplotlib.pyplot as plt

x = np.linspace(-3, 3, 100)
y = <<n>> * x + 1
plt.figure(figsize=(6, 6))
plt.axhline(0, color='black', linewidth=1)
plt.axvline(0, color='black', linewidth=1)
plt.plot(x, y, color='black', linewidth=2)
plt.scatter([0, -1 / <<n>>], [1, 0], color='black', zorder=5)
plt.annotate('<<A>>(0, 1)', xy=(0, 1), xytext=(0.5, 0.4), fontsize=12)
plt.annotate('<<B>>', xy=(-1 / <<n>>, 0), xytext=(-1 / <<n>> - 0.2, 0.35), fontsize=12)
plt.annotate('$l$', xy=(1, <<n>> + 1), xytext=(1.8, <<n>> + 1.2), arrowprops=dict(arrowstyle='->'), fontsize=12)
plt.xlim(-4, 4)
plt.ylim(-4, 5)
plt.xlabel('x')
plt.ylabel('y')
plt.grid(False)
<<save>>
""",
    ),
    Template(
        "coordinates",
        "In the plane with origin O, △<<A>><<B>><<C>> has vertices <<A>>(−2, 1), <<B>>(3, <<n>>) and <<C>>(1, 4).",
        ("-1", "2", "1"),
        r'''
"""Draw a triangle in the coordinate plane."""
import matplotlib.pyplot as plt

plt.rcParams['axes.unicode_minus'] = False
plt.rcParams['font.size'] = 12
pts = {"<<A>>": (-2, 1), "<<B>>": (3, <<n>>), "<<C>>": (1, 4)}
fig, ax = plt.subplots(figsize=(6, 6))
ax.annotate('', xy=(5, 0), xytext=(-4, 0), arrowprops=dict(arrowstyle='->', color='black'))
ax.annotate('', xy=(0, 5.5), xytext=(0, -3), arrowprops=dict(arrowstyle='->', color='black'))
xs = [p[0] for p in pts.values()] + [-2]
ys = [p[1] for p in pts.values()] + [1]
ax.plot(xs, ys, '-k')
for k, (a, b) in pts.items():
    ax.text(a + 0.1, b + 0.2, f"{k}({a}, {b})")
ax.text(5, -0.5, 'x', style='italic')
ax.text(0.2, 5.3, 'y', style='italic')
ax.text(-0.45, -0.5, 'O', style='italic')
ax.set_xlim(-4.5, 6.2)
ax.set_ylim(-3.5, 6)
ax.axis('off')
<<save>>
''',
    ),
    Template(
        "hyperbola",
        "Point <<A>> lies on y = k/x, and <<A>><<B>> ⊥ x-axis at <<B>>; the area of △O<<A>><<B>> is <<n>>.",
        ("3", "4", "6"),
        r"""
import matplotlib.pyplot as plt
import numpy as np

k = 6
fig, ax = plt.subplots(figsize=(6, 6))
for x in (np.linspace(0.9, 6, 200), np.linspace(-6, -0.9, 200)):
    ax.plot(x, k / x, "k", linewidth=1.5)
ax.arrow(-6.5, 0, 13, 0, head_width=0.2, head_length=0.3, fc="k", ec="k", length_includes_head=True)
ax.arrow(0, -6.5, 0, 13, head_width=0.2, head_length=0.3, fc="k", ec="k", length_includes_head=True)
ax.plot([0, 2, 2], [0, 3, 0], "k")
ax.fill([0, 2, 2], [0, 3, 0], color="gray", alpha=0.2, hatch="//")
ax.text(2.1, 3.1, r"$\mathit{<<A>>}$", fontsize=14)
ax.text(1.9, -0.6, r"$\mathit{<<B>>}$", fontsize=14)
ax.text(-0.5, -0.6, r"$\mathit{O}$", fontsize=14)
ax.text(6.3, -0.6, "$x$"); ax.text(0.3, 6.2, "$y$")
ax.text(3.6, 2.2, r"$y=\dfrac{k}{x}$", fontsize=12)
ax.text(2.9, 4.2, r"$S=<<n>>$", fontsize=12)
ax.set_xlim(-7, 7); ax.set_ylim(-7, 7)
ax.axis("off")
<<save>>
""",
    ),
    Template(
        "rotated_image",
        "△<<A>><<B>><<C>> is turned about <<C>> by <<n>>° into △<<A>>'<<B>>'<<C>>.",
        ("90", "75", "60"),
        r"""
import numpy as np
import matplotlib.pyplot as plt

theta = np.radians(<<n>>)
R = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]])
A, B, C = np.array([3.0, 0.4]), np.array([2.2, -1.6]), np.zeros(2)
A1, B1 = R @ A, R @ B

fig, ax = plt.subplots(figsize=(6, 6))
for tri, style in (((A, B, C), '-'), ((A1, B1, C), '--')):
    closed = np.vstack([*tri, tri[0]])
    ax.plot(closed[:, 0], closed[:, 1], 'k' + style)
def label(p, s):
    d = p / (np.linalg.norm(p) or 1)
    ax.text(*(p + 0.3 * d), s, ha='center', va='center', fontsize=14)
label(A, '$<<A>>$'); label(B, '$<<B>>$'); label(A1, "$<<A>>'$"); label(B1, r"$<<B>>^{\prime}$")
ax.text(-0.3, -0.3, '$<<C>>$', ha='center', va='center', fontsize=14)
ax.text(-1.5, 1.2, r'$<<n>>^\circ$', fontsize=12)
ax.set_xlim(-4, 4); ax.set_ylim(-3, 4)
ax.set_aspect('equal'); ax.axis('off')
<<save>>
""",
    ),
    Template(
        "subscripts",
        "Points $A_1$, $A_2$ and $A_3$ divide the ray from O; $OA_1 = <<n>>$.",
        ("1", "2", "5"),
        r"""
import matplotlib.pyplot as plt
import matplotlib.lines as mlines

fig, ax = plt.subplots(figsize=(8, 3))
ax.add_line(mlines.Line2D([0, 9], [0, 0], color='k', linewidth=1.5))
ax.text(0, -0.5, 'O', ha='center', fontsize=14)
for i in range(1, 4):
    ax.add_line(mlines.Line2D([2.5 * i, 2.5 * i], [-0.12, 0.12], color='k'))
    ax.text(2.5 * i, -0.55, f'$A_{i}$' if i < 3 else 'A₃', ha='center', fontsize=14)
ax.text(1.25, 0.2, '<<n>>', ha='center', fontsize=13)
ax.set_xlim(-0.5, 9.5)
ax.set_ylim(-1.5, 1.5)
ax.axis('off')
<<save>>
""",
    ),
    Template(
        "cube",
        "Cube <<A>><<B>><<C>><<D>> has an edge of <<n>>, with hidden edges dashed.",
        ("2", "3", "5"),
        r"""
import matplotlib.pyplot as plt
import numpy as np
from itertools import combinations, product
from matplotlib.collections import LineCollection

def project(p):
    x, y, z = p
    return np.array([x + 0.5 * y, z + 0.4 * y])

corners = list(product([0, 3], repeat=3))
solid, dashed = [], []
for p, q in combinations(corners, 2):
    if sum(a != b for a, b in zip(p, q)) == 1:
        hidden = (0, 3, 0) in (p, q)
        (dashed if hidden else solid).append([project(p), project(q)])
fig, ax = plt.subplots(figsize=(6, 6))
ax.add_collection(LineCollection(solid, colors='k', linewidths=1.5))
ax.add_collection(LineCollection(dashed, colors='k', linewidths=1.0, linestyles='dashed'))
base = {'<<A>>': (0, 0, 0), '<<B>>': (3, 0, 0), '<<C>>': (3, 3, 0), '<<D>>': (0, 3, 0)}
shift = {'<<A>>': (-.25, -.2), '<<B>>': (.1, -.3), '<<C>>': (.25, 0), '<<D>>': (.25, .2)}
for s, p in base.items():
    ax.text(*(project(p) + shift[s]), s, ha='center', va='center', fontsize=14)
ax.text(1.4, -0.35, '<<n>>', fontsize=13)
ax.set_xlim(-1, 5.5); ax.set_ylim(-1, 5.5)
ax.set_aspect('equal'); ax.axis('off')
<<save>>
""",
    ),
    Template(
        "forces",
        "The vectors <<A>><<B>> and <<A>><<C>> form an angle of <<n>>°.",
        ("35", "45", "30"),
        r"""
import numpy as np
import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyArrow
from matplotlib.path import Path
import matplotlib.patches as mpatches

fig, ax = plt.subplots(figsize=(6, 4))
ax.add_patch(FancyArrow(0, 0, 4, 0, width=0.02, length_includes_head=True, head_width=0.18, color='k'))
a = np.radians(40)
tip = (3.5 * np.cos(a), 3.5 * np.sin(a))
ax.add_patch(FancyArrowPatch((0, 0), tip, arrowstyle='-|>', mutation_scale=15, color='k'))
path = Path([(0.8, 0), (0.8, 0.3), (0.8 * np.cos(a), 0.8 * np.sin(a))], [Path.MOVETO, Path.CURVE3, Path.CURVE3])
ax.add_patch(mpatches.PathPatch(path, fill=False))
bbox = dict(facecolor='white', edgecolor='none', pad=1)
ax.text(-0.25, -0.05, '<<A>>', bbox=bbox, fontsize=13)
ax.text(4.1, -0.05, '<<B>>', bbox=bbox, fontsize=13)
ax.text(2.8, 2.35, '<<C>>', bbox=bbox, fontsize=13)
ax.text(0.95, 0.22, '<<n>>°', fontsize=11)
ax.set_xlim(-0.6, 4.8); ax.set_ylim(-0.6, 3)
ax.axis('off')
<<save>>
""",
    ),
)
