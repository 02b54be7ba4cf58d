"""The page itself: its four tabs, and how it is served."""

import gradio as gr

from mmgeolm.demo import negatives
from mmgeolm.demo.ask import AskTab
from mmgeolm.demo.encoder import Encoder
from mmgeolm.demo.fragments import CSS, alert
from mmgeolm.demo.pictures import MOST_BYTES
from mmgeolm.demo.scores import ScoresTab

TITLE = "MMGeoLM"


def build_page(encoder: Encoder, compare_with: Encoder | None = None, ask: AskTab | None = None) -> gr.Blocks:
    """The page over an encoder, and, where they are given, a second one to compare and a language model to ask."""
    match = ScoresTab([encoder])
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(3600, 3600)) as page:
        gr.Markdown(
            f"# {TITLE}\nCaptions that are almost right, and whether an encoder can tell. "
            f"On this page: **{encoder.name}**."
        )
        with gr.Tab("Match"):
            match.build(page)
        with gr.Tab("Negatives"):
            negatives.build()
        with gr.Tab("Ask"):
            if ask is None:
                gr.HTML(alert("There is no language model here: start the page with `mmgeolm demo --lmm FOLDER`."))
            else:
                ask.build()
        with gr.Tab("Compare"):
            if compare_with is None:
                gr.HTML(
                    alert("There is no second encoder here: start the page with `mmgeolm demo --compare_with FOLDER`.")
                )
            else:
                ScoresTab([encoder, compare_with]).build()
    return page


def serve(page: gr.Blocks, host: str = "127.0.0.1", port: int = 7860) -> str:
    """Serves a page in the background, and returns its address; `page.block_thread()` waits, `page.close()` ends it.

    Who asks for the same thing at the same time waits in a queue. Nothing is loaded from elsewhere, and there is no
    public link.

    Args:
        page: As [`build_page`] makes it.
        host: Where to listen. The default is this machine alone.
        port: Where to listen; 0 takes the first free one from 7860 on.

    Raises:
        ValueError: when the port is taken.
    """
    page.queue(max_size=32, default_concurrency_limit=1)
    # Names of fonts, where Gradio's own themes have fonts from a server.
    theme = gr.themes.Default(
        primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
    )
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port or None,
            share=False,
            quiet=True,
            ssr_mode=False,
            mcp_server=False,
            enable_monitoring=False,
            footer_links=[],
            max_file_size=MOST_BYTES,
            theme=theme,
            css=CSS,
            prevent_thread_lock=True,
        )
    except OSError as problem:
        raise ValueError(
            f"Port {port} of {host} cannot be listened on; name another one, or 0 for one that is free."
        ) from problem
    return address
