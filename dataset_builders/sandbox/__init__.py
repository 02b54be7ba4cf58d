"""Runs drawing scripts that nobody has read, such as those a language model wrote, and brings back their images.

with Sandbox(Limits(wall_seconds=10)) as box:
    result = box.run("import matplotlib.pyplot as plt\\nplt.plot([0, 1])\\nplt.savefig('question.png')")
result.ok, result.reason, result.images["question.png"]
"""

from dataset_builders.sandbox.limits import Limits
from dataset_builders.sandbox.result import Result, Text
from dataset_builders.sandbox.sandbox import Sandbox

__all__ = ["Limits", "Result", "Sandbox", "Text"]
