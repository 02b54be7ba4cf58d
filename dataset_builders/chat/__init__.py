"""Asking a chat model thousands of questions and paying for each answer once.

Any endpoint that speaks the OpenAI chat API will do: a hosted one, or vLLM on one's own machine.
"""

from dataset_builders.chat.budget import Budget, OutOfBudget
from dataset_builders.chat.client import Answer, Chat, Endpoint, EndpointError, Request, RequestError
from dataset_builders.chat.journal import Journal

__all__ = [
    "Answer",
    "Budget",
    "Chat",
    "Endpoint",
    "EndpointError",
    "Journal",
    "OutOfBudget",
    "Request",
    "RequestError",
]
