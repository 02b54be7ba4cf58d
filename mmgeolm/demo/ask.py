"""The tab *Ask*: questions about a diagram, put to a language model with MMCLIP's tower."""

from pathlib import Path
from typing import Any

import gradio as gr

from mmgeolm.answering import answer, load_lmm
from mmgeolm.demo.diagrams import drawing_for, example
from mmgeolm.demo.inputs import RAW, Uploaded, checked, needed, pickers, said, upload

LONGEST_QUESTION = 1_000
MOST_TOKENS = 256
MOST_TURNS = 100

Turn = dict[str, Any]
"""A turn of a chat, as `messages` have it: `role` and `content`."""


class AskTab:
    """A chat about one diagram. Each question is answered by itself: the model does not see the earlier ones.

    Args:
        name: A language model's folder or name, as [`~mmgeolm.answering.load_lmm`] takes it.
        device: By default a GPU if there is one.

    Raises:
        ValueError: as `load_lmm`.
    """

    def __init__(self, name: str, device: str | None = None):
        self.name = Path(name).name
        self.model, self.processor = load_lmm(name, device=device)
        self.drawing = drawing_for(self.model.config.vision_config)

    def build(self) -> None:
        """Lay out the tab and connect its parts."""
        turns = gr.State([])  # kept here: what a browser sends back could name files of this machine
        with gr.Row():
            with gr.Column(scale=2):
                picture = upload()
                names, another = pickers(self.drawing)
                message = gr.HTML()
            with gr.Column(scale=3):
                chat = gr.Chatbot(
                    label=f"{self.name}; each question is answered by itself",
                    height=360,
                    buttons=["copy"],
                    feedback_options=None,
                    render_markdown=False,  # an answer is shown as it is, and loads no picture from elsewhere
                    elem_classes="chat",
                )
                question = gr.Textbox(label="Question", placeholder="Is AB parallel to CD?", elem_classes="question")
                button = gr.Button("Ask", variant="primary", elem_classes="ask")
        picture.input(checked, picture, [picture, message], **RAW).then(fresh, None, [chat, turns])
        chat.clear(fresh, None, [chat, turns])
        drawing = {"fn": said(self.drawn, 3), "inputs": names, "outputs": [picture, chat, turns, message]}
        names.input(**drawing)
        another.click(lambda: None, None, names).then(**drawing)
        gr.on(
            [button.click, question.submit],
            said(self.asked, 3),
            [picture, question, turns],
            [chat, turns, question, message],
            **RAW,
        )

    def drawn(self, name: str | None) -> tuple[Any, list[Turn], list[Turn]]:
        """A diagram to ask about, and an empty chat."""
        return example(name, self.drawing).picture, *fresh()

    def asked(self, uploaded: Uploaded | None, question: str, turns: list[Turn]) -> tuple[list[Turn], list[Turn], str]:
        """The chat with a question and its answer added, twice, and an empty box for the next question."""
        picture, question = needed(uploaded), question.strip()
        if not question:
            raise ValueError("Write a question first.")
        if len(question) > LONGEST_QUESTION:
            raise ValueError(f"The question has {len(question):,} characters; it may have {LONGEST_QUESTION:,}.")
        (text,) = answer(self.model, self.processor, [picture], [question], max_new_tokens=MOST_TOKENS)
        asked = [{"role": "user", "content": question}, {"role": "assistant", "content": text or "(no answer)"}]
        turns = [*turns, *asked][-MOST_TURNS:]
        return turns, turns, ""


def fresh() -> tuple[list[Turn], list[Turn]]:
    """An empty chat, to show and to keep."""
    return [], []
