"""Probes find what is in features, nothing where there is nothing, and never see a scene they are tested on."""

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_models import BACKBONES, noise_image, tiny_mmclip

from evaluation.probe_table import probe_figures, probe_table
from evaluation.probes import (
    FEATURES,
    ProbeSet,
    pixel_features,
    probe,
    probe_pixels,
    probe_tower,
    random_tower,
    tower_features,
)

SCENES = np.repeat(np.arange(60), 2)
ANSWERS = np.tile([0, 1], 60)


@pytest.mark.parametrize("kind", BACKBONES)
def test_features_are_those_of_the_tower_in_any_batch(kind):
    model, processor = tiny_mmclip(kind)
    tower, images = model.export_vision_tower(), [noise_image(i) for i in range(3)]
    found = tower_features(tower, processor, images, layer=-2, batch_size=2)
    for i, image in enumerate(images):
        with torch.no_grad():
            output = tower(**processor.encode_images([image]), output_hidden_states=True)
        patches = output.hidden_states[-2][0, -16:].numpy()  # 4 × 4 patches; the grid's cells are the patches
        assert found["pooled"][i] == pytest.approx(output.pooler_output[0].numpy(), abs=1e-5)
        assert found["mean"][i] == pytest.approx(patches.mean(axis=0), abs=1e-5)
        assert found["grid"][i] == pytest.approx(patches.T.ravel(), abs=1e-5)
    assert [found[name].shape[1] for name in FEATURES] == [32, 32, 16 * 32]


def test_a_layer_that_is_not_there_is_refused():
    model, processor = tiny_mmclip("clip")
    with pytest.raises(ValueError, match="`layer` is 3; the tower has 2 layers"):
        tower_features(model.export_vision_tower(), processor, [noise_image(0)], layer=3)


def test_random_weights_have_the_same_shapes_and_leave_the_generator_alone():
    tower = tiny_mmclip("siglip")[0].export_vision_tower()
    state = torch.get_rng_state()
    first, second, other = (random_tower(tower, seed) for seed in (1, 1, 2))
    assert torch.equal(state, torch.get_rng_state())
    weights = [made.state_dict() for made in (first, second, other, tower)]
    assert {k: v.shape for k, v in weights[0].items()} == {k: v.shape for k, v in weights[3].items()}
    name = next(k for k in weights[0] if k.endswith("patch_embedding.weight"))
    assert torch.equal(weights[0][name], weights[1][name])
    assert not torch.equal(weights[0][name], weights[2][name]) and not torch.equal(weights[0][name], weights[3][name])


def test_what_features_say_is_found():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(120, 40)).astype(np.float32)
    features[:, 7] += 6 * ANSWERS
    found = probe(features, ANSWERS, SCENES)
    assert found.accuracy > 95 and found.interval[0] <= found.accuracy <= found.interval[1]
    assert len(found.right) == 18 and found.trained_on == 84


def test_noise_is_at_chance():
    features = np.random.default_rng(1).normal(size=(120, 300))
    found = probe(features, ANSWERS, SCENES)
    assert found.interval[0] <= 50 <= found.interval[1]


def test_what_only_tells_scenes_apart_says_nothing_of_others():
    """Each scene has an answer of its own, and a feature that names it: learnt by heart, and useless elsewhere."""
    rng = np.random.default_rng(2)
    answer_of = rng.integers(0, 2, size=60)
    features = np.eye(60)[SCENES] + 0.01 * rng.normal(size=(120, 60))
    assert probe(features, answer_of[SCENES], SCENES).accuracy < 80


def test_probes_of_one_seed_share_their_test_scenes():
    rng = np.random.default_rng(3)
    strong, weak = (rng.normal(size=(120, 10)) for _ in range(2))
    strong[:, 0] += 8 * ANSWERS
    gain, low, high = probe(strong, ANSWERS, SCENES).over(probe(weak, ANSWERS, SCENES))
    assert 0 < low < gain < high
    same = probe(strong, ANSWERS, SCENES)
    assert same.over(probe(strong, ANSWERS, SCENES)) == (0, 0, 0)


def test_too_little_to_probe_is_refused():
    with pytest.raises(ValueError, match="5 scenes with 2 answers cannot be probed"):
        probe(np.zeros((10, 3)), ANSWERS[:10], SCENES[:10])
    with pytest.raises(ValueError, match="1 answers"):
        probe(np.zeros((120, 3)), np.zeros(120, dtype=int), SCENES)


def test_pixels_are_the_drawing_in_small():
    image = Image.new("L", (64, 64), 255)
    image.paste(0, (0, 0, 2, 2))
    small = pixel_features([image, np.zeros((8, 8), np.uint8)])
    assert small.shape == (2, 1024) and small[0, 0] == 0 and (small[0, 1:] == 1).all() and (small[1] == 0).all()


def test_the_table_sets_towers_beside_chance_pixels_and_random_weights():
    model, processor = tiny_mmclip("clip")
    tower = model.export_vision_tower()
    images = np.full((120, 32, 32), 200, np.uint8)
    images[ANSWERS == 1, :16] = 0
    images += np.random.default_rng(0).integers(0, 40, images.shape, dtype=np.uint8)
    sets = {"dark": ProbeSet("Is it dark?", images, ANSWERS, SCENES, ["no", "yes"], informed=60.0)}
    found = probe_figures(
        sets,
        {"tiny": probe_tower(tower, processor, sets)},
        {"tiny": probe_tower(random_tower(tower), processor, sets)},
        probe_pixels(sets),
    )
    assert found["sets"]["dark"] == {
        "question": "Is it dark?", "chance": 50.0, "informed": 60.0, "train": 84, "test": 36
    }  # fmt: skip
    assert found["pixels"]["dark"][0] == 100
    own = found["encoders"]["tiny"]["grid"]["dark"]
    assert own["over_random"][0] == pytest.approx(own["accuracy"][0] - own["random_weights"][0])
    rows = [line.split("|")[1].strip() for line in probe_table(found).splitlines() if line.startswith("| ")]
    assert rows[:2] == ["pooled (%)", "---"]
    assert rows[2:8] == ["chance", "letters without places", "pixels", "tiny, random weights", "tiny",
                         "tiny − random weights"]  # fmt: skip
