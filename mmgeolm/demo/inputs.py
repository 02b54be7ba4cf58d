"""What the tabs have in common: a diagram to upload or pick, and problems said in a sentence where they arise."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from PIL import Image

from mmgeolm.demo.diagrams import Drawing, names_for
from mmgeolm.demo.fragments import alert
from mmgeolm.demo.pictures import open_picture

LARGEST_SEED = 2**31 - 1
RAW = {"preprocess": False}
"""Of an event: hand over an upload as it came. Gradio would open the file itself, and has but an internal error for
what is no picture or is huge."""

Uploaded = Mapping[str, Any]
"""What Gradio knows of an uploaded file; `path` is where it lies."""


def upload() -> gr.Image:
    """Where a diagram is shown and may be replaced. Events that take it in need `RAW`."""
    return gr.Image(
        label="Diagram",
        format="png",  # WebP, the default, would change the pixels that the tower sees
        sources=["upload", "clipboard"],
        buttons=["fullscreen"],
        height=300,
        elem_classes="diagram",
    )


def pickers(drawing: Drawing) -> tuple[gr.Dropdown, gr.Button]:
    """A list of diagrams and a button for random ones."""
    names = gr.Dropdown(names_for(drawing), value=None, label="Or pick a diagram", elem_classes="pick")
    return names, gr.Button("Random diagram", elem_classes="random")


def said(handler: Callable[..., tuple], outputs: int) -> Callable[..., tuple]:
    """A handler whose last output is a message: empty, or why the others stay as they are."""

    def run(*values: Any) -> tuple:
        try:
            return (*handler(*values), "")
        except ValueError as problem:
            return (*[gr.skip() for _ in range(outputs)], alert(problem))

    return run


def checked(uploaded: Uploaded | None) -> tuple[Any, str]:
    """An upload, as it is if it can be read; else none, and the reason."""
    try:
        if uploaded is not None:
            open_picture(file_of(uploaded))
        return gr.skip(), ""
    except ValueError as problem:
        return None, alert(problem)


def needed(uploaded: Uploaded | None) -> Image.Image:
    """The picture of an upload.

    Raises:
        ValueError: when there is none, or as [`open_picture`].
    """
    if uploaded is None:
        raise ValueError("Upload a diagram first, or pick one.")
    return open_picture(file_of(uploaded))


def file_of(uploaded: Uploaded) -> Path:
    """Where an upload lies.

    Raises:
        ValueError: when it is none. Who does not use the page can name any file of this machine, and Gradio 6.31 lets
            it pass.
    """
    path = uploaded.get("path") if isinstance(uploaded, Mapping) else None
    if not isinstance(path, str) or not Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve()):
        raise ValueError("This is no upload; upload a diagram, or pick one.")
    return Path(path).resolve()
