"""What a scorer says of one response to one benchmark question."""

from typing import NamedTuple


class Verdict(NamedTuple):
    """The answer that was read in a response, and whether it is right.

    Attributes:
        extracted (`str`, *optional*): the answer as the rule compares it; `None` where none was found.
        correct (`bool`): what the rule says of it.
    """

    extracted: str | None
    correct: bool
