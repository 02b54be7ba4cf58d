"""What surrounds a script in its own process: where images go, which texts they bear, what is said of its failure.

Nothing here confines the script, which may change all of it: `confine` does, and `result` and `images` believe nothing
of what is reported here.
"""

import errno
import io
import json
import linecache
import os
import random
import sys
import tempfile
import traceback
import types
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
from matplotlib import pyplot
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from dataset_builders.sandbox.limits import Limits, amount
from dataset_builders.sandbox.result import MAX_REASON, MAX_TEXT, MAX_TEXTS

SCRIPT = "script.py"
UNSAVED = "question.png"
"""The name under which a figure is saved that the script has only shown, or left open."""

_FORMATS = (".png", ".jpg", ".jpeg", ".pdf", ".svg", ".svgz", ".eps", ".ps", ".tif", ".tiff", ".webp", ".gif", ".bmp")
_COMPRESSION = 6
_PROGRAM, _PROCESS, _NETWORK = "starting another program", "starting another process", "using the network or a socket"
_REFUSED = {
    **dict.fromkeys(("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn"), _PROGRAM),
    **dict.fromkeys(("os.fork", "os.forkpty"), _PROCESS),
    **dict.fromkeys(("socket.__new__", "socket.getaddrinfo", "urllib.Request"), _NETWORK),
    **dict.fromkeys(("os.symlink", "os.link"), "making a link"),
}
"""Audit events at which a script is told in words what the kernel would refuse anyway."""

_savefig, _save, _draw, _draw_text, _mkdir = Figure.savefig, Image.Image.save, Figure.draw, Text.draw, os.mkdir


class Pictures:
    """What a script saves. Installed, it stands in the place of matplotlib's and Pillow's ways of saving."""

    def __init__(self, folder: str, max_pixels: int):
        self.folder, self.max_pixels = folder, max_pixels
        self.saved: dict[str, list[list[Any]]] = {}  # the texts by the file's name, in the order of saving
        self.shown: Figure | None = None
        self._size = (0, 0)
        self._texts: dict[int, list[Any]] = {}

    def install(self) -> None:
        Figure.savefig = lambda figure, fname, **options: self.savefig(figure, fname, **options)
        Figure.draw = lambda figure, renderer: self._figure_drawn(figure, renderer)
        Text.draw = lambda text, renderer: self._text_drawn(text, renderer)
        Image.Image.save = lambda image, fp, format=None, **options: self.save_image(image, fp, format, **options)
        os.mkdir = self.mkdir
        pyplot.show = lambda *args, **options: self.show()
        Figure.show = lambda figure, *args, **options: self.show(figure)
        matplotlib.use = pyplot.switch_backend = lambda *args, **options: None  # there is no screen to switch to

    def savefig(self, figure: Figure, fname: Any, **options: Any) -> None:
        """`Figure.savefig`, always of the whole canvas, on white, as PNG, in the script's folder."""
        if isinstance(fname, str | os.PathLike):
            png, texts = self._rendered(figure, options)
            self._write(os.fspath(fname), png, texts)
        elif options.get("format") in (None, "png"):
            png, texts = self._rendered(figure, options)
            fname.write(png)
            if isinstance(name := getattr(fname, "name", None), str):
                self._note(os.path.relpath(os.path.abspath(name), self.folder), texts)
        else:
            _savefig(figure, fname, **options)

    def save_image(self, image: Image.Image, fp: Any, format: str | None = None, **options: Any) -> None:
        """`PIL.Image.Image.save`, to a name as PNG on white in the script's folder, to a file object as ever."""
        if not isinstance(fp, str | os.PathLike):
            return _save(image, fp, format, **options)
        self._check_size(*image.size)
        self._write(os.fspath(fp), _png(np.asarray(image.convert("RGBA"))), [])

    def show(self, figure: Figure | None = None) -> None:
        """Remembers the figure, or else the current one, and shows nothing."""
        if figure is not None or pyplot.get_fignums():
            self.shown = figure or pyplot.gcf()

    def save_what_was_shown(self) -> None:
        """If nothing was saved, the figure that was shown last, or else the current one of those left open."""
        figure = self.shown or (pyplot.gcf() if pyplot.get_fignums() else None)
        if not self.saved and figure is not None:
            self.savefig(figure, os.path.join(self.folder, UNSAVED))

    def mkdir(self, path: Any, *args: Any, **options: Any) -> None:
        """`os.mkdir`, but nothing for a folder outside the script's: images saved there go elsewhere anyway."""
        if self._inside(os.fsdecode(path)) or options.get("dir_fd") is not None:
            _mkdir(path, *args, **options)

    def _rendered(self, figure: Figure, options: dict[str, Any]) -> tuple[bytes, list[list[Any]]]:
        dpi = options.get("dpi") or matplotlib.rcParams["savefig.dpi"]
        if dpi == "figure":
            dpi = getattr(figure, "_original_dpi", figure.dpi)
        width, height = figure.get_size_inches() * dpi
        self._check_size(width, height)
        kept = {key: options[key] for key in ("facecolor", "edgecolor", "transparent") if key in options}
        pixels = io.BytesIO()
        with matplotlib.rc_context({"savefig.bbox": None}):
            _savefig(figure, pixels, format="rgba", dpi=dpi, **kept)
        width, height = self._size
        rgba = np.frombuffer(pixels.getvalue(), np.uint8).reshape(height, width, 4)
        return _png(rgba), list(self._texts.values())[:MAX_TEXTS]

    def _check_size(self, width: float, height: float) -> None:
        if width * height > self.max_pixels:
            raise ValueError(
                f"the image would be {width:.0f} × {height:.0f} pixels; at most {self.max_pixels:,} are allowed: "
                "choose a smaller figsize or dpi"
            )

    def _write(self, target: str, png: bytes, texts: list[list[Any]]) -> None:
        path = os.path.abspath(target)
        name = os.path.relpath(path, self.folder) if self._inside(path) else os.path.basename(path)
        stem, extension = os.path.splitext(name)
        name = (stem if extension.lower() in _FORMATS else name) + ".png"
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(png)
        self._note(name, texts)

    def _note(self, name: str, texts: list[list[Any]]) -> None:
        self.saved.pop(name, None)
        self.saved[name] = texts

    def _inside(self, path: str) -> bool:
        return os.path.abspath(path).startswith(self.folder + os.sep)

    def _figure_drawn(self, figure: Figure, renderer: Any) -> None:
        self._size, self._texts = (int(renderer.width), int(renderer.height)), {}
        _draw(figure, renderer)

    def _text_drawn(self, text: Text, renderer: Any) -> None:
        _draw_text(text, renderer)
        string = text.get_text()
        if not text.get_visible() or not string.strip() or text.get_alpha() == 0:
            return
        box = Text.get_window_extent(text, renderer)  # not an annotation's, which has its arrow in it
        clip = text.get_clip_box() if text.get_clip_on() else None
        if clip is None or clip.overlaps(box):
            height = renderer.height
            corners = [box.x0, height - box.y1, box.x1, height - box.y0, text.get_rotation()]
            if np.isfinite(corners).all():
                string = string[:MAX_TEXT].encode(errors="replace").decode()
                self._texts[id(text)] = [string, *(round(float(number), 2) for number in corners)]


def _png(rgba: np.ndarray) -> bytes:
    """PNG bytes of (height, width, 4) uint8 pixels, their transparency laid on white."""
    rgb, alpha = rgba[..., :3], rgba[..., 3:]
    if alpha.min(initial=255) < 255:
        opacity = alpha.astype(np.uint16)
        rgb = ((rgb * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)
    file = io.BytesIO()
    _save(Image.fromarray(np.ascontiguousarray(rgb)), file, "PNG", compress_level=_COMPRESSION)
    return file.getvalue()


def warm_up() -> None:
    """Draws once what costs time the first time: fonts, mathtext, the Agg backend."""
    figure, axes = pyplot.subplots()
    axes.plot([0, 1], [0, 1], label="$a$")
    axes.add_patch(pyplot.Circle((0.5, 0.5), 0.3, fill=False))
    axes.annotate(r"$\angle ABC = 60^\circ$", (0, 0), (0.5, 0.5), arrowprops={"arrowstyle": "->"})
    axes.set_title("bold", fontweight="bold")
    axes.set_xlabel("italic", fontstyle="italic")
    axes.legend()
    figure.savefig(io.BytesIO(), format="png")
    FigureCanvasAgg(Figure()).draw()
    pyplot.close("all")


def run_script(folder: str, limits: Limits) -> dict[str, Any]:
    """Runs `script.py` of a folder in this process, and reports how it went.

    Returns:
        `ran`, whether it ran through; `reason`, why it did not, with the script's line; `images`, pairs of a name in
        the folder and the texts on it.
    """
    pictures = Pictures(folder, limits.max_pixels)
    pictures.install()
    last_open: dict[str, bool] = {}
    with open(os.path.join(folder, SCRIPT), "rb") as file:
        source = file.read()
    _fresh_state(folder, source)
    sys.addaudithook(_auditor(last_open))
    reason = ""
    try:
        exec(compile(source, SCRIPT, "exec", dont_inherit=True), sys.modules["__main__"].__dict__)
    except SystemExit as leaving:
        if leaving.code not in (None, 0):
            reason = f"the script called sys.exit({leaving.code!r})"
    except BaseException as error:
        traceback.print_exception(error.with_traceback(_of_the_script(error.__traceback__)))
        reason = _place(error) + explained(error, last_open, limits)
    if not reason:
        try:
            pictures.save_what_was_shown()
        except Exception as error:
            reason = "drawing the figure that was shown: " + explained(error, last_open, limits)
    return {"ran": not reason, "reason": reason[: 4 * MAX_REASON], "images": list(pictures.saved.items())}


def report_bytes(report: dict[str, Any]) -> bytes:
    return json.dumps(report, allow_nan=False).encode()


def explained(error: BaseException, last_open: dict[str, bool], limits: Limits) -> str:
    """An exception in words that tell an author what to do; refusals say what was refused."""
    if isinstance(error, PermissionError) and not error.errno and error.args:
        return str(error)  # from the audit hook
    if isinstance(error, PermissionError) and error.filename is not None:
        name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else str(error.filename)
        doing = "writing" if last_open.get(name) else "reading" if name in last_open else "changing or reading"
        return f"{doing} {name} was refused: a script may read Python's libraries, and write in its own folder"
    if isinstance(error, OSError) and error.errno == errno.EROFS:  # what bubblewrap answers
        return f"writing {error.filename} was refused: a script may write in its own folder"
    text = "".join(traceback.format_exception_only(error)[-1:]).strip()
    if isinstance(error, PermissionError):
        return f"{text} (the sandbox refuses this)"
    if isinstance(error, MemoryError):
        return f"{text} (a script has {amount(limits.memory_bytes)} of memory)"
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return f"{text} (a file may have {amount(limits.file_bytes)})"
    return text


def _fresh_state(folder: str, source: bytes) -> None:
    """As if Python had been started for this script, but for random numbers, which are the same each time."""
    main = types.ModuleType("__main__")
    main.__file__ = os.path.join(folder, SCRIPT)
    sys.modules["__main__"] = main
    sys.argv = [SCRIPT]
    lines = source.decode(errors="replace").splitlines(keepends=True)
    linecache.cache[SCRIPT] = (len(source), None, lines, SCRIPT)  # tracebacks quote it wherever the script goes
    os.environ.update(HOME=folder, TMPDIR=folder, PWD=folder)
    tempfile.tempdir = None
    random.seed(0)
    np.random.seed(0)
    for name, descriptor in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        mode = "r" if descriptor == 0 else "w"
        stream = open(descriptor, mode, encoding="utf-8", errors="backslashreplace", closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _auditor(last_open: dict[str, bool]) -> Callable[[str, tuple], None]:
    """Tells of refusals in words, and remembers which files were opened, and whether to write."""
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT

    def hook(event: str, arguments: tuple) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes):
                if len(last_open) >= 1_000:
                    last_open.clear()
                last_open[os.fsdecode(path)] = bool((flags or 0) & writing)
        elif event in ("os.listdir", "os.scandir") and isinstance(arguments[0], str):
            last_open[arguments[0]] = False
        elif event in _REFUSED:
            raise PermissionError(f"{_REFUSED[event]} ({event}) was refused: a script only draws")

    return hook


def _of_the_script(trace: types.TracebackType | None) -> types.TracebackType | None:
    """A traceback without the frames of this file at its top."""
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace


def _place(error: BaseException) -> str:
    """`line 3: `, the last line of the script that took part; empty if none did."""
    if isinstance(error, SyntaxError) and error.filename == SCRIPT:
        return f"line {error.lineno}: "
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == SCRIPT]
    return f"line {lines[-1]}: " if lines else ""
