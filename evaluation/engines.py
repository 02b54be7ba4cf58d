"""What generates: a model of transformers in this process, or vLLM; both take the same requests and prompts."""

import os
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from transformers import BatchFeature, PreTrainedModel, ProcessorMixin

from .generate import Request

Talk = list[dict[str, Any]]


class Chat:
    """Requests in the words of a model's chat template.

    Args:
        processor (`ProcessorMixin`): of any model that takes images and text.
        context (`int`, *optional*): most tokens that the model takes; by default there is no limit.

    Raises:
        ValueError: if the processor has no chat template.
    """

    def __init__(self, processor: ProcessorMixin, context: int | None = None):
        if not processor.chat_template and not getattr(processor.tokenizer, "chat_template", None):
            raise ValueError(
                f"The {type(processor).__name__} has no chat template, by which a question becomes a prompt; save one "
                "with it (`processor.chat_template`)."
            )
        self.processor = processor
        self.context = context
        # Gemma 3's template marks a picture by its `boi_token`.
        places = (processor, processor.tokenizer)
        self._marks = {getattr(place, name, None) for place in places for name in ("image_token", "boi_token")} - {
            None
        }
        self._expansions: dict[tuple[tuple[int, int], ...], int] = {}

    def length(self, request: Request) -> int:
        """Tokens of a request with its pictures, as the model will see it.

        Raises:
            ValueError: if a picture is missing or broken, or there is no room left for a response.
        """
        pictures = request.open()
        length = len(self.text_tokens(self.talk(request, pictures))) + self._expansion(pictures)
        if self.context is not None and length >= self.context:
            raise ValueError(f"it has {length} tokens with its pictures, and the model's context {self.context}")
        return length

    def talk(self, request: Request, pictures: Sequence[Image.Image]) -> Talk:
        """The request as a conversation; a mark for pictures in its text is left out, as it would stand for one."""
        text = request.prompt
        for mark in self._marks:
            text = text.replace(mark, "")
        parts = [{"type": "image", "image": picture} for picture in pictures]
        return [{"role": "user", "content": [*parts, {"type": "text", "text": text.strip()}]}]

    def text_tokens(self, talk: Talk) -> list[int]:
        """Tokens of a conversation, one mark for each picture."""
        prompt = self.processor.apply_chat_template(talk, add_generation_prompt=True, tokenize=False)
        tokenizer = self.processor.tokenizer
        begun = bool(tokenizer.bos_token) and prompt.startswith(tokenizer.bos_token)
        return list(tokenizer(prompt, add_special_tokens=not begun)["input_ids"])

    def inputs(self, talks: Sequence[Talk]) -> BatchFeature:
        """Tensors of a batch, padded on the left."""
        return self.processor.apply_chat_template(
            list(talks),
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True, "padding_side": "left"},
        )

    def _expansion(self, pictures: Sequence[Image.Image]) -> int:
        """By how many tokens pictures lengthen a prompt beyond their marks; it depends on their sizes alone.

        The processor itself is asked, with blank pictures: each architecture has rules of its own.
        """
        sizes = tuple(picture.size for picture in pictures)
        if not sizes:
            return 0
        if sizes not in self._expansions:
            blank = self.talk(Request("", "a"), [Image.new("RGB", size, "white") for size in sizes])
            try:
                seen = self.inputs([blank])["input_ids"].shape[1]
            except Exception as problem:  # such as a picture that is far too narrow, in whatever words
                raise ValueError(f"its pictures, of {sizes} pixels, cannot be prepared ({problem})") from problem
            self._expansions[sizes] = seen - len(self.text_tokens(blank))
        return self._expansions[sizes]


class TransformersEngine:
    """Any model of `AutoModelForImageTextToText`, which takes the likeliest token at every step.

    A batch is padded on the left, so that each request is answered as it would be alone: the same text in float32, up
    to rounding in bfloat16.

    Args:
        model (`PreTrainedModel`), processor (`ProcessorMixin`): a model and what prepares its inputs.
        max_new_tokens (`int`, *optional*, defaults to 512): most tokens of a response.
        generation: further arguments of `generate`, as `do_sample=True, temperature=0.7`.

    Raises:
        ValueError: if `max_new_tokens` is below 1, or the processor has no chat template.
    """

    def __init__(
        self, model: PreTrainedModel, processor: ProcessorMixin, max_new_tokens: int = 512, **generation: Any
    ):
        if max_new_tokens < 1:
            raise ValueError(f"`max_new_tokens` must be at least 1, got {max_new_tokens}.")
        self.model = model
        self.chat = Chat(processor, getattr(model.config.get_text_config(), "max_position_embeddings", None))
        self.max_new_tokens = max_new_tokens
        self.generation = {**_greedy(model), **generation}

    def length(self, request: Request) -> int:
        """As of [`Engine`]."""
        return self.chat.length(request)

    def generate(self, requests: Sequence[Request]) -> list[str]:
        """As of [`Engine`]; responses come without special tokens and blank ends."""
        talks = [self.chat.talk(request, request.open()) for request in requests]
        inputs = self.chat.inputs(talks).to(self.model.device, self.model.dtype)
        length = inputs["input_ids"].shape[1]
        room = self.max_new_tokens
        if self.chat.context is not None:
            room = min(room, self.chat.context - length)
        with torch.inference_mode():
            tokens = self.model.generate(**inputs, max_new_tokens=room, **self.generation)
        texts = self.chat.processor.batch_decode(tokens[:, length:], skip_special_tokens=True)
        return [text.strip() for text in texts]


class VLLMEngine:
    """vLLM, which schedules the requests of a batch by itself: give it hundreds at a time.

    Args:
        name: A model's folder, or its name on the Hub.
        processor (`ProcessorMixin`): of the model; it writes the prompts, so that they are those of
            [`TransformersEngine`].
        max_new_tokens (`int`, *optional*, defaults to 512): most tokens of a response.
        dtype (`str`, *optional*, defaults to `"auto"`): of the weights; by default the checkpoint's.
        pictures (`int`, *optional*, defaults to 1): most pictures of a request.
        options: further arguments of `vllm.LLM`, as `tensor_parallel_size=2`.

    Raises:
        ValueError: if vLLM is not installed, `name` is an adapter, `max_new_tokens` is below 1, or there is no
            chat template.
    """

    def __init__(
        self,
        name: str | os.PathLike,
        processor: ProcessorMixin,
        max_new_tokens: int = 512,
        dtype: str = "auto",
        pictures: int = 1,
        **options: Any,
    ):
        if max_new_tokens < 1:
            raise ValueError(f"`max_new_tokens` must be at least 1, got {max_new_tokens}.")
        check_vllm()
        if os.path.isfile(os.path.join(name, "adapter_config.json")):
            raise ValueError(f"{name} is an adapter, which the engine vllm does not load: make a model of it first.")
        import vllm

        limits = {"image": max(pictures, 1)}
        self.llm = vllm.LLM(model=os.fspath(name), dtype=dtype, seed=0, limit_mm_per_prompt=limits, **options)
        self.chat = Chat(processor, self.llm.llm_engine.model_config.max_model_len)
        self.sampling = vllm.SamplingParams(temperature=0.0, max_tokens=max_new_tokens)

    def length(self, request: Request) -> int:
        """As of [`Engine`]."""
        return self.chat.length(request)

    def generate(self, requests: Sequence[Request]) -> list[str]:
        """As of [`Engine`]."""
        prompts = []
        for request in requests:
            pictures = request.open()
            # Tokens, not text: vLLM would begin a text with a second mark where the template has written one.
            prompt: dict[str, Any] = {"prompt_token_ids": self.chat.text_tokens(self.chat.talk(request, pictures))}
            if pictures:
                prompt["multi_modal_data"] = {"image": pictures}
            prompts.append(prompt)
        outputs = self.llm.generate(prompts, self.sampling, use_tqdm=False)
        return [output.outputs[0].text.strip() for output in outputs]


def check_vllm() -> None:
    """Raises `ValueError` where vLLM is not installed, before a model is loaded."""
    try:
        import vllm  # noqa: F401
    except ImportError as problem:
        raise ValueError(
            f"the engine vllm needs the package vllm ({problem}): pip install vllm, on a machine with a GPU that it "
            "supports, or take the engine transformers."
        ) from problem


def _greedy(model: PreTrainedModel) -> dict[str, Any]:
    """Options that make generation deterministic, whatever the checkpoint's own are."""
    own = model.generation_config
    changed = {"do_sample": False, "num_beams": 1, "repetition_penalty": 1.0, "no_repeat_ngram_size": 0}
    unset = {name: None for name in ("temperature", "top_p", "top_k", "min_p") if getattr(own, name, None) is not None}
    return {**changed, **unset}
