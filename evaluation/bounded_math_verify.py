"""math-verify's verdicts, in any thread, and without taking long over a hostile text."""

import logging
import re
from functools import lru_cache

from math_verify import parse, verify

from .bounded_sympy import TooMuchWork, limited
from .verdict import Verdict

MAX_CHARACTERS = 10_000
# Of 754 real responses 742 need under 10,000; formulas of a new kind, for which antlr builds tables, up to 310,000.
MAX_CALLS = 400_000
MAX_ANSWER = 120  # characters of an answer that is compared on its own
# math-verify looks for the end of a formula from each place where one begins, and for boxes on the way, in regular
# expressions that cannot be interrupted. Real responses come to 1,000,000 steps at the most.
MAX_SEARCH = 4_000_000
BEGINNING = re.compile(r"\\[(\[]|\$|\s\[")
SUM = re.compile(r"[\d.\s+\-*×/^()÷]+")
ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{\w+\}")


def verified(response: str, truth: str) -> Verdict:
    """What `verify(parse(response), parse(truth))` of math-verify says, its timeouts of five seconds replaced.

    A response that takes too much work (see [`limited`]) is wrong, as one is that runs into a timeout. Of a response
    of over 10,000 characters, or of one that is little but beginnings of formulas, only the end is read. The response
    stands where math-verify expects the right answer, as in R1-V.

    Returns:
        `Verdict`: `extracted` is what math-verify reads in the response, as text.
    """
    _load_parser()
    try:
        return limited(MAX_CALLS, _verified, searchable(response), truth)
    except (TooMuchWork, RecursionError, MemoryError):
        return Verdict(None, False)


def same(gold: str, answer: str) -> bool:
    r"""Whether two short answers are the same to math-verify: intervals and sets, matrices, sums, integrals.

    `False` for what has no digit and no LaTeX command, or a word: math-verify takes `ABC` and `BAC` for one product.
    """
    if not (_is_formula(gold) and _is_formula(answer)):
        return False
    _load_parser()
    try:
        return limited(MAX_CALLS, _same, gold, answer)
    except Exception:  # sympy raises almost anything on texts that nobody has proofread
        return False


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


def _same(gold: str, answer: str) -> bool:
    wanted, given = (
        parse(f"${text.strip('$ ')}$", fallback_mode="no_fallback", parsing_timeout=None) for text in (gold, answer)
    )
    return bool(wanted and given) and bool(verify(wanted, given, timeout_seconds=None))


def _is_formula(text: str) -> bool:
    rest, environments = ENVIRONMENT.subn(" ", text)
    rest, commands = re.subn(r"\\[a-zA-Z]+", " ", rest)
    has_mathematics = environments or commands or re.search(r"\d", rest)
    return len(text) <= MAX_ANSWER and bool(has_mathematics) and not re.search(r"[^\W\d_]{3,}", rest)


@lru_cache(maxsize=1)
def _load_parser() -> None:
    """The first formula costs imports and tables of antlr, which are not to be counted."""
    for text in (r"\frac{1}{2}+\sqrt{3}", r"(1,2)\cup[3,4)", r"\begin{pmatrix}1\\2\end{pmatrix}"):
        _same(text, text)


def _is_not_about_timeouts(entry: logging.LogRecord) -> bool:
    return not entry.getMessage().startswith("Timeout is disabled")


for _module in ("math_verify.parser", "math_verify.grader"):
    logging.getLogger(_module).addFilter(_is_not_about_timeouts)
