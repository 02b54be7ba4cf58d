"""Where a tower looks: the score of a picture shared out among the patches that the tower cuts it into.

Integrated gradients (Sundararajan, Taly and Yan 2017): the picture is faded in from blank paper of its own colour, and
each pixel is credited with its change times the score's mean gradient on the way. So paper gets exactly nothing, and
the patches add up to what the picture's score has over that of blank paper, but for the error of summing in steps. It
needs only the gradient at the tower's input, and is the same for every dual encoder. The gradient at the picture alone
tells nearly nothing: a tower reads faint ink as well as black one, so the score is flat there (docs/demo.md).
"""

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from transformers import BatchFeature

from mmgeolm.demo.encoder import Encoder
from modeling_mmclip.processing_mmclip import as_rgb


class Attribution(NamedTuple):
    """A score and where it comes from.

    Attributes:
        seen (`np.ndarray` of shape `(H, W, 3)`): uint8, the picture as the tower gets it.
        patches (`np.ndarray` of shape `(rows, columns)`): what each patch adds to the score.
        score (`float`): of the picture, the product of its embedding with the direction.
        blank (`float`): the same of blank paper.
    """

    seen: np.ndarray
    patches: np.ndarray
    score: float
    blank: float


def attribute(
    encoder: Encoder, picture: Image.Image, direction: torch.Tensor, steps: int = 32, batch_size: int = 8
) -> Attribution:
    """Shares a score out among the patches.

    Args:
        encoder: Any dual encoder.
        picture: What it looks at. Its median colour is taken for paper.
        direction (`torch.Tensor` of shape `(D,)`): what the picture's embedding, of length 1, is multiplied with: a
            caption's embedding for its cosine, or the difference of two for the lead of one over the other.
        steps: From blank paper to the picture. They are shortest near the paper, where the score rises steeply.
        batch_size: Of them at a time.
    """
    picture = as_rgb(picture)
    colour = tuple(int(value) for value in np.median(np.asarray(picture), axis=(0, 1)))
    paper = Image.new("RGB", picture.size, colour)
    model, device = encoder.model, encoder.model.device
    encoded, blank = (BatchFeature(encoder.processor.encode_images([image])).to(device) for image in (picture, paper))
    rest = {name: tensor for name, tensor in encoded.items() if name != "pixel_values"}
    start, change = blank["pixel_values"], encoded["pixel_values"] - blank["pixel_values"]
    direction = direction.to(device)

    def scores_of(pixels: torch.Tensor) -> torch.Tensor:
        further = {name: tensor.expand(len(pixels), *tensor.shape[1:]) for name, tensor in rest.items()}
        return model.embed_images(pixels, **further).float() @ direction

    # The midpoint rule in u, where the picture's share is u³: with u itself, 32 steps are off by half the sum.
    gradient = torch.zeros_like(change)
    for u in ((torch.arange(steps, device=device) + 0.5) / steps).split(batch_size):
        u = u.view(-1, *[1] * (change.dim() - 1))
        pixels = (start + u**3 * change).requires_grad_()
        slope = torch.autograd.grad(scores_of(pixels).sum(), pixels)[0]
        gradient += (slope * 3 * u**2).sum(dim=0, keepdim=True) / steps
    with torch.no_grad():
        ends = scores_of(torch.cat([encoded["pixel_values"], start]))
    credit = (gradient * change)[0].float().cpu()  # (3, H, W), or (P, 3 × patch²) for SigLIP 2
    cut = encoded["spatial_shapes"][0].tolist() if "spatial_shapes" in encoded else None
    patch = model.config.vision_config.patch_size
    seen = _seen(encoder, encoded["pixel_values"][0].float().cpu(), cut, patch)
    return Attribution(seen, _by_patch(credit, cut, patch), *ends.tolist())


def _by_patch(credit: torch.Tensor, cut: list[int] | None, patch: int) -> np.ndarray:
    """Credit of pixels summed over each patch: shape `(rows, columns)`."""
    if cut is not None:
        rows, columns = cut
        return credit[: rows * columns].sum(dim=-1).reshape(rows, columns).numpy()
    height, width = credit.shape[-2:]
    rows, columns = height // patch, width // patch  # what is left over at the edge the tower never sees
    whole = credit[:, : rows * patch, : columns * patch]
    return whole.reshape(len(credit), rows, patch, columns, patch).sum(dim=(0, 2, 4)).numpy()


def _seen(encoder: Encoder, pixels: torch.Tensor, cut: list[int] | None, patch: int) -> np.ndarray:
    """What the tower gets, in colours again: uint8 of shape `(H, W, 3)`."""
    if cut is not None:
        rows, columns = cut
        pixels = pixels[: rows * columns].reshape(rows, columns, patch, patch, 3)
        pixels = pixels.permute(4, 0, 2, 1, 3).reshape(3, rows * patch, columns * patch)
    processor = encoder.processor.image_processor
    mean, std = (torch.tensor(value)[:, None, None] for value in (processor.image_mean, processor.image_std))
    return (255 * (pixels * std + mean)).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
