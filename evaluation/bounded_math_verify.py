"""math-verify's verdict on a whole response, in any thread, and without taking long over a hostile one."""

import logging
import re

from math_verify import parse, verify

from .verdict import Verdict
from .work_limit import TooMuchWork, limited

MAX_CHARACTERS = 10_000
MAX_CALLS = 500_000  # real responses need 300,000 at the most, nearly all of them 10,000
# math-verify looks for the end of a formula from each place where one begins, and for boxes on the way, in regular
# expressions that cannot be interrupted. Real responses come to 1,000,000 steps at the most.
MAX_SEARCH = 4_000_000
BEGINNING = re.compile(r"\\[(\[]|\$|\s\[")
SUM = re.compile(r"[\d.\s+\-*×/^()÷]+")


def verified(response: str, truth: str) -> Verdict:
    """What `verify(parse(response), parse(truth))` of math-verify says, its timeouts of five seconds replaced.

    A response that takes too much work (see [`limited`]) is wrong, as one is that runs into a timeout. Of a response
    of over 10,000 characters, or of one that is little but beginnings of formulas, only the end is read. The response
    stands where math-verify expects the right answer, as in R1-V.

    Returns:
        `Verdict`: `extracted` is what math-verify reads in the response, as text.
    """
    try:
        return limited(MAX_CALLS, _verified, searchable(response), truth)
    except (TooMuchWork, RecursionError, MemoryError):
        return Verdict(None, False)


def searchable(text: str) -> str:
    """The longest end of a text, by halving, in which math-verify finds formulas soon."""
    text = text[-MAX_CHARACTERS:]
    while _search_steps(text) > MAX_SEARCH:
        text = text[len(text) // 2 :]
    return text


def _search_steps(text: str) -> int:
    """A rough bound, fitted to the regular expressions of math-verify 0.9."""
    beginnings, answers = len(BEGINNING.findall(text)), text.lower().count("answer")
    formulas = len(text) * (1 + beginnings + 8 * min(beginnings, answers)) * (1 + text.count("boxed{"))
    return formulas + (1 + 20 * answers) * sum(len(run) ** 2 for run in SUM.findall(text))


def _verified(text: str, truth: str) -> Verdict:
    answer = parse(text, parsing_timeout=None)
    correct = bool(verify(answer, parse(truth, parsing_timeout=None), timeout_seconds=None))
    try:
        return Verdict(str(answer[0]) if answer else None, correct)
    except ValueError:  # a number of more digits than Python writes
        return Verdict(None, correct)


def _is_not_about_timeouts(entry: logging.LogRecord) -> bool:
    return not entry.getMessage().startswith("Timeout is disabled")


for _module in ("math_verify.parser", "math_verify.grader"):
    logging.getLogger(_module).addFilter(_is_not_about_timeouts)
