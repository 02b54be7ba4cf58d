"""The benchmarks, one module each: its records, prompt, and two rules by which a response is right or wrong.

`forkme.py` is the one to copy for another.
"""
