"""Linear probes of a vision tower: what can be read off its features by a straight cut, whatever the text tower makes
of them.

    found = probe_tower(model.export_vision_tower(), processor, {"parallel": part})
    found["grid"]["parallel"].accuracy, found["grid"]["parallel"].interval

A probe finds something in any features, in those of a tower with random weights too, and in pixels. So its figure
says something only beside theirs: `random_tower`, `pixel_features`.
"""

import copy
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.nn import functional as F
from transformers import PreTrainedModel

from modeling_mmclip import MMCLIPProcessor

from .retrieval import batched, resampled_means

FEATURES = ("pooled", "mean", "grid")
"""`pooled`: what the tower gives for the whole image. `mean`: the mean of its patches. `grid`: their means in each
cell of a grid of 4 by 4, which keep their places."""
GRID = 4
PIXELS = 32
COMPONENTS = 256
"""Directions of greatest spread that a probe sees, where there are more features than that."""
STRENGTHS = (0.001, 0.01, 0.1)
TOLERANCE = 0.01  # of the fit: ten times as fast as the default, and as accurate on what is held out
TEST_SHARE = 0.3


class ProbeSet(NamedTuple):
    """N drawings and what is right of each.

    Attributes:
        question (`str`): what is asked, in words.
        images (`np.ndarray` of shape `(N, H, W)`): uint8.
        answers (`np.ndarray` of shape `(N,)`): the right answer's number.
        scenes (`np.ndarray` of shape `(N,)`): the scene's number; each scene has as many drawings, which differ in the
            answer.
        names (`list[str]`): the answers in words.
        informed (`float`, *optional*): percent that is found by what sees the letters of a drawing, and not their
            places.
    """

    question: str
    images: np.ndarray
    answers: np.ndarray
    scenes: np.ndarray
    names: list[str]
    informed: float | None = None


@dataclass(frozen=True)
class Probe:
    """What a probe reads right.

    Attributes:
        right (`np.ndarray` of shape `(S,)`): for each held-out scene the share of its drawings that is read right.
        trained_on (`int`): drawings it was trained on.
    """

    right: np.ndarray
    trained_on: int

    @property
    def accuracy(self) -> float:
        """In percent."""
        return 100 * float(self.right.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95% of bootstrap samples of scenes, in percent."""
        return _interval(self.right)

    def over(self, other: "Probe") -> tuple[float, float, float]:
        """By how many points this probe is better than another on the same scenes, with the 95% interval."""
        difference = self.right - other.right
        return (100 * float(difference.mean()), *_interval(difference))


def _interval(by_scene: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(resampled_means(by_scene[None], 2000, 0), [2.5, 97.5])
    return 100 * float(low), 100 * float(high)


@torch.no_grad()
def tower_features(
    tower: PreTrainedModel,
    processor: MMCLIPProcessor,
    images: Iterable[Image.Image | np.ndarray],
    layer: int = -2,
    batch_size: int = 16,
) -> dict[str, np.ndarray]:
    """Features of N images, by the names of [`FEATURES`]: float32 of shapes `(N, D)`, `(N, D)` and `(N, 16 D)`.

    Args:
        tower (`PreTrainedModel`): a plain vision model, as `MMCLIPModel.export_vision_tower` gives one.
        processor ([`MMCLIPProcessor`]): of the encoder.
        images (iterable of `PIL.Image.Image` or `np.ndarray`): read in turn, a batch at a time.
        layer (`int`, *optional*, defaults to `-2`): whose patches are taken; −2 is what LLaVA hands to the projector.
            `pooled` is always of the last one.
        batch_size (`int`, *optional*, defaults to `16`): of images.

    Raises:
        ValueError: for a tower without patches on a square grid (SigLIP 2 with any aspect ratio), or without such a
            layer.
    """
    config = tower.config
    if config.model_type.startswith("siglip2"):
        raise ValueError("The patches of a SigLIP 2 tower lie on grids of any shape; probe CLIP, AltCLIP or SigLIP.")
    if not -config.num_hidden_layers - 1 <= layer <= config.num_hidden_layers:
        raise ValueError(f"`layer` is {layer}; the tower has {config.num_hidden_layers} layers.")
    side = config.image_size // config.patch_size
    tower.eval()
    found: dict[str, list[np.ndarray]] = {name: [] for name in FEATURES}
    for batch in batched(images, batch_size):
        part = [image if isinstance(image, Image.Image) else Image.fromarray(image) for image in batch]
        pixels = processor.encode_images(part)["pixel_values"].to(tower.device, tower.dtype)
        output = tower(pixel_values=pixels, output_hidden_states=True)
        # CLIP's class token comes first; SigLIP has none.
        patches = output.hidden_states[layer][:, -side * side :].float()  # (B, P, D)
        square = patches.transpose(1, 2).reshape(len(part), -1, side, side)  # (B, D, side, side)
        cells = F.adaptive_avg_pool2d(square, min(GRID, side)).flatten(1)  # (B, 16 D)
        of_batch = {"pooled": output.pooler_output.float(), "mean": patches.mean(dim=1), "grid": cells}
        for name, values in of_batch.items():
            found[name].append(values.cpu().numpy())
    return {name: np.concatenate(parts) for name, parts in found.items()}


def pixel_features(images: Iterable[Image.Image | np.ndarray]) -> np.ndarray:
    """The images in grey at 32 by 32 pixels: float32 of shape `(N, 1024)`, what no tower was needed for."""
    small = []
    for image in images:
        image = image if isinstance(image, Image.Image) else Image.fromarray(image)
        grey = image.convert("L").resize((PIXELS, PIXELS), Image.Resampling.BOX)
        small.append(np.asarray(grey, dtype=np.float32).ravel() / 255)
    return np.stack(small)


def random_tower(tower: PreTrainedModel, seed: int = 0) -> PreTrainedModel:
    """The same architecture with random weights: what its wiring sees by itself."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = type(tower)(copy.deepcopy(tower.config))
    return made.to(tower.device, tower.dtype).eval()


def probe(features: np.ndarray, answers: np.ndarray, scenes: np.ndarray, seed: int = 0) -> Probe:
    """Train a logistic regression on most scenes, and test it on the others, of which it has seen no drawing.

    Features are standardized, and reduced to their 256 principal directions where there are more. The strength of the
    regularization is chosen among training scenes.

    Args:
        features (`np.ndarray` of shape `(N, D)`): of N drawings.
        answers (`np.ndarray` of shape `(N,)`): the number of what is right.
        scenes (`np.ndarray` of shape `(N,)`): the number of the scene; each scene has as many drawings.
        seed (`int`, *optional*, defaults to `0`): of the split, which depends on it and on the scenes alone, so that
            probes of other features are tested on the same drawings.

    Raises:
        ValueError: if there are fewer than ten scenes, or a single answer.
    """
    different = np.unique(scenes)
    if len(different) < 10 or len(np.unique(answers)) < 2:
        raise ValueError(
            f"{len(different)} scenes with {len(np.unique(answers))} answers cannot be probed; at least ten scenes "
            "and two answers are needed."
        )
    order = np.random.default_rng(seed).permutation(different)
    held_out = order[: math.ceil(TEST_SHARE * len(order))]
    test = np.isin(scenes, held_out)
    train = np.flatnonzero(~test)
    most = min(COMPONENTS, features.shape[1], len(train) - 1)
    reduce = make_pipeline(StandardScaler(), PCA(most, svd_solver="randomized", random_state=0))
    seen = reduce.fit_transform(features[train].astype(np.float64))
    folds = list(GroupKFold(3).split(seen, groups=scenes[train]))
    regression = LogisticRegression(tol=TOLERANCE, max_iter=1000)
    learner = GridSearchCV(regression, {"C": STRENGTHS}, cv=folds).fit(seen, answers[train])
    right = learner.predict(reduce.transform(features[test].astype(np.float64))) == answers[test]
    return Probe(np.array([right[scenes[test] == scene].mean() for scene in np.sort(held_out)]), len(train))


def probe_tower(
    tower: PreTrainedModel,
    processor: MMCLIPProcessor,
    sets: Mapping[str, ProbeSet],
    layer: int = -2,
    seed: int = 0,
    batch_size: int = 16,
) -> dict[str, dict[str, Probe]]:
    """Probes of a tower, by features and set; arguments as for [`tower_features`] and [`probe`]."""
    found: dict[str, dict[str, Probe]] = {name: {} for name in FEATURES}
    for name, part in sets.items():
        features = tower_features(tower, processor, part.images, layer, batch_size)
        for kind in FEATURES:
            found[kind][name] = probe(features[kind], part.answers, part.scenes, seed)
    return found


def probe_pixels(sets: Mapping[str, ProbeSet], seed: int = 0) -> dict[str, Probe]:
    """Probes of the bare pixels, by set."""
    return {name: probe(pixel_features(part.images), part.answers, part.scenes, seed) for name, part in sets.items()}
