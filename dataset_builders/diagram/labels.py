"""Where each letter and number goes. (Being written.)"""

from typing import NamedTuple


class Labels(NamedTuple):
    crowded: tuple = ()


def place_labels(figure, size=336, style=None, with_markings=True) -> Labels:
    return Labels()
