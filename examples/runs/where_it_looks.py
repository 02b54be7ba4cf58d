"""Whether the demo's attribution finds what sets two look-alikes apart: the table in docs/demo.md.

    python examples/runs/where_it_looks.py runs/quickstart/grouped-0

For pairs of look-alikes that differ in few inked patches of the first picture: how often the patch with the largest
share of the true caption's lead over the other one's is among those.
"""

import argparse

import numpy as np
import torch

from dataset_builders.diagram.caption import caption
from dataset_builders.negatives.image import exchangeable_group
from evaluation.retrieval import embed_captions
from mmgeolm.demo.attribution import attribute
from mmgeolm.demo.diagrams import drawing_for
from mmgeolm.demo.encoder import Encoder, load_encoder

MOST_PATCHES = 4


def by_patch(values: torch.Tensor, patch: int) -> np.ndarray:
    """Pixels `(3, H, W)` summed over each patch: `(rows, columns)`."""
    rows, columns = (side // patch for side in values.shape[1:])
    return values.reshape(3, rows, patch, columns, patch).sum(dim=(0, 2, 4)).numpy()


def gradient_times_input(encoder: Encoder, pixels: torch.Tensor, direction: torch.Tensor) -> np.ndarray:
    """Each patch's share by the gradient at the picture alone."""
    pixels = pixels.clone().requires_grad_()
    (slope,) = torch.autograd.grad((encoder.model.embed_images(pixels) @ direction).sum(), pixels)
    return by_patch((slope * pixels)[0].detach(), encoder.model.config.vision_config.patch_size)


@torch.no_grad()
def blanked(encoder: Encoder, pixels: torch.Tensor, direction: torch.Tensor) -> np.ndarray:
    """What the score loses when a patch is blank: paper is 0 to the quickstart's towers."""
    patch = encoder.model.config.vision_config.patch_size
    rows, columns = (side // patch for side in pixels.shape[2:])
    copies = pixels.repeat(rows * columns + 1, 1, 1, 1)
    for place in range(rows * columns):
        row, column = patch * (place // columns), patch * (place % columns)
        copies[place, :, row : row + patch, column : column + patch] = 0
    scores = encoder.model.embed_images(copies) @ direction
    return (scores[-1] - scores[:-1]).reshape(rows, columns).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("encoder", help="the folder of an encoder of `make quickstart`")
    parser.add_argument("--pairs", type=int, default=250, help="pairs to look at (default: 250)")
    args = parser.parse_args()
    encoder = load_encoder(args.encoder, device="cpu")
    drawing = drawing_for(encoder.model.config.vision_config)
    patch = encoder.model.config.vision_config.patch_size
    found = []
    for seed in range(args.pairs):
        pair = exchangeable_group(2, np.random.default_rng([77, seed]), 3, drawing.diagrams)
        pictures = [drawing.picture(scene.figure) for scene in pair]
        first, second = (encoder.processor.encode_images([picture])["pixel_values"] for picture in pictures)
        inked = by_patch(first[0].abs(), patch) > 1
        differ = inked & (by_patch((first - second)[0].abs(), patch) > 1)
        if not 0 < differ.sum() <= MOST_PATCHES:
            continue
        texts = embed_captions(encoder.model, encoder.processor, [caption(scene.program, seed) for scene in pair])
        direction = texts[0] - texts[1]
        ways = {
            "chance": differ.sum() / inked.sum(),
            "gradient × input": differ.flat[gradient_times_input(encoder, first, direction).argmax()],
            "integrated gradients": differ.flat[attribute(encoder, pictures[0], direction).patches.argmax()],
            "blanking": differ.flat[blanked(encoder, first, direction).argmax()],
        }
        found.append([float(value) for value in ways.values()])
    print(f"{len(found)} pairs of {args.pairs} differ in at most {MOST_PATCHES} inked patches.")
    for name, share in zip(ways, np.mean(found, axis=0), strict=True):
        print(f"{name:<22}{share:.0%}")


if __name__ == "__main__":
    main()
