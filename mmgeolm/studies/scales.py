"""How large a study is: what a run trains, on how much, how often."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Sizes of a study on generated diagrams.

    Attributes:
        seeds (`int`): trainings of every row, each with its own data, weights and order.
        original_steps (`int`): in-batch steps of 192 random pairs that stand for the pre-training of the original.
        steps (`int`): steps of each further training.
        anchors (`int`): anchors with their negatives in a step.
        records (`int`): anchors with their negatives that there are of each kind.
        ranked (`int`): anchors in each set that is ranked.
        lmm_steps (`int`): amount of training of a language model on an encoder, in the quickstart's measure.
        asked (`int`): held-out questions.
        width (`int`): of the encoder's towers.
        learning_rate (`float`): highest learning rate of the further trainings.
    """

    seeds: int
    original_steps: int
    steps: int
    anchors: int
    records: int
    ranked: int
    lmm_steps: int
    asked: int
    width: int = 128
    learning_rate: float = 3e-4


SCALES = {
    "tiny": Scale(
        seeds=2,
        original_steps=240,
        steps=60,
        anchors=16,
        records=1_000,
        ranked=500,
        lmm_steps=140,
        asked=500,
    ),
    "small": Scale(
        seeds=3,
        original_steps=4_000,
        steps=1_000,
        anchors=64,
        records=20_000,
        ranked=500,
        lmm_steps=3_200,
        asked=1_000,
        width=256,
    ),
}
"""`tiny`: all studies in half an hour on two cores. `small`: one GPU; its time has not been measured. The third,
`paper`, is of published models and data: see [`~mmgeolm.studies.published`]."""
