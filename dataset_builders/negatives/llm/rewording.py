"""Negative captions by a model, checked: as many as wanted, asked for once more where checks leave too few."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

from dataset_builders.negatives.llm.answers import FormError, captions
from dataset_builders.negatives.llm.asking import Desk, ask
from dataset_builders.negatives.llm.caption_checks import caption_problem
from dataset_builders.negatives.symmetries import canonical

DUPLICATE = "says the same as another negative"


@dataclass(frozen=True)
class Rewordings:
    """Negative captions, why others were turned down (by reason), and why there are fewer than wanted."""

    captions: tuple[str, ...]
    rejected: Counter[str]
    shortfall: str = ""


async def rewordings(
    desk: Desk,
    prompt: str,
    record: str,
    caption: str,
    count: int,
    num_edits: tuple[int, int] = (1, 4),
    drastic: bool = True,
    **values: Any,
) -> Rewordings:
    """Up to `count` hard negatives of a caption.

    Args:
        desk: Who is asked.
        prompt: `rule_captions`, or `python_negative_captions`, which needs the script as `code`.
        record: What it is about.
        caption: The positive.
        count: How many are wanted.
        num_edits: The fewest and the most edits in one.
        drastic: Whether parallel may become perpendicular.
        values: For the prompt.

    Raises:
        RequestError, EndpointError, OutOfBudget: as [`ask`].
    """
    kept: list[str] = []
    forms = {canonical(caption)}
    rejected: Counter[str] = Counter()
    avoid: list[tuple[str, str]] = []
    shortfall = ""
    for _ in range(2):
        missing = count - len(kept)
        if not missing:
            break
        try:
            read = partial(captions, count=missing)
            limits = {"least": num_edits[0], "most": num_edits[1], "avoid": avoid, "count": missing}
            found = await ask(desk, prompt, record, read, caption=caption, **limits, **values)
        except FormError as error:
            shortfall = error.reason
            break
        for text in found:
            problem = caption_problem(caption, text, num_edits, drastic)
            form = canonical(text)
            problem = problem or (DUPLICATE if form in forms else "")
            if problem:
                rejected[problem] += 1
            else:
                forms.add(form)
                kept.append(text)
            avoid.append((text, problem))
    if len(kept) < count and not shortfall:
        shortfall = f"captions turned down: {_most_frequent(rejected)}"
    return Rewordings(tuple(kept), rejected, shortfall if len(kept) < count else "")


def _most_frequent(reasons: Counter[str]) -> str:
    return min(reasons, key=lambda reason: (-reasons[reason], reason))
