"""The card of a trained model."""

import pytest
import torch
import yaml
from datasets import Dataset
from huggingface_hub import ModelCard
from test_mmclip_trainer import arguments
from tiny_models import save_backbone, tiny_mmclip, tiny_records

from trainers import MMCLIPTrainer
from trainers.model_card import mmclip_model_card, origins


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("card")
    args = arguments(
        folder / "geometry-clip", eval_strategy="steps", eval_steps=3, save_strategy="steps", save_steps=3
    )
    records = tiny_records(8)
    records[2]["caption"] = ""
    trainer = MMCLIPTrainer(
        save_backbone("clip", folder / "backbone"),
        args,
        train_dataset={"exams": records},
        eval_dataset=tiny_records(8, seed=1),
    )
    trainer.train()
    trainer.save_model()
    trainer.create_model_card(dataset="me/exams", license="apache-2.0", tags="triangles")
    return folder


def test_the_card_has_data_settings_results_and_citation(folder):
    card = ModelCard.load(folder / "geometry-clip" / "README.md")
    assert card.data.datasets == ["me/exams"] and card.data.license == "apache-2.0"
    assert {"mmclip", "triangles"} <= set(card.data.tags)
    for text in (
        "| exams | 8 |",
        "| rule | 8 | 25.0 |",
        "| random | 8 |",
        "| `candidates` | hybrid |",
        "2505.20152",
        "Hit@1 before",
    ):
        assert text in card.text, text
    assert "1 record" in card.text


def test_results_go_where_the_hub_looks_for_them(folder):
    entries = yaml.safe_load((folder / "geometry-clip" / ".eval_results" / "retrieval.yaml").read_text())
    card = ModelCard.load(folder / "geometry-clip" / "README.md")
    found = {entry["dataset"]["task_id"]: entry for entry in entries}
    assert {f"{kind}_{figure}" for kind in ("random", "rule", "image") for figure in ("hit@1", "mrr")} == set(found)
    assert all(entry["dataset"]["id"] == "me/exams" for entry in entries)
    assert (
        f"{found['rule_hit@1']['value']:.1f}" == cells(card, "rule")[4] and "8 anchors" in found["rule_mrr"]["notes"]
    )


def test_the_card_says_where_the_data_comes_from_and_under_which_licence():
    records = Dataset.from_dict({"caption": ["a", "b", "c"], "source": ["Geometry3K (MIT)", "mine", "mine"]})
    assert origins(records) == "Geometry3K (MIT); mine"
    assert origins([{"caption": "a"}]) == origins(records.remove_columns("source")) == ""


def test_the_card_names_no_folder_of_this_machine(folder):
    text = (folder / "geometry-clip" / "README.md").read_text()
    assert str(folder) not in text and "base_model" not in text


def test_checkpoints_have_a_card(folder):
    card = ModelCard.load(folder / "geometry-clip" / "checkpoint-3" / "README.md")
    assert "2505.20152" in card.text and "for 3 steps" in card.text and "mmclip" in card.data.tags


def test_no_saved_text_names_a_folder_of_this_machine(folder):
    # The Trainer's own state names where its best checkpoint lies; it is needed to resume.
    files = [p for p in (folder / "geometry-clip").rglob("*") if p.suffix in (".json", ".md", ".py", ".jinja")]
    naming = {p.name for p in files if str(folder) in p.read_text()}
    assert naming <= {"trainer_state.json", "skipped_records.json"}


def cells(card: ModelCard, name: str) -> list[str]:
    """The cells of the row that begins with a name."""
    (row,) = (line for line in card.text.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in row.strip("|").split("|")]


@pytest.fixture(scope="module")
def trainer(tmp_path_factory) -> MMCLIPTrainer:
    """Trained with two data sets, in two stages, evaluated on two sets."""
    torch.manual_seed(0)
    model, processor = tiny_mmclip()
    stages = [{"share": 0.5, "candidates": "in_batch"}, {"share": 0.5, "mixture": {"books": 1.0}}]
    args = arguments(
        tmp_path_factory.mktemp("two-sets"), stages=stages, eval_strategy="steps", eval_steps=3, learning_rate=3e-3
    )
    trainer = MMCLIPTrainer(
        model,
        args,
        train_dataset={"exams": tiny_records(8), "books": tiny_records(6, seed=1)},
        eval_dataset={"easy": tiny_records(8), "hard": tiny_records(6, seed=1)},
        processing_class=processor,
    )
    trainer.train()
    return trainer


def test_each_evaluation_set_has_its_figures_before_and_after(trainer):
    card = mmclip_model_card(trainer)
    assert cells(card, "exams")[1] == "8" and cells(card, "books")[1] == "6"
    for name in ("easy", "hard"):
        logged = [entry for entry in trainer.state.log_history if f"eval_{name}_random_hit@1" in entry]
        assert len(logged) == 2
        for kind in ("random", "rule", "image"):
            key = f"eval_{name}_{kind}"
            expected = [f"{100 * rate:.1f}" for rate in (logged[0][f"{key}_hit@1"], logged[1][f"{key}_hit@1"])]
            assert cells(card, f"{name}_{kind}")[3:5] == expected
            assert cells(card, f"{name}_{kind}")[5:] == [
                f"{100 * logged[1][f'{key}_{figure}']:.1f}" for figure in ("hit@5", "mrr")
            ]


def test_the_settings_of_the_card_are_those_of_the_training(trainer):
    card = mmclip_model_card(trainer)
    assert cells(card, "`stages`")[1] == str(trainer.args.stages)
    assert cells(card, "`learning_rate`")[1] == "0.003"
    assert cells(card, "`lr_scheduler_type`")[1] == "cosine"
    assert "for 3 steps" in card.text


def test_a_single_evaluation_has_nothing_before_it(tmp_path):
    model, processor = tiny_mmclip()
    records = tiny_records(8)
    trainer = MMCLIPTrainer(
        model,
        arguments(tmp_path, eval_on_start=False),
        train_dataset=records,
        eval_dataset=records,
        processing_class=processor,
    )
    trainer.train()
    assert "Not evaluated during training." in mmclip_model_card(trainer).text
    rate = trainer.evaluate()["eval_rule_hit@1"]
    card = mmclip_model_card(trainer, "geometry-clip")
    assert cells(card, "rule")[3:5] == ["–", f"{100 * rate:.1f}"]
    assert "# geometry-clip" in card.text and str(tmp_path) not in str(card)


def test_a_backbone_of_the_hub_is_named_and_a_folder_is_not(tmp_path, monkeypatch):
    model, processor = tiny_mmclip()
    model.config.backbone_config._name_or_path = "BAAI/AltCLIP"
    trainer = MMCLIPTrainer(model, arguments(tmp_path), train_dataset=tiny_records(8), processing_class=processor)
    trainer.create_model_card()
    card = ModelCard.load(tmp_path / "README.md")
    assert card.data.base_model == "BAAI/AltCLIP" and "https://huggingface.co/BAAI/AltCLIP" in card.text
    monkeypatch.chdir(tmp_path)
    (tmp_path / "BAAI" / "AltCLIP").mkdir(parents=True)
    card = mmclip_model_card(trainer)
    assert card.data.base_model is None and "BAAI" not in str(card)
