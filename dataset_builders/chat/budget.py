"""What a run may spend, in tokens and in money: a request that could exceed it is not sent.

Every request reserves its worst case before it is sent (as many input tokens as its text has bytes, as many output
tokens as it may have) and gives back what it did not use. A request that would pass the limit waits for those under
way; if there are none, the budget is spent.
"""

import asyncio
from dataclasses import dataclass

from dataset_builders.chat.journal import Journal

MILLION = 1_000_000


class OutOfBudget(RuntimeError):
    """The next request could exceed what may be spent."""


@dataclass(frozen=True)
class Limits:
    """Of all runs into one journal together: tokens (input and output), and cost in the currency of the prices, which
    are per million tokens. `None` is no limit."""

    max_tokens: int | None = None
    max_cost: float | None = None
    price_input: float = 0.0
    price_output: float = 0.0

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """In the currency of the prices."""
        return (input_tokens * self.price_input + output_tokens * self.price_output) / MILLION


class Budget:
    """Keeps a journal's spending within limits."""

    def __init__(self, journal: Journal, limits: Limits | None = None):
        self.journal, self.limits = journal, limits or Limits()
        self._reserved = [0, 0]
        self._changed = asyncio.Condition()

    @property
    def cost(self) -> float:
        """Spent until now."""
        return self.limits.cost(self.journal.input_tokens, self.journal.output_tokens)

    async def reserve(self, input_tokens: int, output_tokens: int) -> None:
        """Waits until a request of this size is within the limits.

        Raises:
            OutOfBudget: if it is not, though nothing else is under way.
        """
        async with self._changed:
            while (problem := self._problem(input_tokens, output_tokens)) and any(self._reserved):
                await self._changed.wait()
            if problem:
                raise OutOfBudget(problem)
            self._reserved[0] += input_tokens
            self._reserved[1] += output_tokens

    async def give_back(self, input_tokens: int, output_tokens: int) -> None:
        """Ends a reservation; what the request used is in the journal by now."""
        async with self._changed:
            self._reserved[0] -= input_tokens
            self._reserved[1] -= output_tokens
            self._changed.notify_all()

    def _problem(self, input_tokens: int, output_tokens: int) -> str:
        spent = self.journal.input_tokens, self.journal.output_tokens
        request = input_tokens, output_tokens
        most = [sum(parts) for parts in zip(spent, self._reserved, request, strict=True)]
        tokens, cost = sum(most), self.limits.cost(*most)
        if self.limits.max_tokens is not None and tokens > self.limits.max_tokens:
            return (
                f"{sum(spent):,} of {self.limits.max_tokens:,} tokens are spent, and the next request may take "
                f"{input_tokens + output_tokens:,}"
            )
        if self.limits.max_cost is not None and cost > self.limits.max_cost:
            return (
                f"{self.cost:,.4f} of {self.limits.max_cost:,.4f} is spent, and the next request may cost "
                f"{self.limits.cost(input_tokens, output_tokens):,.4f}"
            )
        return ""
