"""The card of a trained model."""

import pytest
from huggingface_hub import ModelCard
from test_mmclip_trainer import arguments
from tiny_models import save_backbone, tiny_records

from trainers import MMCLIPTrainer


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


def test_the_card_names_no_folder_of_this_machine(folder):
    text = (folder / "geometry-clip" / "README.md").read_text()
    assert str(folder) not in text and "base_model" not in text


def test_checkpoints_have_a_card(folder):
    assert "2505.20152" in (folder / "geometry-clip" / "checkpoint-3" / "README.md").read_text()
