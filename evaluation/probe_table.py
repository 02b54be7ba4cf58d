"""Probes of several towers side by side: figures for programs, and tables of them for people."""

from collections.abc import Mapping
from typing import Any

from .probes import FEATURES, Probe, ProbeSet
from .retrieval_table import markdown

TowerProbes = Mapping[str, Mapping[str, Probe]]
"""Of a tower, by features and set."""


def probe_figures(
    sets: Mapping[str, ProbeSet],
    towers: Mapping[str, TowerProbes],
    random_weights: Mapping[str, TowerProbes],
    pixels: Mapping[str, Probe],
) -> dict[str, Any]:
    """All figures, in percent and JSON-able.

    Args:
        sets: what is asked, by name.
        towers: of each encoder its tower's probes.
        random_weights: of each encoder those of a tower of the same architecture with random weights.
        pixels: those of bare pixels.

    Returns:
        `{"sets": {set: {"question", "chance", "informed", "train", "test"}}, "pixels": {set: [mean, low, high]},
        "encoders": {encoder: {features: {set: {"accuracy", "random_weights", "over_random", "over_pixels"}}}}}`; each
        accuracy and difference is mean, low and high of its 95% interval.
    """
    described = {
        name: {
            "question": part.question,
            "chance": 100 / len(part.names),
            "informed": part.informed,
            "train": pixels[name].trained_on,
            "test": len(part.answers) - pixels[name].trained_on,
        }
        for name, part in sets.items()
    }
    encoders = {
        encoder: {
            kind: {
                name: {
                    "accuracy": _accuracy(own[kind][name]),
                    "random_weights": _accuracy(random_weights[encoder][kind][name]),
                    "over_random": list(own[kind][name].over(random_weights[encoder][kind][name])),
                    "over_pixels": list(own[kind][name].over(pixels[name])),
                }
                for name in sets
            }
            for kind in FEATURES
        }
        for encoder, own in towers.items()
    }
    return {"sets": described, "pixels": {name: _accuracy(pixels[name]) for name in sets}, "encoders": encoders}


def probe_table(found: Mapping[str, Any]) -> str:
    """Markdown: for each kind of features a table of accuracies, and what is gained over random weights.

    Args:
        found: what [`probe_figures`] gives.
    """
    sets = found["sets"]
    parts = []
    for kind in FEATURES:
        rows = [["chance", *(f"{each['chance']:.1f}" for each in sets.values())]]
        if any(each["informed"] for each in sets.values()):
            known = ("–" if each["informed"] is None else f"{each['informed']:.1f}" for each in sets.values())
            rows.append(["letters without places", *known])
        rows.append(["pixels", *(_cell(found["pixels"][name]) for name in sets)])
        for encoder, own in found["encoders"].items():
            rows.append([f"{encoder}, random weights", *(_cell(own[kind][name]["random_weights"]) for name in sets)])
            rows.append([encoder, *(_cell(own[kind][name]["accuracy"]) for name in sets)])
            gained = (own[kind][name]["over_random"] for name in sets)
            rows.append([f"{encoder} − random weights", *(f"{m:+.1f} ({a:+.1f} to {b:+.1f})" for m, a, b in gained)])
        parts.append(markdown([f"{kind} (%)", *sets], rows))
    questions = " ".join(f"`{name}`: {each['question']}" for name, each in sets.items())
    counts = ", ".join(f"{each['train']} + {each['test']} (`{name}`)" for name, each in sets.items())
    parts.append(
        f"{questions}\n\nAccuracy of a logistic regression on held-out scenes, with 95% bootstrap intervals over "
        f"scenes, paired where two are compared; drawings to train on and to test: {counts}. `pixels`: the same on "
        "the drawing in 32 by 32 pixels."
    )
    return "\n\n".join(parts)


def _accuracy(probe: Probe) -> list[float]:
    return [probe.accuracy, *probe.interval]


def _cell(found: list[float]) -> str:
    mean, low, high = found
    return f"{mean:.1f} ({low:.1f}–{high:.1f})"
