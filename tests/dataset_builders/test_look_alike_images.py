"""Look-alike images: like in their pixels, with captions that say something else."""

import numpy as np
import pytest
from PIL import Image

from dataset_builders.code_records import drawn
from dataset_builders.diagram.caption import caption
from dataset_builders.diagram.figure import solve
from dataset_builders.diagram.program import parse
from dataset_builders.diagram.sample import sample_program
from dataset_builders.negatives.look_alike_images import image_features, look_alike_negatives

SHAPES = ("square({p}, size=60)", "circle({0}, size=60)\nX = radius({0}, turn=20)", "triangle({1}, size=70)")


def scenes():
    """Three sorts of drawing, eight of each, that differ in their letters."""
    pairs = []
    for letters in ("ABCD", "EFGH", "JKLM", "NPQR", "STUV", "BCDE", "FGHJ", "KLMN"):
        for shape in SHAPES:
            program = parse(shape.format(letters[0], ", ".join(letters[:3]), p=", ".join(letters)))
            pairs.append((drawn(solve(program), 96), caption(program)))
    return pairs


def test_what_looks_alike_is_near():
    images, captions = zip(*scenes(), strict=True)
    found = look_alike_negatives(images, captions, 5, 0, exchangeable=False)
    for anchor, row in enumerate(found.rows):
        assert len(row) == 5 and anchor not in row
        assert sum(other % 3 == anchor % 3 for other in row) >= 4


def test_an_image_of_the_same_caption_or_the_same_image_is_no_negative():
    images, captions = map(list, zip(*scenes(), strict=True))
    captions[3] = captions[0].replace("ABCD", "BCDA")  # another name of the same square
    images[6] = images[0]
    for exchangeable in (True, False):
        rows = look_alike_negatives(images, captions, 3, 0, pool=20, exchangeable=exchangeable).rows
        assert 6 not in rows[0] and 0 not in rows[6]
    assert 3 not in look_alike_negatives(images, captions[:3] + captions[:1] + captions[4:], 3, 0).rows[0]


def test_the_result_depends_on_the_seed_alone():
    images, captions = zip(*scenes(), strict=True)
    first, again, other = (look_alike_negatives(images, captions, 3, seed, pool=12).rows for seed in (0, 0, 1))
    assert first == again != other


def test_a_broken_image_is_named_and_left_out(tmp_path):
    images, captions = map(list, zip(*scenes(), strict=True))
    file = tmp_path / "broken.png"
    Image.fromarray(images[4]).save(file)
    file.write_bytes(file.read_bytes()[:80])
    images[4], images[7] = file, tmp_path / "nowhere.png"
    found = look_alike_negatives(images, captions, 3, 0, pool=20)
    assert set(found.left_out) == {4, 7} and found.rows[4] == found.rows[7] == []
    assert not any({4, 7} & set(row) for row in found.rows)


def test_features_are_of_length_one_whatever_the_mode_and_size():
    grey = Image.fromarray(scenes()[0][0])
    images = [grey, grey.convert("RGBA"), grey.resize((50, 80)), Image.new("L", (30, 30), 255)]
    vectors, unreadable = image_features(images)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(4), abs=1e-5) and not unreadable
    assert vectors[0] == pytest.approx(vectors[1], abs=1e-5)


def test_any_encoder_serves():
    class Ink:
        def encode(self, images):
            return np.array([[(255 - np.asarray(image, float)).sum(), 1000.0] for image in images])

    images, captions = zip(*scenes(), strict=True)
    assert image_features(images, Ink())[0].shape == (24, 2)
    assert len(look_alike_negatives(images, captions, 3, 0, pool=20, model=Ink()).rows) == 24


@pytest.mark.parametrize(
    ("images", "captions", "words"),
    [([], [], "no images"), (["a"], ["one", "two"], "1 images and 2 captions"), (["nowhere"], ["AB"], "Not one")],
)
def test_what_cannot_be_served_gets_a_sentence(images, captions, words):
    with pytest.raises(ValueError, match=words):
        look_alike_negatives(images, captions, 1, 0, pool=5)


def test_images_are_read_one_after_another():
    pairs = [sample_program(np.random.default_rng([5, i]), 3) for i in range(300)]
    images = (drawn(figure) for _, figure in pairs)
    captions = [caption(program) for program, _ in pairs]
    found = look_alike_negatives(images, captions, 10, 0)
    assert sum(len(row) == 10 for row in found.rows) > 290
