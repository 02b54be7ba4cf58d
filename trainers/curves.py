"""How trainings went, as a picture: loss, gradient norm, learning rate, Hit@1 by kind of negative.

    plot_curves({"hybrid": "runs/hybrid", "hard": "runs/hard"}, "curves.png")      # output folders, or checkpoints
    plot_curves({"hybrid": trainer.state.log_history}, "curves.png")

It needs a trainer's log only, so it draws the runs of any [`~transformers.Trainer`].
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from transformers import Trainer

STATE = "trainer_state.json"
CURVES = "curves.png"
LogHistory = Sequence[Mapping[str, Any]]

_STYLES = ("-", "--", ":", "-.")
_MARKS = "osD^vPX"
_COLUMNS = 3
_LOSS, _HIT = "_loss", "_hit@1"


class _Line(NamedTuple):
    """A quantity over steps; `name` tells it from the others of its panel, `error` is half of its interval, below and
    above, and a mark is drawn where it is measured seldom."""

    name: str
    steps: np.ndarray
    values: np.ndarray
    error: np.ndarray | None = None
    marked: bool = False


def log_history(folder: str | Path) -> list[dict[str, Any]]:
    """What a run has logged: from `trainer_state.json` in its output folder, or in the latest checkpoint in there.

    Raises:
        ValueError: if there is neither.
    """
    folder = Path(folder)
    kept = folder.glob(f"{PREFIX_CHECKPOINT_DIR}-[0-9]*/{STATE}")
    latest = sorted(kept, key=lambda file: int(file.parent.name.rpartition("-")[2]))[-1:]
    for file in (folder / STATE, *latest):
        if file.exists():
            return json.loads(file.read_text(encoding="utf-8"))["log_history"]
    raise ValueError(f"{folder} has no {STATE} and no checkpoint with one; name the output folder of a training.")


def is_curve(history: LogHistory) -> bool:
    """Whether the loss was logged at least twice."""
    return sum("loss" in entry for entry in history) >= 2


def save_curves(trainer: "Trainer") -> Path | None:
    """Draw a finished training into `curves.png` of its output folder.

    Returns:
        The file, or `None` where the loss was logged less than twice, and on all processes but the main one.
    """
    if not trainer.is_world_process_zero() or not is_curve(trainer.state.log_history):
        return None
    folder = Path(trainer.args.output_dir)
    return plot_curves({folder.resolve().name: trainer.state.log_history}, folder / CURVES)


def plot_curves(runs: Mapping[str, str | Path | LogHistory], path: str | Path) -> Path:
    """Write [`curves_figure`] as an image.

    Args:
        runs: by name the output folder of a training, or its log history.
        path: of the image; its ending names the format.

    Raises:
        ValueError: if a folder has no log, or a run has logged its loss less than twice.
    """
    histories = {name: log_history(run) if isinstance(run, str | Path) else run for name, run in runs.items()}
    curves_figure(histories).savefig(path, dpi=120)
    return Path(path)


def curves_figure(runs: Mapping[str, LogHistory]) -> "Figure":
    """A panel for each quantity that was logged, readable in grey: each run has a style and a shade of line, each of
    several quantities in one panel a mark.

    Quantities are the loss (that of evaluation as well), the norm of the gradient, the learning rate, the share of
    answer tokens that were foretold, and, where there was an evaluation, Hit@1 by kind of negative with 95% intervals
    (Wilson's, from the number of anchors) and with chance.

    Args:
        runs: log histories by name.

    Raises:
        ValueError: if there is no run, or one has logged its loss less than twice.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not runs:
        raise ValueError("There is no run to draw; name at least one.")
    for name, history in runs.items():
        if not is_curve(history):
            raise ValueError(
                f"The run {name} has logged its loss less than twice, which is no curve; train it with smaller "
                "`logging_steps`."
            )
    panels = [panel for panel in _PANELS if any(list(panel.lines(history)) for history in runs.values())]
    across = min(_COLUMNS, len(panels))
    down = -(-len(panels) // across)
    figure = Figure(figsize=(4 * across, 3.2 * down), layout="constrained")
    FigureCanvasAgg(figure)  # whatever backend is set, and without changing it
    for axes, panel in zip(figure.subplots(down, across, squeeze=False).flat, panels, strict=False):
        _draw(axes, panel, runs)
    for axes in list(figure.axes)[len(panels) :]:
        axes.set_axis_off()
    return figure


class _Panel(NamedTuple):
    title: str
    unit: str
    lines: Callable[[LogHistory], Iterator[_Line]]


def _draw(axes: "Axes", panel: _Panel, runs: Mapping[str, LogHistory]) -> None:
    greys = np.linspace(0.0, 0.55, len(runs))
    found = {name: list(panel.lines(history)) for name, history in runs.items()}
    kinds = list(dict.fromkeys(line.name for lines in found.values() for line in lines))
    for number, (run, lines) in enumerate(found.items()):
        for line in lines:
            name = " ".join(part for part in (run if len(runs) > 1 else "", line.name) if part)
            axes.errorbar(
                line.steps,
                line.values,
                line.error,
                label=name,
                color=str(greys[number]),
                linestyle=_STYLES[number % len(_STYLES)],
                linewidth=1.2,
                marker=_MARKS[kinds.index(line.name) % len(_MARKS)] if line.marked else None,
                markersize=4,
                markerfacecolor="white",
                capsize=2,
            )
    if panel.lines is _hits:
        chance = {value for history in runs.values() for value in _chances(history)}
        for value in sorted(chance):
            axes.axhline(value, color="0.5", linestyle=(0, (1, 3)), linewidth=1)
        axes.set_ylim(0, 100)
    axes.set(title=panel.title, xlabel="step", ylabel=panel.unit)
    axes.title.set_fontsize("medium")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    if len(axes.containers) > 1:
        axes.legend(fontsize="small")


def _line(history: LogHistory, key: str, name: str = "", marked: bool = False, factor: float = 1.0) -> Iterator[_Line]:
    """The values under a key, if there are any."""
    entries = [entry for entry in history if key in entry]
    if entries:
        steps, values = ([float(entry[part]) for entry in entries] for part in ("step", key))
        yield _Line(name, np.array(steps), factor * np.array(values), marked=marked)


def _keys(history: LogHistory, end: str) -> list[str]:
    """The keys of evaluations that end so, as they first occur."""
    return list(
        dict.fromkeys(key for entry in history for key in entry if key.startswith("eval_") and key.endswith(end))
    )


def _losses(history: LogHistory) -> Iterator[_Line]:
    evaluated = _keys(history, _LOSS)
    # A name is needed only beside another.
    yield from _line(history, "loss", "training" if evaluated else "")
    for key in evaluated:
        of_set = key.removeprefix("eval_").removesuffix(_LOSS.removeprefix("_")).strip("_")
        yield from _line(history, key, f"evaluation {of_set}".strip(), marked=True)


def _hits(history: LogHistory) -> Iterator[_Line]:
    for key in _keys(history, _HIT):
        count = key.removesuffix(_HIT) + "_anchors"
        name = key.removeprefix("eval_").removesuffix(_HIT).replace("_", " ")
        for line in _line(history, key, name, marked=True, factor=100):
            anchors = np.array([float(entry.get(count, np.nan)) for entry in history if key in entry])
            yield line._replace(error=_wilson(line.values / 100, anchors))


def _wilson(share: np.ndarray, count: np.ndarray) -> np.ndarray:
    """How far the 95% interval of shares reaches below and above them, in percent, shape `(2, n)`."""
    z = 1.96
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return 100 * np.maximum(0, [share - (middle - half), middle + half - share])


def _chances(history: LogHistory) -> Iterator[float]:
    for key in _keys(history, _HIT):
        chance = key.removesuffix(_HIT) + "_chance"
        yield from {round(100 * float(entry[chance]), 1) for entry in history if chance in entry}


def _of(key: str, factor: float = 1.0) -> Callable[[LogHistory], Iterator[_Line]]:
    return lambda history: _line(history, key, factor=factor)


_PANELS = (
    _Panel("loss", "loss", _losses),
    _Panel("gradient norm", "norm", _of("grad_norm")),
    _Panel("learning rate", "learning rate", _of("learning_rate")),
    _Panel("answer tokens foretold", "%", _of("mean_token_accuracy", 100)),
    _Panel("Hit@1 by kind of negative", "Hit@1 (%), dotted: chance", _hits),
)
