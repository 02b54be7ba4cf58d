r"""Reading an answer out of free text, and judging whether it equals the right one.

    "Since ∠A = 110°, ∠BOC = 145°. Thus, the answer is C (145°)."        read_choice → "C"
    "So angle BOC is 145 degrees."  (choices 135°, 140°, 145°, 150°)      read_choice → "C"
    "... Therefore AB = \boxed{2\sqrt{3}} cm."                            read_answer → "2\sqrt{3}"

No function here raises, whatever the text, and none takes time that grows faster than the text, of which the last
8,000 characters are read.
"""

import re

from .answer_choices import read_choice
from .answer_equality import equal, is_value
from .answer_statements import REFUSAL, bare, boxes, end_of, sentences, statements, value_in

__all__ = ["boxed", "equal", "read_answer", "read_choice"]

SENTENCES_BACK = 4  # of these last sentences one may hold the answer, if nothing says what the answer is


def boxed(text: str) -> list[str]:
    r"""Contents of all `\boxed{...}` with balanced braces, in order, the outermost ones only."""
    return [content for _, _, content in boxes(str(text))]


def read_answer(response: str) -> str | None:
    r"""The final answer of a response, without markdown, dollars and closing punctuation; `None` if there is none.

    The last of: a box (several boxes joined by no more than "and", "or" or a comma are one answer, "2, 3"),
    `<answer>`, `Answer:` or 答案：, "the answer is"; else the value after the last "=" or "is" of the last sentence
    that has one.

    Args:
        response (`str`): free text, of which the last 8,000 characters are read.
    """
    text = end_of(response)
    for statement in statements(text):
        if statement.letter:  # no letters are asked for: in "5, which is option B" the 5 counts
            continue
        answer = bare(statement.content) if statement.box else _stated(statement.content)
        if REFUSAL.search(answer):  # takes back what was said before
            return None
        if answer:
            return answer
    last = sentences(text)[:SENTENCES_BACK]
    if any(REFUSAL.search(sentence) for sentence in last[:2]):
        return None
    for sentence in last:
        answer = bare(sentence)
        if answer and "=" not in answer and is_value(answer) or (answer := value_in(sentence)):
            return answer
    short = bare(last[0]) if len(last) == 1 and len(last[0]) <= 40 else ""
    return short if re.search(r"\w", short) else None


def _stated(content: str) -> str:
    """What is stated: all of it if it is a value or short, else the value in it."""
    inside = boxes(content)
    answer = bare(inside[-1][2] if inside else content)
    if not answer or is_value(answer):
        return answer
    value = value_in(f"= {answer}")
    return value if value and (len(answer) > 12 or "=" in answer) else answer if len(answer) <= 60 else ""
