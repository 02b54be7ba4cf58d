"""Drawing scripts of the kind that language models write, in the sandbox: their images, texts and failures."""

import io
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dataset_builders.sandbox import Limits, Sandbox, confine
from dataset_builders.sandbox.confine import landlock_version

pytestmark = pytest.mark.skipif(landlock_version() < 1, reason="this kernel has no Landlock")

DRAW = """import matplotlib.pyplot as plt
fig, ax = plt.subplots(figsize=(4, 3), dpi=100)
ax.plot([0, 4, 1, 0], [0, 0, 3, 0], "k-")
ax.axis("off")
"""


@pytest.fixture(scope="module")
def box():
    with Sandbox(Limits(wall_seconds=60), num_proc=1) as box:
        yield box


def picture(png: bytes) -> np.ndarray:
    """Grey values (height, width), 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


@pytest.mark.parametrize(
    ("save", "name"),
    [
        ("plt.savefig('question.png')", "question.png"),
        ("plt.savefig('triangle')", "triangle.png"),
        ("fig.savefig('./out/deep/x.png')", "out/deep/x.png"),
        ("plt.savefig('/mnt/data/question.png')", "question.png"),
        ("plt.savefig('/tmp/x.png', dpi=100, bbox_inches='tight', pad_inches=0)", "x.png"),
        ("plt.savefig('../x.png')", "x.png"),
        ("import pathlib\nplt.savefig(pathlib.Path('x.png'), format='png')", "x.png"),
        ("plt.savefig('figure.jpg', quality=95)", "figure.png"),
        ("plt.savefig('figure.pdf')", "figure.png"),
        ("plt.savefig('figure.svg', transparent=True)", "figure.png"),
        ("import os\nos.makedirs('/mnt/data', exist_ok=True)\nplt.savefig('/mnt/data/a.png')", "a.png"),
        ("with open('file.png', 'wb') as file:\n    plt.savefig(file)", "file.png"),
        ("plt.show()", "question.png"),
        ("plt.show()\nplt.close()", "question.png"),
        ("fig.show()\nplt.close('all')", "question.png"),
        ("pass", "question.png"),
        ("import sys\nplt.savefig('x.png')\nsys.exit()", "x.png"),
        ("import os\nos.chdir('/')\nplt.savefig(os.path.join(os.path.dirname(__file__), 'x.png'))", "x.png"),
        ("if __name__ == '__main__':\n    plt.savefig('x.png')", "x.png"),
        ("plt.rcParams['savefig.bbox'] = 'tight'\nplt.savefig('x.png')", "x.png"),
        ("plt.tight_layout()\nplt.savefig('x.png')", "x.png"),
        ("import matplotlib\nmatplotlib.use('TkAgg')\nplt.savefig('x.png')", "x.png"),
    ],
)
def test_an_image_comes_back_whatever_way_it_is_saved(save, name, box):
    result = box.run(DRAW + save)
    assert result.ok and not result.reason
    assert list(result.images) == [name]
    image = picture(result.images[name])
    assert image.shape == (300, 400), "the whole canvas, also where a tight box was asked for"
    assert image[0, 0] == 255 and (image < 128).sum() > 200


def test_images_come_in_the_order_of_saving(box):
    save = "for name in ('b', 'a', 'c', 'a'):\n    plt.savefig(name + '.png')\nplt.savefig('sub/z.png')"
    assert list(box.run(DRAW + save).images) == ["b.png", "c.png", "a.png", "sub/z.png"]


def test_images_of_pillow_and_imsave_come_back_on_white(box):
    code = "from PIL import Image\nimport numpy as np\nimport matplotlib.pyplot as plt\n"
    code += "Image.new('RGBA', (30, 20), (255, 0, 0, 0)).save('/mnt/data/clear.jpg')\n"
    code += "plt.imsave('rows.png', np.zeros((8, 9)))"
    result = box.run(code)
    assert result.ok and list(result.images) == ["clear.png", "rows.png"]
    assert (picture(result.images["clear.png"]) == 255).all() and picture(result.images["rows.png"]).shape == (8, 9)


def test_a_figure_of_another_format_in_memory_is_left_alone(box):
    code = DRAW + "import io\nfile = io.StringIO()\nplt.savefig(file, format='svg')\nprint('<svg' in file.getvalue())"
    result = box.run(code)
    assert result.stdout == "True\n" and list(result.images) == ["question.png"]


@pytest.mark.parametrize("dpi", [100, 250])
@pytest.mark.parametrize("layout", ["None", "'constrained'", "'tight'"])
def test_the_boxes_of_texts_hold_their_ink(dpi, layout, box):
    code = f"""import matplotlib.pyplot as plt
fig, ax = plt.subplots(figsize=(4, 3), layout={layout})
ax.set(xlim=(0, 10), ylim=(0, 10))
ax.axis("off")
ax.text(2, 8, "A")
ax.text(7, 7, "side = 6", rotation=50, rotation_mode="anchor")
ax.annotate(r"$60^\\circ$", (5, 1), (2, 3), fontsize=16)
ax.annotate("B", (9, 1), (6, 2), arrowprops=dict(arrowstyle="->", shrinkA=20, shrinkB=20))
fig.text(0.5, 0.5, "two\\nlines", ha="center")
hidden = ax.text(5, 5, "hidden", visible=False), ax.text(5, 5, "clear", alpha=0), ax.text(50, 50, "x", clip_on=True)
plt.savefig("x.png", dpi={dpi})
"""
    result = box.run(code)
    texts = result.texts["x.png"]
    assert [text.string for text in texts] == ["A", "side = 6", r"$60^\circ$", "B", "two\nlines"]
    assert [text.rotation for text in texts] == [0, 50, 0, 0, 0]
    ink = picture(result.images["x.png"]) < 128
    for text in texts:
        left, top, right, bottom = (round(edge) for edge in (text.left, text.top, text.right, text.bottom))
        inside = ink[top - 1 : bottom + 1, left - 1 : right + 1]
        assert inside.sum() > 10
        margin = 8
        around = ink[top - margin : bottom + margin, left - margin : right + margin]
        assert around.sum() == inside.sum(), f"ink of {text.string!r} lies outside its box"
        width = right - left + 2 * margin
        assert not ink[top:bottom, left - width : right - width].any(), "the box shifted to the left is empty"


def test_texts_are_those_of_each_image_and_of_the_shown_figure(box):
    save = "ax.text(0, 0, 'A')\nplt.savefig('1.png')\nax.texts[0].set_text('B')\nplt.savefig('2.jpg')"
    texts = box.run(DRAW + save).texts
    assert {name: [text.string for text in found] for name, found in texts.items()} == {"1.png": ["A"], "2.png": ["B"]}
    assert [text.string for text in box.run(DRAW + "ax.text(1, 1, 'C')\nplt.show()").texts["question.png"]] == ["C"]


def test_a_text_beyond_the_edge_has_a_box_beyond_the_edge(box):
    (text,) = box.run(DRAW + "fig.text(0.98, 0.5, 'long label')\nplt.show()").texts["question.png"]
    assert text.left < 400 < text.right


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("x = 1\nprint(y)", "line 2: NameError: name 'y' is not defined"),
        ("def f(:\n    pass", "line 1: SyntaxError: invalid syntax"),
        ("x = (1,\n", "line 1: SyntaxError: '(' was never closed"),
        ("import cv2x", "line 1: ModuleNotFoundError: No module named 'cv2x'"),
        ("x = 1\ndef f():\n    return 1 / 0\nf()", "line 3: ZeroDivisionError: division by zero"),
        (DRAW + "ax.plott(1)", "line 5: AttributeError: 'Axes' object has no attribute 'plott'"),
        (DRAW + "ax.plot([1, 2], [1])", "line 5: ValueError: x and y must have same first dimension"),
        (DRAW + "ax.text(0, 0, '$a^$')\nplt.savefig('x.png')", "line 6: ValueError"),
        (DRAW + "ax.text(0, 0, '$a^$')\nplt.show()", "drawing the figure that was shown: ValueError"),
        (
            DRAW + "plt.savefig('x.png', dpi=5000)",
            "line 5: ValueError: the image would be 20000 × 15000 pixels; at most",
        ),
        ("print('no picture')", "the script ended without saving an image or leaving a figure open"),
        ("", "the script ended without saving an image"),
        ("import sys\nsys.exit(3)", "the script called sys.exit(3)"),
        ("input()", "line 1: EOFError"),
        ("raise KeyboardInterrupt", "line 1: KeyboardInterrupt"),
        ("def f(): f()\nf()", "line 1: RecursionError"),
        ("raise ValueError('x' * 10**6)", "line 1: ValueError: xxx"),
        ("x = '\udc80'", "line 1: SyntaxError: (unicode error)"),
        ("x = '\0'", "SyntaxError: source code string cannot contain null bytes"),
        ("class E(Exception):\n    def __str__(self): return 1\nraise E", "line 3: E: <exception str() failed>"),
    ],
)
def test_a_failure_names_the_line_and_what_is_wrong(code, reason, box):
    result = box.run(code)
    assert not result.ok and not result.images
    assert result.reason.startswith(reason) and len(result.reason) <= 500 and "\n" not in result.reason


def test_what_was_saved_before_a_failure_comes_back_with_it(box):
    result = box.run(DRAW + "plt.savefig('x.png')\nprint('so far')\n1 / 0")
    assert not result.ok and result.reason == "line 7: ZeroDivisionError: division by zero"
    assert list(result.images) == ["x.png"] and result.stdout == "so far\n"
    assert 'File "script.py", line 7' in result.stderr and "1 / 0" in result.stderr


def test_modules_that_are_loaded_late_and_threads_work(box):
    late = "import scipy.spatial, csv, decimal, threading, tempfile\nfrom mpl_toolkits.mplot3d import Axes3D\n"
    late += "plt.figure().add_subplot(projection='3d')\nwith tempfile.TemporaryFile() as file:\n    file.write(b'x')\n"
    late += "thread = threading.Thread(target=print, args=('thread',))\nthread.start()\nthread.join()\nplt.show()"
    result = box.run(DRAW + late)
    assert result.ok and result.stdout == "thread\n"


def test_scripts_run_from_several_threads_each_get_their_own_images():
    def labelled(number: int) -> str:
        return DRAW + f"ax.text(1, 1, '{number}')\nplt.savefig('{number}.png')\nprint({number})"

    with Sandbox(Limits(wall_seconds=60), num_proc=2) as box, ThreadPoolExecutor(6) as pool:
        results = list(pool.map(box.run, map(labelled, range(12))))
    for number, result in enumerate(results):
        assert result.ok and list(result.images) == [f"{number}.png"] and result.stdout == f"{number}\n"
        assert [text.string for text in result.texts[f"{number}.png"]] == [str(number)]


def test_num_proc_scripts_run_at_a_time():
    wait = "import time\nprint(time.monotonic())\ntime.sleep(0.6)\nprint(time.monotonic())"
    with Sandbox(Limits(wall_seconds=60), num_proc=2) as box, ThreadPoolExecutor(4) as pool:
        spans = [[float(line) for line in result.stdout.split()] for result in pool.map(box.run, [wait] * 4)]
    most = max(sum(start <= moment <= end for start, end in spans) for moment, _ in spans)
    assert most == 2


def children(pid: int) -> set[int]:
    """All descendants of a process."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(folder.name)] = int(parent)
    found, wider = set(), {pid}
    while wider:
        wider = {child for child, parent in parents.items() if parent in wider}
        found |= wider
    return found


def wait_until(condition, seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(condition())


def test_nothing_is_left_when_the_program_is_killed(tmp_path):
    code = "from dataset_builders.sandbox import Limits, Sandbox\nwith Sandbox(Limits(60, 60), num_proc=1) as box:\n"
    code += "    print(box.run('').reason, flush=True)\n    box.run('while True: open(\"x\", \"w\")')"
    program = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    with program:
        program.stdout.readline()
        assert wait_until(lambda: len(children(program.pid)) == 2), "the server and the script"
        started = children(program.pid)
        program.kill()
    assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started))
    assert not list(tmp_path.iterdir()), "the server has removed the sandbox's folder"


def test_a_server_that_was_killed_is_replaced_and_that_is_said(caplog):
    before = children(os.getpid())
    with Sandbox(Limits(wall_seconds=60), num_proc=1) as box:
        assert box.run(DRAW).ok
        (server,) = children(os.getpid()) - before
        os.kill(server, signal.SIGKILL)
        assert wait_until(lambda: server not in children(os.getpid()))
        with caplog.at_level(logging.WARNING):
            assert box.run(DRAW).ok
        assert "server of the sandbox has ended" in caplog.text


def test_a_server_killed_while_a_script_runs_takes_the_script_with_it_and_no_other(caplog):
    before = children(os.getpid())
    with Sandbox(Limits(60, 60), num_proc=1) as box, ThreadPoolExecutor(1) as pool:
        assert box.run(DRAW).ok
        (server,) = children(os.getpid()) - before
        running = pool.submit(box.run, "while True: pass")
        assert wait_until(lambda: len(children(server)) == 1)
        (script,) = children(server)
        os.kill(server, signal.SIGKILL)
        result = running.result(30)
        assert not result.ok and "server ended while a script ran" in result.reason
        assert wait_until(lambda: not Path(f"/proc/{script}").exists())
        assert box.run(DRAW).ok


def test_closing_ends_what_runs_and_removes_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = children(os.getpid())
    box = Sandbox(Limits(60, 60), num_proc=1)
    box.run(DRAW)
    results = []
    thread = threading.Thread(target=lambda: results.append(box.run("while True: pass")))
    thread.start()
    assert wait_until(lambda: len(children(os.getpid()) - before) == 2)
    box.close()
    thread.join(30)
    assert not results[0].ok
    assert not children(os.getpid()) - before and not list(tmp_path.iterdir())
    with pytest.raises(RuntimeError, match="The sandbox is closed"):
        box.run(DRAW)
    box.close()


@pytest.mark.parametrize("seconds", [0, 0.02, 0.3, 0.6])
def test_closing_while_a_server_starts_leaves_nothing(seconds):
    before = children(os.getpid())
    box = Sandbox(Limits(60, 60), num_proc=1)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(box.run, "while True: pass")
        time.sleep(seconds)
        box.close()
        assert isinstance(running.exception(20), RuntimeError | None)
    assert not children(os.getpid()) - before


def test_without_landlock_the_ways_out_are_named(monkeypatch):
    monkeypatch.setattr(confine, "landlock_version", lambda: 0)  # as on an older kernel
    with pytest.raises(OSError, match='no Landlock.*confinement="bubblewrap".*confinement="rlimits"'):
        Sandbox()


def test_a_machine_without_a_filter_is_refused(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(OSError, match="x86_64 and aarch64, not of riscv64"):
        Sandbox()


def test_without_bubblewrap_its_name_is_said(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(OSError, match="install the package bubblewrap"):
        Sandbox(confinement="bubblewrap")


def test_limits_alone_are_announced_loudly_and_still_limit(caplog, tmp_path):
    with caplog.at_level(logging.WARNING), Sandbox(Limits(60, 1), num_proc=1, confinement="rlimits") as box:
        assert "READ AND WRITE EVERY FILE" in caplog.text
        assert box.run(DRAW).ok
        assert box.run("while True: pass").reason == "ran longer than 1 s"
        (tmp_path / "x").write_text("open")
        assert box.run(f"print(open({str(tmp_path / 'x')!r}).read())").stdout == "open\n"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Sandbox(num_proc=0), "num_proc=0; at least one"),
        (lambda: Sandbox(confinement="chroot"), "confinement='chroot'; it is one of landlock, bubblewrap, rlimits"),
        (lambda: Limits(wall_seconds=0), "wall_seconds=0; a limit is a positive number"),
        (lambda: Limits(memory_bytes=float("nan")), "memory_bytes=nan; a limit is a positive number"),
    ],
)
def test_wrong_arguments_are_named(make, words):
    with pytest.raises(ValueError, match=words):
        make()
