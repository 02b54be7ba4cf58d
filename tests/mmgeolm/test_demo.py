"""What the demo's page computes: scores, attributions, negatives of a program, and what it says of bad input."""

import runpy
import struct
import tomllib
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import metadata_load
from PIL import Image
from tiny_models import MAX_LENGTH, SIZE, byte_tokenizer, noise_image, save_backbone, tiny_mmclip
from transformers import Siglip2Config, Siglip2ImageProcessorPil, Siglip2Model

from dataset_builders.diagram.caption import caption
from dataset_builders.diagram.facts import refuted
from evaluation.retrieval import embed_captions, embed_images
from mmgeolm.demo.attribution import attribute
from mmgeolm.demo.diagrams import PROGRAMS, drawing_for, names_for, negatives_of, picked, random_example
from mmgeolm.demo.encoder import Encoder, candidates_of, load_encoder, remarks, score
from mmgeolm.demo.fragments import score_table
from mmgeolm.demo.pictures import LONGEST_SIDE, MOST_BYTES, open_picture, painted
from mmgeolm.tiny import tiny_encoder
from modeling_mmclip import MMCLIPModel, MMCLIPProcessor

KINDS = ("clip", "altclip", "siglip", "siglip2")


def encoder_of(kind: str, seed: int = 0) -> Encoder:
    """A tiny encoder that takes pictures of 32 x 32 apart into 4 x 4 patches."""
    if kind != "siglip2":
        return Encoder(kind, *tiny_mmclip(kind, seed))
    tokenizer = byte_tokenizer()
    ids = {"vocab_size": len(tokenizer), "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": tokenizer.eos_token_id}
    text = {**SIZE, **ids, "max_position_embeddings": MAX_LENGTH, "projection_size": 32}
    vision = {**SIZE, "patch_size": 8, "num_patches": 16}
    torch.manual_seed(seed)
    model = MMCLIPModel.from_backbone(Siglip2Model(Siglip2Config(vision_config=vision, text_config=text))).eval()
    images = Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16)
    return Encoder(kind, model, MMCLIPProcessor(images, tokenizer, MAX_LENGTH, fixed_length=True, pad_to_square=False))


def with_ink(left: int, top: int, side: int = 8, of: int = 32) -> Image.Image:
    """White paper with noise in one place."""
    picture = Image.new("RGB", (of, of), "white")
    picture.paste(noise_image(5, (side, side)), (left, top))
    return picture


def png_that_claims(width: int, height: int) -> bytes:
    """The beginning of a PNG file, with no pixels behind it."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + struct.pack(">I", 100) + b"IDAT"
    return b"\x89PNG\r\n\x1a\n" + chunks + bytes(104)


def direction_of(encoder: Encoder, text: str = "AB is 5") -> torch.Tensor:
    return embed_captions(encoder.model, encoder.processor, [text])[0]


@pytest.mark.parametrize("kind", KINDS)
def test_patches_add_up_to_what_the_picture_has_over_blank_paper(kind):
    encoder = encoder_of(kind)
    picture, direction = noise_image(1), direction_of(encoder)
    found = attribute(encoder, picture, direction, steps=64)
    colour = tuple(int(value) for value in np.median(np.asarray(picture), axis=(0, 1)))
    blank = Image.new("RGB", picture.size, colour)
    ends = embed_images(encoder.model, encoder.processor, [picture, blank]) @ direction
    assert (found.score, found.blank) == pytest.approx(ends.tolist(), abs=1e-6)
    assert found.patches.shape == (4, 4) and (np.abs(found.patches) > 1e-7).all()
    assert found.patches.sum() == pytest.approx(found.score - found.blank, abs=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_patches_of_paper_get_nothing_and_the_inked_one_all(kind):
    encoder = encoder_of(kind)
    found = attribute(encoder, with_ink(left=16, top=8), direction_of(encoder))
    inked = np.zeros((4, 4), dtype=bool)
    inked[1, 2] = True  # second row, third column
    assert (found.patches[~inked] == 0).all() and found.patches[inked] != 0
    assert found.patches[1, 2] == pytest.approx(found.score - found.blank, abs=1e-4)
    # What is shown is what the tower sees, in its place.
    assert np.abs(found.seen.astype(int) - np.asarray(with_ink(left=16, top=8))).max() <= 1
    tinted = np.asarray(painted(found)).reshape(4, 112, 4, 112, 3) if kind != "siglip2" else None
    if tinted is not None:
        changed = (tinted != np.asarray(Image.fromarray(found.seen).resize((448, 448), 0)).reshape(tinted.shape)).any(
            (1, 3, 4)
        )
        assert (changed == inked).all()


def test_the_padding_of_a_picture_that_is_not_square_gets_nothing():
    encoder = encoder_of("clip")
    picture = Image.new("RGB", (64, 32), "white")
    picture.paste(noise_image(2, (64, 14)), (0, 9))  # less than half, or the noise would be the paper
    found = attribute(encoder, picture, direction_of(encoder))
    assert (found.patches[[0, 3]] == 0).all() and (found.patches[1:3] != 0).all()


def test_a_lead_is_shared_out_as_the_difference_of_the_scores():
    encoder, picture = encoder_of("clip"), noise_image(1)
    first, second = direction_of(encoder, "AB is 5"), direction_of(encoder, "CD is parallel to EF")
    apart = [attribute(encoder, picture, direction).patches for direction in (first, second)]
    assert np.allclose(attribute(encoder, picture, first - second).patches, apart[0] - apart[1], atol=1e-6)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_scores_are_the_models_own(kind):
    encoder, candidates = encoder_of(kind), ["AB is 5", "AB is 6", "a much longer caption of CD"]
    found = score(encoder, noise_image(1), candidates)
    with torch.no_grad():
        logits = encoder.model(**encoder.processor(images=[noise_image(1)], text=candidates)).logits_per_image[0]
    assert found.shares == pytest.approx(logits.softmax(0).numpy(), abs=1e-5)
    assert found.shares.argmax() == found.cosines.argmax()


def test_what_the_text_tower_cannot_read_is_said():
    model, processor = tiny_encoder(["AB is a side of the square ABCD"], max_length=16)
    encoder = Encoder("tiny", model.eval(), processor)
    assert remarks(encoder, ["AB is a side"]) == []
    unknown, cut = remarks(encoder, ["AB is a banana", "Kite"]), remarks(encoder, ["AB", "AB is a side " * 9])
    assert unknown == ["tiny has never seen these words, and takes them all for the same: Kite, banana."]
    assert cut == ["tiny reads 16 tokens of a caption; it cuts off the ends of 2."]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" \n\n", "at least one candidate"),
        ("AB is 5\nCD is 6\nAB is 5", "Candidate 3 is candidate 1 again"),
        ("\n".join(f"AB is {n}" for n in range(41)), "There are 41 candidate captions; at most 40"),
        ("A" * 1001, "Candidate 1 has 1001 characters"),
    ],
)
def test_candidates_that_cannot_be_scored_are_named(text, message):
    with pytest.raises(ValueError, match=message):
        candidates_of(text)
    assert candidates_of("  AB is 5 \n\n CD is 6\n") == ["AB is 5", "CD is 6"]


def test_a_folder_without_an_encoder_names_the_quickstart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("runs/quickstart/grouped-0", str(tmp_path)):
        with pytest.raises(ValueError, match=f"There is no encoder in {name}: `make quickstart` trains one"):
            load_encoder(name)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_a_plain_dual_encoder_is_taken_as_well(kind, tmp_path):
    encoder = load_encoder(save_backbone(kind, tmp_path / "mine"), device="cpu")
    assert encoder.name == "mine"
    assert np.array_equal(
        score(encoder, noise_image(1), ["AB is 5"]).cosines,
        score(encoder_of(kind), noise_image(1), ["AB is 5"]).cosines,
    )


def test_uploads_are_opened_upright_in_rgb_on_white(tmp_path):
    picture = Image.new("RGBA", (30, 20), (0, 0, 0, 0))
    picture.putpixel((0, 0), (255, 0, 0, 255))
    picture.save(tmp_path / "clear.png")
    opened = open_picture(tmp_path / "clear.png")
    assert opened.mode == "RGB" and opened.getpixel((0, 0)) == (255, 0, 0) and opened.getpixel((5, 5)) == (255,) * 3
    exif = Image.Exif()
    exif[274] = 6  # taken with the camera turned
    Image.new("L", (30, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert open_picture(tmp_path / "turned.jpg").size == (20, 30)


def test_an_upload_that_is_no_picture_or_is_huge_gets_a_sentence(tmp_path):
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "empty.png").touch()
    (tmp_path / "large.png").write_bytes(bytes(MOST_BYTES + 1))
    (tmp_path / "drawing.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (tmp_path / "drawing.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    Image.new("1", (LONGEST_SIDE + 1, 2)).save(tmp_path / "wide.png")
    (tmp_path / "bomb.png").write_bytes(png_that_claims(30_000, 30_000))
    noise_image(1).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:1000])
    for name, message in {
        "text.png": "text.png is no picture; take one of PNG, JPEG",
        "empty.png": "empty.png is no picture",
        "drawing.svg": "drawing.svg is no picture",
        "drawing.eps": "drawing.eps is no picture",
        "large.png": "large.png has 10.0 MB; a picture may have 10 MB",
        "wide.png": "wide.png has 4,001 × 2 pixels; a picture may have 4,000 on a side",
        "bomb.png": "bomb.png has far too many pixels",
        "cut.png": "cut.png cannot be read as a picture",
    }.items():
        with pytest.raises(ValueError, match=message):
            open_picture(tmp_path / name)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_the_negatives_of_a_program_are_false_both_ways_and_say_why(program):
    base, negatives = negatives_of(program, count=6, seed=1)
    assert len(negatives) == 6 and len({caption(base.program), *(negative.caption for negative in negatives)}) == 7
    for negative in negatives:
        assert any(refuted(base.figure, fact) for fact in negative.scene.facts)
        assert negative.false_here and negative.false_there
        assert all(sentence in negative.caption for sentence in negative.false_here)
        assert all(sentence in caption(base.program) for sentence in negative.false_there)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("__import__('os').system('true')", "line 1, column 1"),
        ("triangle(A, B)", "line 1, column 1: `triangle` takes 3 points"),
        ("square(A, B, C, D, at=(80, 50))", "from the frame's edge"),
        ("# " + 1_500 * "x", "has 1,502 characters; this page takes 1,500"),
        ("square(A, B, C, D)\n" + "segment(A, C)\n" * 25, "has 26 statements; this page takes 25"),
        ("square(A, B, C, D)\nmark_angle(A, B, C, 20)", "marks contradict"),
        ("point(A)", "No edit of this program can be drawn well and is certainly false of it"),
    ],
)
def test_a_program_that_cannot_be_used_gets_a_sentence(program, message):
    with pytest.raises(ValueError, match=message):
        negatives_of(program, count=3, seed=0)


def test_examples_are_drawn_as_the_tower_was_trained():
    small = tiny_encoder(["AB"])[0].config.vision_config
    drawing = drawing_for(small)
    assert (drawing.size, drawing.label_grid) == (96, 16)
    for example in [*(picked(name, drawing) for name in names_for(drawing)), random_example(drawing, seed=3)]:
        assert example.picture.size == (96, 96)
        assert len({example.caption, *example.negatives}) == 6
    small.image_size = 336
    drawing = drawing_for(small)
    assert (drawing.size, drawing.label_grid) == (336, None) and list(PROGRAMS) == names_for(drawing)


def test_captions_are_escaped_in_the_page():
    encoder, candidates = encoder_of("clip"), ["<script>alert(1)</script>", "AB < CD"]
    table = score_table([encoder], [score(encoder, noise_image(1), candidates)], candidates, candidates[0])
    assert "<script>" not in table and "&lt;script&gt;" in table and "AB &lt; CD" in table
    assert table.count("✓ true") == 1


def test_the_space_has_what_the_hub_asks_for_and_the_librarys_dependencies():
    space = Path(__file__).parents[2] / "examples" / "space"
    card = metadata_load(space / "README.md")
    assert card["sdk"] == "gradio" and (space / card["app_file"]).is_file() and len(card["short_description"]) <= 60
    project = tomllib.loads((space.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (space / "requirements.txt").read_text(encoding="utf-8").split("\n")[:-1] == project["dependencies"]
    options = runpy.run_path(str(space / "app.py"))["options"]
    assert options({}) == ["--host", "0.0.0.0"]
    assert options({"LMM": "me/lmm", "ENCODER": "me/clip", "COMPARE_WITH": ""}) == [
        *("--host", "0.0.0.0"),
        *("--encoder", "me/clip"),
        *("--lmm", "me/lmm"),
    ]
