"""Groups of captions (or images) of which each is the positive once and a negative of all others.

Negatives that are found for a positive surround it, and whatever rules some of them out as equivalent to it leaves
vague captions, which are true of many figures, more often positive than negative. Both tell the positive. Here the
anchors are instead cut into groups of mutually different ones before anything is called positive.
"""

from collections.abc import Callable, Iterator

import numpy as np

Equivalent = Callable[[int, list[int]], bool]

_TRIED = 64  # groups of other neighbourhoods that an anchor without a group is tried in, the most alike first


def exchangeable_groups(
    scaled: np.ndarray,
    item_of: np.ndarray,
    size: int,
    pool: int,
    choice: str,
    a: float,
    equivalent: Equivalent,
    seed: int,
) -> list[list[int]]:
    """Cuts anchors into groups of at least `size` that are near to one another and mutually different.

    The anchors are cut into neighbourhoods of about `pool`, around centres that are no anchors (means that no list
    shows), and each neighbourhood into groups: near ones together (`top`), any (`random`), or those about as close to
    one drawn anchor (`simans`: closeness and a Gaussian of variance 1 / 2a). Who is equivalent to a member joins
    another group, if need be of another neighbourhood.

    Args:
        scaled (`np.ndarray` of shape `(M, d)`): vectors of the items, of whole numbers.
        item_of (`np.ndarray` of shape `(A,)`): the item of each of the A anchors.
        equivalent: Whether an anchor is equivalent to one of a list of others.

    Returns:
        Groups of positions in `item_of`. Each anchor is in one. Those of fewer than `size` are what is left over.
    """
    rng = np.random.default_rng(seed)
    groups: list[list[int]] = []
    spare: list[int] = []
    parts = max(1, round(len(item_of) / max(pool, size)))
    for wide in cut(scaled, item_of, np.arange(len(item_of)), parts, rng):
        whole, left = _grouped(_runs(scaled, item_of, wide, size, choice, a, rng), size, equivalent)
        groups += whole
        spare += left
    whole, spare = _grouped([spare[start : start + size] for start in range(0, len(spare), size)], size, equivalent)
    groups += whole
    spare = _joined_elsewhere(scaled, item_of, groups, spare, equivalent)
    return groups + _rest(spare, equivalent)


def _runs(
    scaled: np.ndarray,
    item_of: np.ndarray,
    wide: np.ndarray,
    size: int,
    choice: str,
    a: float,
    rng: np.random.Generator,
) -> list[list[int]]:
    """A neighbourhood in runs of `size` or a little more, each to become a group."""
    count = max(1, len(wide) // size)
    if choice == "top":
        return [rng.permutation(part).tolist() for part in cut(scaled, item_of, wide, count, rng)]
    order = rng.permutation(wide)
    if choice == "simans":
        length = np.einsum("d,d->", own := scaled[item_of[order[0]]], own)
        closeness = np.einsum("nd,d->n", scaled[item_of[order]], own) / length
        order = order[np.argsort(-closeness - rng.normal(0, np.sqrt(0.5 / a), len(order)), kind="stable")]
    return [rng.permutation(part).tolist() for part in np.array_split(order, count)]


def _grouped(runs: list[list[int]], size: int, equivalent: Equivalent) -> tuple[list[list[int]], list[int]]:
    """Groups of mutually different anchors, one from each run, filled from one another; and who is in none."""
    groups: list[list[int]] = []
    spare: list[int] = []
    for run in runs:
        group: list[int] = []
        for anchor in run:
            (spare if equivalent(anchor, group) else group).append(anchor)
        groups.append(group)
    groups.sort(key=len, reverse=True)  # who lacks least is filled first
    for group in groups:
        spare = [anchor for anchor in spare if len(group) >= size or not _joins(anchor, group, equivalent)]
    spare += [anchor for group in groups if len(group) < size for anchor in group]
    groups = [group for group in groups if len(group) >= size]
    spare = [anchor for anchor in spare if not any(_joins(anchor, group, equivalent) for group in groups)]
    return groups, spare


def _joins(anchor: int, group: list[int], equivalent: Equivalent) -> bool:
    """Adds the anchor to the group if it is equivalent to none of it; whether it was added."""
    if equivalent(anchor, group):
        return False
    group.append(anchor)
    return True


def _joined_elsewhere(
    scaled: np.ndarray, item_of: np.ndarray, groups: list[list[int]], spare: list[int], equivalent: Equivalent
) -> list[int]:
    """Adds anchors to the groups that they are most like; who found none."""
    if not groups or not spare:
        return spare
    means = np.stack([scaled[item_of[group]].mean(axis=0) for group in groups])
    left = []
    for anchor in spare:
        nearest = np.argsort(-np.einsum("gd,d->g", means, scaled[item_of[anchor]]), kind="stable")[:_TRIED]
        if not any(_joins(anchor, groups[place], equivalent) for place in nearest.tolist()):
            left.append(anchor)
    return left


def _rest(spare: list[int], equivalent: Equivalent) -> list[list[int]]:
    """Groups of whoever is left, as large as they come."""
    groups: list[list[int]] = []
    for anchor in spare:
        if not any(_joins(anchor, group, equivalent) for group in groups):
            groups.append([anchor])
    return groups


def cut(
    scaled: np.ndarray, item_of: np.ndarray, members: np.ndarray, parts: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Members in `parts` of equal size (to one), near ones together: halved again and again between two means."""
    if parts == 1:
        yield members
        return
    own = scaled[item_of[members]]
    size = len(members) * (parts // 2) // parts
    first, second = own[rng.choice(len(members), 2, replace=False)]
    for _ in range(6):
        # einsum and not `@`: the sum is the same for any number of threads.
        order = np.argsort(np.einsum("nd,d->n", own, second - first), kind="stable")
        first, second = own[order[:size]].mean(axis=0), own[order[size:]].mean(axis=0)
    del own
    for half, count in ((members[order[:size]], parts // 2), (members[order[size:]], parts - parts // 2)):
        yield from cut(scaled, item_of, half, count, rng)
