"""The two studies that train nothing: how like the negatives are to what an LMM is tuned on, and contamination.

On generated diagrams here; on your own data with `mmgeolm contamination` and [`~evaluation.similarity`].
"""

from pathlib import Path
from typing import Any

import datasets
import numpy as np
from matplotlib.figure import Figure

from dataset_builders.negatives.embedding import embed
from dataset_builders.negatives.retrieval import retrieval_negatives
from evaluation.contamination import LEVELS, Item, counts, near_clones, paper_rule
from evaluation.image_hash import image_hash
from evaluation.similarity import THRESHOLDS, max_cosine_table, separation, tsne_plot
from mmgeolm.quickstart_lmm import prepare
from mmgeolm.studies.generated import LMM_SEED, make_scenes, scenes_folder, size_of
from mmgeolm.studies.generated_data import GROUP, read_scenes
from mmgeolm.studies.grid import Job, run_grid
from mmgeolm.studies.scales import Scale

PAPER_SIMILARITY = {"image": (20.89, 78.68, 98.43, 99.43), "retrieval": (0.0, 26.18, 98.00, 99.28)}
PAPER_SEPARATION = 0.90
PAPER_BELOW = (100.0, 97.28, 90.56, 81.26)


def run_text_study(name: str, scale: Scale, parts: Path, folder: Path, num_proc: int) -> tuple[str, dict[str, Any]]:
    """A study of texts, as Markdown and figures.

    Args:
        name (`str`): one of [`TEXT_STUDIES`].
        scale ([`Scale`]): how much is drawn.
        parts (`Path`): where drawn data are kept, which the other studies share.
        folder (`Path`): for the plot.
        num_proc (`int`): processes that draw.
    """
    jobs = [Job(f"{kind}, seed 0", make_scenes, (parts, scale, 0, kind)) for kind in ("singles", "look_alikes")]
    run_grid(jobs, num_proc)
    prepare(parts, size_of(scale), LMM_SEED, num_proc=num_proc)
    return TEXT_STUDIES[name](scale, parts, folder)


def similarity(scale: Scale, parts: Path, folder: Path) -> tuple[str, dict[str, Any]]:
    """Appendix D: how near negative captions come to the texts of SFT, and whether two kinds can be told apart."""
    corpus = [group[0] for group in read_scenes(scenes_folder(parts, 0, "singles")).captions[: scale.records]]
    rows = retrieval_negatives(corpus, GROUP - 1, 0).rows
    groups = read_scenes(scenes_folder(parts, 0, "look_alikes")).captions
    texts = {
        "image": [caption for group in groups for caption in group[1:]],
        "retrieval": [corpus[i] for row in rows for i in row],
    }
    reference = sft_texts(parts)
    vectors = embed([*texts["image"], *texts["retrieval"], *reference])
    ends = np.cumsum([len(texts["image"]), len(texts["retrieval"])])
    image, retrieval, tuned = np.split(vectors, ends)
    named = {"image": image, "retrieval": retrieval}
    shares = max_cosine_table(named, tuned)
    apart = separation(image, retrieval)
    tsne_plot(named, folder / "plot.png")
    columns = [f"{threshold:.2f}" for threshold in THRESHOLDS]
    head = [f"above {column}" for column in columns] + [f"paper: {column}" for column in columns]
    lines = ["### Similarity of negatives to the data of SFT", "", f"| negatives | texts | {' | '.join(head)} |"]
    lines.append(f"| --- | ---: |{' ---: |' * len(head)}")
    for kind, found in shares.items():
        cells = [f"{found[threshold]:.2f}" for threshold in THRESHOLDS] + [f"{x:.2f}" for x in PAPER_SIMILARITY[kind]]
        lines.append(f"| {kind} | {len(texts[kind])} | {' | '.join(cells)} |")
    lines.append(
        f"\nPercent of negative captions whose greatest cosine with any of {len(reference)} texts of SFT (generated "
        "captions and questions) is above the threshold, by our TF-IDF embedding; the paper has exam problems and "
        f"SimCSE. k-means tells both kinds apart with a separation of {apart:.2f} (0.5: not at all; paper: "
        f"{PAPER_SEPARATION:.2f}). Generated captions of both kinds are of one language, so less is to be expected."
    )
    figures = {"shares": {kind: list(found.values()) for kind, found in shares.items()}, "separation": apart}
    return "\n".join(lines) + "\n", figures


def contamination(scale: Scale, parts: Path, folder: Path) -> tuple[str, dict[str, Any]]:
    """Which held-out questions are near one that the LMM is tuned on, by the paper's rule and by ours."""
    data = parts / "lmm" / "data"
    asked = datasets.load_from_disk(str(data / "asked"))
    test = [
        Item(name, text, image_hash(image))
        for name, text, image in zip(asked["id"], asked["question"], asked["image"], strict=True)
    ]
    tuned = datasets.load_from_disk(str(data / "full"))
    train = [
        Item(record["id"], turn["content"], image_hash(record["images"][0]))
        for record in tuned
        for turn in record["messages"]
        if turn["role"] == "user"
    ]
    vectors = embed([item.text for item in (*test, *train)])
    paper = paper_rule(vectors[: len(test)], vectors[len(test) :])
    clones = near_clones(test, train)
    near = {"test": len({clone.test for clone in clones}), "train": len({clone.train for clone in clones})}
    _plot_cosines(paper.cosines[:, 0], folder / "plot.png")
    columns = " | ".join(f"below {level:.3f}" for level in LEVELS)
    below = " | ".join(f"{100 * paper.below[level]:.2f}" for level in LEVELS)
    lines = [
        "### Contamination of the held-out questions",
        "",
        f"| test questions (%) | {columns} |",
        f"| --- |{' ---: |' * len(LEVELS)}",
        f"| generated | {below} |",
        f"| paper | {' | '.join(f'{share:.2f}' for share in PAPER_BELOW)} |",
        "",
        f"{len(test)} test and {len(train)} training questions; cosines of our TF-IDF embedding. The paper's rule, a "
        f"cosine above 0.995, would drop {len(paper.dropped)} training questions: generated questions have few "
        "wordings, and it does not see that they are about other diagrams. By structure, numbers and figures "
        f"{near['train']} training questions are near clones of {near['test']} test questions "
        f"({', '.join(f'{signal} {number}' for signal, number in counts(clones).items()) or 'no signal'}).",
        "",
        "Nearest training questions of the first test question: "
        + "; ".join(
            f"{cosine:.3f} {train[place].text!r}"
            for cosine, place in zip(paper.cosines[0], paper.places[0], strict=True)
        )
        + f" for {test[0].text!r}.",
    ]
    figures = {"below": {str(level): share for level, share in paper.below.items()}, "dropped": len(paper.dropped)}
    return "\n".join(lines) + "\n", figures | {"near_clones": near, "signals": counts(clones)}


def sft_texts(parts: Path) -> list[str]:
    """Distinct captions and questions that the LMMs are trained on."""
    data = parts / "lmm" / "data"
    captions = [talk[1]["content"] for talk in datasets.load_from_disk(str(data / "captions"))["messages"][:]]
    talks = datasets.load_from_disk(str(data / "full"))["messages"][:]
    questions = [turn["content"] for talk in talks for turn in talk if turn["role"] == "user"]
    return list(dict.fromkeys([*captions, *questions]))


def _plot_cosines(cosines: np.ndarray, path: Path) -> None:
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.hist(cosines, bins=40, color="0.6", edgecolor="0.3")
    for level in LEVELS:
        axes.axvline(level, color="black", linestyle=":", linewidth=1)
    axes.set(xlabel="greatest cosine of a test question with a training question", ylabel="test questions")
    figure.savefig(path, dpi=120)


TEXT_STUDIES = {"similarity": similarity, "contamination": contamination}
