"""The tabs *Match* and *Compare*: one encoder, or two side by side, on the same picture and candidates."""

from typing import Any

import gradio as gr
import torch
from markupsafe import Markup
from PIL import Image

from evaluation.retrieval import embed_captions
from mmgeolm.demo.attribution import attribute
from mmgeolm.demo.diagrams import drawing_for, example, names_for
from mmgeolm.demo.encoder import Encoder, candidates_of, remarks, score
from mmgeolm.demo.fragments import LOOK_KEY, block, look, note, score_table, verdict
from mmgeolm.demo.inputs import RAW, Uploaded, checked, needed, pickers, said, upload

HOW = "Upload or pick a diagram, write captions that may be true of it, one a line, and press Score."
ITSELF, LEAD = "the caption's score", "its lead over the next best"


class ScoresTab:
    """A picture, candidate captions, their scores by each encoder, and where each of these looks."""

    def __init__(self, encoders: list[Encoder]):
        self.encoders = encoders
        self.drawing = drawing_for(encoders[0].model.config.vision_config)

    def build(self, page: gr.Blocks | None = None) -> None:
        """Lay out the tab and connect its parts.

        Args:
            page: With it, the first example is drawn and scored as soon as the page is opened.
        """
        truth = gr.State(None)  # the caption that is true of a picture drawn here
        with gr.Row():
            with gr.Column(scale=2):
                picture = upload()
                names, another = pickers(self.drawing)
                text = gr.Textbox(
                    label="Candidate captions, one a line", lines=7, max_lines=14, elem_classes="candidates"
                )
                button = gr.Button("Score", variant="primary", elem_classes="score")
                message = gr.HTML()
            with gr.Column(scale=3):
                table = gr.HTML(block(note(HOW)), elem_classes="scores")
                caption = gr.Dropdown([], label="Where it looks for the caption", elem_classes="caption")
                what = gr.Radio([ITSELF, LEAD], value=ITSELF, label="What the squares share out", elem_classes="what")
                looks = gr.HTML(elem_classes="looks")
        drawing = {"fn": said(self.drawn, 3), "inputs": names, "outputs": [picture, text, truth, message]}
        scoring = {
            "fn": said(self.scored, 2),
            "inputs": [picture, text, truth],
            "outputs": [table, caption, message],
            **RAW,
        }
        looking = {
            "fn": said(self.looked, 1),
            "inputs": [picture, text, caption, what],
            "outputs": [looks, message],
            **RAW,
        }
        events = [names.input(**drawing), another.click(lambda: None, None, names).then(**drawing)]
        if page is not None:
            events.append(page.load(lambda: names_for(self.drawing)[0], None, names).then(**drawing))
        scored = [button.click(**scoring), *(event.then(**scoring) for event in events)]
        for event in scored:
            event.then(**looking)
        gr.on([caption.input, what.input], **looking)
        picture.input(checked, picture, [picture, message], **RAW).then(lambda: None, None, truth)

    def drawn(self, name: str | None) -> tuple[Any, str, str]:
        """A diagram's picture, its candidates, and the true one of them."""
        made = example(name, self.drawing)
        return made.picture, "\n".join([made.caption, *made.negatives]), made.caption

    def scored(self, uploaded: Uploaded | None, text: str, truth: str | None) -> tuple[str, Any]:
        """The table of scores, and the choice of captions to look at, the best one first."""
        picture, candidates = needed(uploaded), candidates_of(text)
        scores = [score(encoder, picture, candidates) for encoder in self.encoders]
        unread = [sentence for encoder in self.encoders for sentence in remarks(encoder, candidates)]
        table = block(
            verdict(self.encoders, scores, candidates, truth),
            score_table(self.encoders, scores, candidates, truth),
            note(
                "Share: the softmax of the cosines at the encoder's own temperature, among these candidates only.",
                *unread,
            ),
        )
        return table, gr.Dropdown(candidates, value=candidates[int(scores[0].cosines.argmax())])

    def looked(self, uploaded: Uploaded | None, text: str, caption: str | None, what: str) -> tuple[str]:
        """Where the encoders look for a caption."""
        picture, candidates = needed(uploaded), candidates_of(text)
        if caption not in candidates:
            raise ValueError("The candidates have changed since they were scored; score them again.")
        if what == LEAD and len(candidates) < 2:
            raise ValueError("A lead needs a second candidate; write one, or look at the score itself.")
        figures = []
        for encoder in self.encoders:
            direction, of = embed_captions(encoder.model, encoder.processor, [caption])[0], "the score"
            if what == LEAD:
                direction, of = direction - rival(encoder, picture, candidates, caption), "the lead"
            figures.append(look(encoder, attribute(encoder, picture, direction), of))
        return (block(Markup('<div class="looks">{}</div>').format(Markup("").join(figures)), LOOK_KEY),)


def rival(encoder: Encoder, picture: Image.Image, candidates: list[str], caption: str) -> torch.Tensor:
    """The embedding, of shape `(D,)`, of the best one of the other candidates."""
    others = [candidate for candidate in candidates if candidate != caption]
    best = others[int(score(encoder, picture, others).cosines.argmax())]
    return embed_captions(encoder.model, encoder.processor, [best])[0]
