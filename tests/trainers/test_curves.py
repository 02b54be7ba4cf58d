"""Training curves: what was logged is what is drawn, from log histories and from folders."""

import json
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from tiny_models import tiny_mmclip, tiny_records

from trainers import MMCLIPTrainer, MMCLIPTrainingArguments
from trainers.curves import CURVES, curves_figure, is_curve, log_history, plot_curves, save_curves


def history(points: int = 3, evaluated: bool = False) -> list[dict]:
    """As `TrainerState.log_history` has it, the summary at the end included."""
    entries = []
    for step in range(1, points + 1):
        entries.append({"step": step, "loss": 3.0 / step, "grad_norm": 1.0 + step, "learning_rate": 0.1 * step})
        if evaluated:
            rule = {"eval_rule_hit@1": step / 10, "eval_rule_anchors": 50, "eval_rule_chance": 0.25}
            image = {"eval_image_hit@1": step / 5, "eval_image_anchors": 20, "eval_image_chance": 0.25}
            entries.append({"step": step, "eval_loss": 4.0 / step, **rule, **image})
    return [*entries, {"step": points, "train_loss": 2.0}]


def drawn(figure: Figure) -> dict[str, dict[str, np.ndarray]]:
    """The points of each line, by its label, by panel."""
    return {
        axes.get_title(): {each.get_label(): each.lines[0].get_xydata() for each in axes.containers}
        for axes in figure.axes
        if axes.axison
    }


def test_each_quantity_that_was_logged_has_a_panel_with_its_points():
    figure = curves_figure({"one": history()})
    panels = drawn(figure)
    assert list(panels) == ["loss", "gradient norm", "learning rate"]
    (loss,) = panels["loss"].values()
    assert loss.tolist() == [[1, 3], [2, 1.5], [3, 1]]
    assert all(axes.get_xlabel() == "step" and axes.get_ylabel() for axes in figure.axes)
    assert all(axes.get_legend() is None for axes in figure.axes)  # a line alone needs none


def test_hits_of_evaluations_are_drawn_by_kind_with_intervals_and_chance():
    figure = curves_figure({"one": history(evaluated=True)})
    panels = drawn(figure)
    assert list(panels["loss"]) == ["training", "evaluation"]
    assert panels["loss"]["evaluation"][:, 1] == pytest.approx([4, 2, 4 / 3])
    hits = panels["Hit@1 by kind of negative"]
    assert hits["rule"][:, 1] == pytest.approx([10, 20, 30]) and hits["image"][:, 1] == pytest.approx([20, 40, 60])
    axes = next(each for each in figure.axes if each.get_title().startswith("Hit@1"))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["rule", "image"]
    assert [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--" and len(line.get_ydata()) == 2]
    # Wilson's interval of 5 in 50, as tables have it.
    low, high = axes.containers[0].lines[2][0].get_segments()[0][:, 1]
    assert (low, high) == (pytest.approx(4.35, abs=0.01), pytest.approx(21.36, abs=0.01))


def test_evaluations_on_several_sets_are_told_apart():
    entries = [{**entry} for entry in history()]
    entries[1] |= {"eval_exams_loss": 1.0, "eval_exams_rule_hit@1": 0.5, "eval_own_image_hit@1": 0.25}
    panels = drawn(curves_figure({"one": entries}))
    assert list(panels["loss"]) == ["training", "evaluation exams"]
    assert list(panels["Hit@1 by kind of negative"]) == ["exams rule", "own image"]


def test_several_runs_have_lines_of_different_style_and_shade():
    figure = curves_figure({"hard": history(), "hybrid": history(5, evaluated=True)})
    axes = figure.axes[0]
    assert list(drawn(figure)["loss"]) == ["hard", "hybrid training", "hybrid evaluation"]
    lines = [each.lines[0] for each in axes.containers]
    assert lines[0].get_linestyle() != lines[1].get_linestyle() == lines[2].get_linestyle()
    assert lines[0].get_color() != lines[1].get_color()
    assert len(axes.get_legend().get_texts()) == 3
    assert list(drawn(figure)["Hit@1 by kind of negative"]) == ["hybrid rule", "hybrid image"]


def test_answer_tokens_of_an_sft_have_a_panel():
    entries = [{"step": step, "loss": 1.0, "mean_token_accuracy": 0.1 * step} for step in (1, 2)]
    (line,) = drawn(curves_figure({"sft": entries}))["answer tokens foretold"].values()
    assert line[:, 1] == pytest.approx([10, 20])


def test_a_loss_that_is_no_number_leaves_a_gap():
    entries = [{"step": 1, "loss": 1.0}, {"step": 2, "loss": float("nan")}, {"step": 3, "loss": 0.5}]
    (line,) = drawn(curves_figure({"broken": entries}))["loss"].values()
    assert np.isnan(line[1, 1]) and line[2].tolist() == [3, 0.5]


def test_folders_are_read_from_their_state_or_from_the_latest_checkpoint(tmp_path):
    for name, points in (("checkpoint-5", 5), ("checkpoint-10", 10)):
        (tmp_path / "run" / name).mkdir(parents=True)
        (tmp_path / "run" / name / "trainer_state.json").write_text(json.dumps({"log_history": history(points)}))
    (tmp_path / "run" / "checkpoint-20").mkdir()  # killed while it was written
    assert log_history(tmp_path / "run") == history(10)
    (tmp_path / "run" / "trainer_state.json").write_text(json.dumps({"log_history": history(12)}))
    assert log_history(tmp_path / "run") == history(12)
    path = plot_curves({"folder": tmp_path / "run", "log": history()}, tmp_path / "both.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_what_is_no_curve_is_refused(tmp_path):
    assert not is_curve(history(1)) and is_curve(history(2))
    with pytest.raises(ValueError, match="The run short has logged its loss less than twice"):
        curves_figure({"long": history(), "short": history(1)})
    with pytest.raises(ValueError, match="no trainer_state.json and no checkpoint"):
        plot_curves({"one": tmp_path}, tmp_path / "curves.png")
    with pytest.raises(ValueError, match="no run to draw"):
        curves_figure({})


@pytest.mark.parametrize(("steps", "is_drawn"), [(1, False), (2, True)])
def test_a_trainer_s_curves_are_saved_where_there_are_two_points(tmp_path, steps, is_drawn):
    model, processor = tiny_mmclip("clip")
    args = MMCLIPTrainingArguments(
        str(tmp_path), max_steps=steps, logging_steps=1, per_device_train_batch_size=2, save_strategy="no",
        eval_strategy="steps", eval_steps=1, use_cpu=True, report_to="none", disable_tqdm=True,
    )  # fmt: skip
    records = tiny_records(4)
    trainer = MMCLIPTrainer(model, args, train_dataset=records, eval_dataset=records, processing_class=processor)
    trainer.train()
    assert save_curves(trainer) == (tmp_path / CURVES if is_drawn else None)
    assert (tmp_path / CURVES).exists() == is_drawn
    if is_drawn:
        panels = drawn(curves_figure({"tiny": trainer.state.log_history}))
        assert {"rule", "image", "random"} <= set(panels["Hit@1 by kind of negative"])
        assert [len(line) for line in panels["loss"].values()] == [2, 3]  # it evaluates before the first step, too
    trainer.end()


def test_a_command_s_help_does_not_wait_for_matplotlib():
    code = "import sys, trainers.curves, evaluation.edit_kinds; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "False", done.stderr
