"""The tab *Negatives*: a diagram program, its figure and caption, and look-alikes that are verified false of it."""

import gradio as gr
from markupsafe import Markup
from PIL import Image

from dataset_builders.diagram.caption import caption
from dataset_builders.diagram.render import render
from dataset_builders.gallery import changed_strokes, compare_captions
from mmgeolm.demo.diagrams import EXAM_SIZE, PROGRAMS, Negative, negatives_of
from mmgeolm.demo.fragments import STROKE_KEY, block, note, words
from mmgeolm.demo.inputs import LARGEST_SEED, said
from mmgeolm.demo.pictures import data_uri, marked

MOST_NEGATIVES = 12
FIRST = next(iter(PROGRAMS))


def build() -> None:
    """Lay out the tab and connect its parts."""
    with gr.Row():
        with gr.Column(scale=2):
            names = gr.Dropdown(list(PROGRAMS), value=FIRST, label="Pick a program", elem_classes="pick")
            program = gr.Textbox(
                PROGRAMS[FIRST], label="Diagram program", lines=8, max_lines=20, elem_classes="program"
            )
            count = gr.Slider(1, MOST_NEGATIVES, value=6, step=1, label="Negatives")
            seed = gr.Number(0, label="Seed of the edits", precision=0, minimum=0, maximum=LARGEST_SEED)
            button = gr.Button("Make negatives", variant="primary", elem_classes="make")
            message = gr.HTML()
        with gr.Column(scale=3):
            page = gr.HTML(made(PROGRAMS[FIRST], 6, 0)[0], elem_classes="negatives")
    making = {"fn": said(made, 1), "inputs": [program, count, seed], "outputs": [page, message]}
    names.input(PROGRAMS.get, names, program).success(**making)
    button.click(**making)


def made(program: str, count: float, seed: float) -> tuple[str]:
    """The page's piece about a program; raises `ValueError` as [`negatives_of`]."""
    count, seed = int(count or 0), int(seed or 0)
    if not 1 <= count <= MOST_NEGATIVES or not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"Ask for 1 to {MOST_NEGATIVES} negatives, and give a seed from 0 on.")
    base, negatives = negatives_of(program, count, seed)
    positive, text = Image.fromarray(render(base.figure, EXAM_SIZE)), caption(base.program)
    head = Markup(
        '<div class="positive"><figure><img src="{}" alt="{}"></figure>'
        '<div><b>Positive</b><p class="own">{}</p>{}</div></div>'
    ).format(data_uri(positive), text, text, STROKE_KEY)
    cards = Markup("").join(_card(positive, text, negative) for negative in negatives)
    few = f"Edits that are verified false of it and of one another: {len(negatives)} of the {count} asked for."
    return (
        block(head, Markup('<div class="cards">{}</div>').format(cards), note(few) if len(negatives) < count else ""),
    )


def _card(positive: Image.Image, text: str, negative: Negative) -> Markup:
    picture = render(negative.scene.figure, EXAM_SIZE)
    strokes = changed_strokes(positive.convert("RGB"), Image.fromarray(picture).convert("RGB"))
    return Markup('<figure class="card"><img src="{}" alt="{}"><figcaption><p>{}</p>{}</figcaption></figure>').format(
        data_uri(marked(picture, strokes)),
        negative.caption,
        words(compare_captions(text, negative.caption)),
        note(
            f"Edit: {negative.scene.edit}. False of the positive: {'; '.join(negative.false_here)}.",
            f"The positive's caption is false here: {'; '.join(negative.false_there)}.",
        ),
    )
