"""Hard negatives by a language model: problems to drawing code to captions to negatives, and edited captions.

Import what is needed from its own module; `drawing` needs the sandbox, `programs` and `captions` run no code at all.
"""
