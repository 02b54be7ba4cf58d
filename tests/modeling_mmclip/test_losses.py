"""The losses against arithmetic done by hand, in float64."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import noise_image, tiny_backbone, tiny_mmclip

from modeling_mmclip import CandidateIndex, mmclip_loss

SCALE = 14.3


def matrix(images: int, texts: int, seed: int = 0) -> torch.Tensor:
    """Cosines in −1..1, float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(images, texts, generator=generator, dtype=torch.float64) * 2 - 1


def rows(*lists: list[int]) -> torch.Tensor:
    """Candidate rows, padded with −1."""
    width = max(map(len, lists))
    return torch.tensor([[*row, *[-1] * (width - len(row))] for row in lists])


def anchors(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers)


NO_ROWS = {"anchors": torch.zeros(0, dtype=torch.long), "candidates": torch.zeros(0, 1, dtype=torch.long)}
RAGGED = CandidateIndex(anchors(0, 1, 2), rows([0, 3, 4, 5], [1], [2, 3]), anchors(0, 5), rows([0, 3], [4, 1, 2, 3]))


def by_hand(similarity: torch.Tensor, index: CandidateIndex) -> float:
    """Eq. 2 in plain Python, averaged over the anchors of both sides."""
    terms = []
    for matrix_, anchors_, candidates in (
        (similarity, index.image_anchors, index.text_candidates),
        (similarity.t(), index.text_anchors, index.image_candidates),
    ):
        for anchor, row in zip(anchors_.tolist(), candidates.tolist(), strict=True):
            logits = [SCALE * matrix_[anchor, column].item() for column in row if column >= 0]
            terms.append(-math.log(math.exp(logits[0]) / sum(map(math.exp, logits))))
    return sum(terms) / len(terms)


def loss_of(similarity: torch.Tensor, index: CandidateIndex, **kwargs) -> torch.Tensor:
    return mmclip_loss(similarity, index, torch.tensor(SCALE, dtype=torch.float64), **kwargs)


@pytest.mark.parametrize(
    "index",
    [
        CandidateIndex(RAGGED.image_anchors, RAGGED.text_candidates, *NO_ROWS.values()),
        CandidateIndex(*NO_ROWS.values(), RAGGED.text_anchors, RAGGED.image_candidates),
        RAGGED,
    ],
    ids=["text side", "image side", "both"],
)
def test_hard_is_equation_2(index):
    similarity = matrix(5, 6)
    assert loss_of(similarity, index).item() == pytest.approx(by_hand(similarity, index), abs=1e-12)


def test_gradients_are_those_of_the_paper():
    similarity = matrix(1, 4).requires_grad_()
    index = CandidateIndex(anchors(0), rows([0, 1, 3]), *NO_ROWS.values())
    loss_of(similarity, index).backward()
    weights = [math.exp(SCALE * similarity[0, column].item()) for column in (0, 1, 3)]
    shares = [weight / sum(weights) for weight in weights]
    expected = [-(shares[1] + shares[2]), shares[1], 0.0, shares[2]]
    assert similarity.grad[0].tolist() == pytest.approx([SCALE * value for value in expected], abs=1e-10)


@pytest.mark.parametrize("loss", ["softmax", "sigmoid"])
@pytest.mark.parametrize("candidates", ["hard", "in_batch", "hybrid"])
def test_temperature_and_bias_have_the_gradients_of_finite_differences(loss, candidates):
    similarity = matrix(5, 6)

    def value(scale: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return mmclip_loss(similarity, RAGGED, scale.exp(), bias, loss, candidates)

    scale = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    bias = torch.tensor(-0.4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(value, (scale, bias))


def test_temperature_has_a_finite_gradient_where_candidates_are_padding():
    scale = torch.tensor(2.0, requires_grad=True)
    index = CandidateIndex(anchors(0), rows([0, -1, -1]), *NO_ROWS.values())
    mmclip_loss(matrix(1, 2).float(), index, scale.exp()).backward()
    assert scale.grad.item() == 0.0


def test_negatives_of_other_anchors_do_not_enter_hard_but_in_batch_and_hybrid():
    similarity = matrix(2, 4)
    index = CandidateIndex(anchors(0, 1), rows([0, 2], [1, 3]), *NO_ROWS.values())
    other = similarity.clone()
    other[0, 3] += 0.3  # the second image's hard negative, seen from the first image
    in_batch = similarity.clone()
    in_batch[0, 1] += 0.3  # the second image's caption, seen from the first image
    assert loss_of(similarity, index) == loss_of(other, index) == loss_of(in_batch, index)
    plain = loss_of(similarity, index, candidates="in_batch")
    assert plain == loss_of(other, index, candidates="in_batch")  # no partner: it cannot enter Eq. 1
    assert plain < loss_of(in_batch, index, candidates="in_batch")
    hybrid = loss_of(similarity, index, candidates="hybrid")
    assert hybrid < loss_of(other, index, candidates="hybrid")
    assert hybrid < loss_of(in_batch, index, candidates="hybrid")
    assert plain < hybrid


@pytest.mark.parametrize("candidates", ["in_batch", "hybrid"])
def test_whatever_is_known_to_fit_is_no_negative(candidates):
    # Captions 0 and 1 both fit image 0; caption 2 fits image 1.
    index = CandidateIndex(anchors(0, 0, 1), rows([0], [1], [2]), anchors(0), rows([0]))
    similarity = matrix(2, 3)
    other = similarity.clone()
    other[0, 1] = 0.99
    one = loss_of(similarity, index, candidates=candidates, reduction="sum")
    assert one != loss_of(other, index, candidates=candidates, reduction="sum")  # a positive still

    def term(s: torch.Tensor) -> float:
        """Image 0 against its caption 0: only caption 2 competes."""
        return math.log1p(math.exp(SCALE * (s[0, 2] - s[0, 0]).item()))

    first = CandidateIndex(anchors(0, 1), rows([0], [2]), anchors(1), rows([0]))
    with_known = loss_of(similarity, first, candidates=candidates, reduction="sum")
    image_terms = (
        term(similarity)
        + math.log1p(math.exp(SCALE * (similarity[0, 2] - similarity[0, 1]).item()))
        + math.log(sum(math.exp(SCALE * (similarity[1, j] - similarity[1, 2]).item()) for j in range(3)))
    )
    text_terms = sum(
        math.log1p(math.exp(SCALE * (similarity[1 - i, j] - similarity[i, j]).item()))
        for i, j in ((0, 0), (0, 1), (1, 2))
    )
    assert with_known.item() == pytest.approx(image_terms + text_terms, abs=1e-10)


def test_a_negative_that_is_the_positive_is_left_out():
    similarity = matrix(1, 2)
    assert loss_of(similarity, CandidateIndex(anchors(0), rows([0, 0, 1]), *NO_ROWS.values())) == loss_of(
        similarity, CandidateIndex(anchors(0), rows([0, 1]), *NO_ROWS.values())
    )


@pytest.mark.parametrize(("kind", "loss"), [("clip", "softmax"), ("siglip", "sigmoid")])
def test_in_batch_without_index_is_the_backbones_own_loss(kind, loss):
    backbone, _ = tiny_backbone(kind)
    model, processor = tiny_mmclip(kind)
    model.config.loss = loss
    batch = processor(images=[noise_image(i) for i in range(4)], text=[f"AB = {i}" for i in range(4)])
    expected = backbone(**batch, return_loss=True).loss
    got = model(**batch, return_loss=True).loss
    # SigLIP sums over a row, averages over rows; here every pair is an anchor on both sides, each with its positive.
    if loss == "softmax":
        assert got.item() == pytest.approx(expected.item(), abs=1e-6)
    else:
        assert got.item() == pytest.approx(expected.item(), rel=1e-5)


def test_text_side_equals_the_released_softmax_and_image_side_the_released_sigmoid():
    """The released loops: one sample after the other, equal K, no masks."""
    model, processor = tiny_mmclip("siglip")
    count, negatives = 3, 4
    captions = [[f"AB = {10 * i + k}" for k in range(negatives + 1)] for i in range(count)]
    images = [[noise_image(10 * i + k) for k in range(negatives + 1)] for i in range(count)]
    scale, bias = model.backbone.logit_scale.exp(), model.backbone.logit_bias
    text_terms, image_terms = [], []
    for own_captions, own_images in zip(captions, images, strict=True):
        texts = model.embed_texts(**processor.encode_texts(own_captions))
        pictures = model.embed_images(**processor.encode_images(own_images))
        text_terms.append(-torch.log_softmax((pictures[:1] @ texts.t() * scale + bias)[0], dim=0)[0])
        logits = (texts[:1] @ pictures.t() * scale + bias)[0]
        signs = torch.tensor([1.0, *[-1.0] * negatives])
        image_terms.append(-torch.nn.functional.logsigmoid(signs * logits).sum())
    batch = processor(
        images=[image for row in images for image in row], text=[text for row in captions for text in row]
    )
    first = torch.arange(count) * (negatives + 1)
    candidates = first[:, None] + torch.arange(negatives + 1)
    model.config.candidates = "hard"
    model.config.loss = "softmax"
    text_side = model(**batch, image_anchors=first, text_candidates=candidates, return_loss=True).loss
    assert text_side.item() == pytest.approx(torch.stack(text_terms).mean().item(), abs=1e-5)
    model.config.loss = "sigmoid"
    image_side = model(**batch, text_anchors=first, image_candidates=candidates, return_loss=True).loss
    assert image_side.item() == pytest.approx(torch.stack(image_terms).mean().item(), rel=1e-5)


def test_hardness_multiplies_each_negatives_share():
    similarity = matrix(1, 3)
    index = CandidateIndex(anchors(0), rows([0, 1, 2]), *NO_ROWS.values())
    strength = 4.0
    positive, *negatives = [math.exp(SCALE * value) for value in similarity[0].tolist()]
    weighted = [n * math.exp(strength * s) for n, s in zip(negatives, similarity[0, 1:].tolist(), strict=True)]
    expected = -math.log(positive / (positive + sum(weighted)))
    assert loss_of(similarity, index, hardness=strength).item() == pytest.approx(expected, abs=1e-12)
    assert loss_of(similarity, index, hardness=0.0) == loss_of(similarity, index)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_similarities_are_judged_in_float32(dtype):
    similarity = matrix(5, 6).to(dtype)
    loss = mmclip_loss(similarity, RAGGED, torch.tensor(SCALE))
    assert loss.dtype == torch.float32
    assert loss == mmclip_loss(similarity.float(), RAGGED, torch.tensor(SCALE))


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000), st.sampled_from(["softmax", "sigmoid"]), st.sampled_from(["hard", "in_batch", "hybrid"])
)
def test_order_and_padding_do_not_matter(seed, loss, candidates):
    generator = torch.Generator().manual_seed(seed)
    similarity = matrix(4, 8, seed)
    text_rows = torch.stack(
        [torch.cat([torch.tensor([i]), torch.randperm(4, generator=generator) + 4]) for i in range(4)]
    )
    index = CandidateIndex(anchors(0, 1, 2, 3), text_rows, *NO_ROWS.values())
    value = loss_of(similarity, index, loss=loss, candidates=candidates)
    assert value >= 0
    order = torch.randperm(4, generator=generator)
    negatives = torch.cat([text_rows[:, :1], text_rows[:, 1:][:, torch.randperm(4, generator=generator)]], dim=1)
    padded = torch.cat([negatives[order], torch.full((4, 2), -1)], dim=1)
    same = loss_of(similarity, CandidateIndex(order, padded, *NO_ROWS.values()), loss=loss, candidates=candidates)
    assert same.item() == pytest.approx(value.item(), abs=1e-10)


@pytest.mark.parametrize(
    ("settings_", "named"),
    [({"loss": "hinge"}, "hinge"), ({"candidates": "all"}, "all"), ({"hardness": -1.0}, "hardness")],
)
def test_unknown_settings_are_named(settings_, named):
    with pytest.raises(ValueError, match=named):
        loss_of(matrix(2, 2), CandidateIndex(anchors(0), rows([0, 1]), *NO_ROWS.values()), **settings_)


def test_a_batch_without_anchors_is_refused():
    with pytest.raises(ValueError, match="anchor"):
        loss_of(matrix(2, 2), CandidateIndex(None, None, None, None))
