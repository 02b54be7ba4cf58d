"""A page over a checkpoint: score captions, see where the tower looks, make negatives, ask, compare.

What computes (`encoder`, `attribution`, `diagrams`, `pictures`) needs nothing that the library does not; what shows
(`app` and its tabs `scores`, `negatives`, `ask`) needs Gradio: `pip install "mmgeolm[demo]"`.
"""
