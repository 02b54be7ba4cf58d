"""Drawing scripts per second: the sandbox against a fresh Python process for each, as in the authors' release.

    python bench/sandbox_rate.py [SCRIPTS]

The scripts are of the kind that language models write: a triangle with labels, a circle with a tangent, a solid, a
graph of a function, each saved as an image at 100 dpi. Both ways get the same scripts, on two threads, in turns within
one run, so that the machine and its load drop out of the ratio. The sandbox's start is timed apart.

Goals: 10 scripts per second on two cores, and 10 / 1.5 times the other way's rate (it was measured at 1.5 there).
"""

import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dataset_builders.sandbox import Limits, Sandbox

SCRIPTS = 40
ROUNDS = 3
NUM_PROC = 2
GOAL_RATE, GOAL_RATIO = 10.0, 10.0 / 1.5

TRIANGLE = """
import matplotlib.pyplot as plt
import numpy as np
fig, ax = plt.subplots(figsize=(5, 4))
A, B, C = np.array([0, 0]), np.array([4 + NUMBER % 7 / 5, 0]), np.array([1.5, 3])
ax.plot(*zip(A, B, C, A), "k-", linewidth=2)
for point, name in zip((A, B, C), "ABC"):
    ax.text(*point, name, fontsize=14, ha="right", va="bottom")
ax.annotate(r"$60^\\circ$", (0.5, 0.3))
ax.set_aspect("equal")
ax.axis("off")
plt.savefig("question.png", bbox_inches="tight")
"""
CIRCLE = """
import matplotlib.pyplot as plt
import matplotlib.patches as patches
fig, ax = plt.subplots()
ax.add_patch(patches.Circle((0, 0), 2, fill=False))
ax.add_patch(patches.Arc((0, 0), 1, 1, theta1=0, theta2=40 + NUMBER % 30))
ax.plot([-3, 3], [2, 2], "b-")
ax.plot([0, 0], [0, 2], "r--")
ax.text(0, -0.3, "O"); ax.text(0, 2.1, "T")
ax.set_xlim(-3, 3); ax.set_ylim(-3, 3)
ax.set_aspect("equal")
plt.axis("off")
plt.savefig("question.png", dpi=100)
plt.show()
"""
SOLID = """
import matplotlib.pyplot as plt
fig = plt.figure()
ax = fig.add_subplot(111, projection="3d")
for x in (0, 1):
    for y in (0, 1):
        ax.plot([x, x], [y, y], [0, 1 + NUMBER % 5], "k")
        ax.plot([0, 1], [x, x], [y, y], "k")
ax.set_axis_off()
plt.savefig("question.png")
"""
GRAPH = """
import numpy as np
import matplotlib.pyplot as plt
x = np.linspace(-4, 4, 400)
plt.plot(x, x**2 - NUMBER % 4, label="$y = x^2$")
plt.axhline(0, color="k"); plt.axvline(0, color="k")
plt.grid(True); plt.legend()
plt.title("Parabola")
plt.savefig("question.png")
"""


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else SCRIPTS
    kinds = (TRIANGLE, CIRCLE, SOLID, GRAPH)
    scripts = [kinds[number % 4].replace("NUMBER", str(number)) for number in range(count)]
    few = scripts[: max(4, count // 4)]
    print(
        f"{ROUNDS} rounds of {count} scripts in the sandbox and {len(few)} in fresh processes, {NUM_PROC} at a time.\n"
    )
    seconds = {"sandbox": 0.0, "fresh processes": 0.0}
    with (
        Sandbox(Limits(wall_seconds=60), num_proc=NUM_PROC) as box,
        ThreadPoolExecutor(NUM_PROC) as pool,
        tempfile.TemporaryDirectory() as folder,
    ):
        started = time.perf_counter()
        starts = list(pool.map(box.run, [f"import time\ntime.sleep(1)\n{TRIANGLE.replace('NUMBER', '0')}"] * NUM_PROC))
        start = time.perf_counter() - started - 1
        if not all(result.ok for result in starts):
            sys.exit(starts[0].reason)
        for _ in range(ROUNDS):
            seconds["sandbox"] += timed(pool, lambda script: box.run(script).ok, scripts)
            seconds["fresh processes"] += timed(pool, lambda script: fresh_process(script, folder), few)
    rates = {"sandbox": ROUNDS * count, "fresh processes": ROUNDS * len(few)}
    rates = {name: number / seconds[name] for name, number in rates.items()}
    ratio = rates["sandbox"] / rates["fresh processes"]
    print("| way | scripts / s | ms per script |\n| --- | ---: | ---: |")
    for name, rate in rates.items():
        print(f"| {name} | {rate:.1f} | {1000 / rate:.0f} |")
    print(f"\nSandbox / fresh processes: {ratio:.1f}. Start of the sandbox's {NUM_PROC} servers: {start:.1f} s.")
    met = rates["sandbox"] >= GOAL_RATE and ratio >= GOAL_RATIO
    print(f"Goals, {GOAL_RATE:g} scripts / s and a ratio of {GOAL_RATIO:.1f}: {'met' if met else 'missed'}.")
    sys.exit(0 if met else 1)


def timed(pool: ThreadPoolExecutor, run, scripts: list[str]) -> float:
    """Seconds in which all the scripts were run."""
    start = time.perf_counter()
    if not all(pool.map(run, scripts)):
        sys.exit("A script failed.")
    return time.perf_counter() - start


def fresh_process(script: str, folder: str) -> bool:
    """The other way: a file, and a Python for it, with the environment and the rights of whoever starts it."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        Path(name, "script.py").write_text(script)
        subprocess.run([sys.executable, "script.py"], cwd=name, check=True, capture_output=True, timeout=60)
        return Path(name, "question.png").exists()


if __name__ == "__main__":
    main()
