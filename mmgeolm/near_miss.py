"""The word that was probably meant, for sentences about a word that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches


def near_miss(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like `word`, or `None` where none is near; `-` and `_` are one, case does not count.

    Example:

        >>> near_miss("learning-rat", ["learning_rate", "max_steps"])
        'learning_rate'
    """
    plain = {_plain(each): each for each in known}
    near = get_close_matches(_plain(word), plain, n=1, cutoff=0.7)
    return plain[near[0]] if near else None


def _plain(word: str) -> str:
    return word.lower().replace("-", "_")
