"""A small language model from scratch, for two cores: Qwen2's classes, words as tokens, trained on short talks."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from transformers import (
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    PrinterCallback,
    Qwen2Config,
    Qwen2ForCausalLM,
    set_seed,
)
from trl import SFTConfig, SFTTrainer

from mmgeolm.chat_templates import CHATML_MARKS, IMAGE_TOKEN, chat_tokenizer
from mmgeolm.regimes import multiplies_bfloat16
from mmgeolm.tiny import WORDS
from mmgeolm.tiny_optimizer import tiny_optimizer
from trainers.sft_collator import IGNORED

CONTEXT = 256
ROLES = ("system", "user", "assistant")  # words of every chat template
_NUMBERS = range(361)  # degrees and lengths: each is a word, seen or not
_WORD_SCALE = 0.3  # about what a new projector makes of a picture's patches

Talk = list[dict[str, str]]
"""Turns with `role` and `content`."""


def talk(*turns: tuple[str, str]) -> Talk:
    """Questions with their answers, one after the other."""
    roles = ("user", "assistant")
    return [{"role": role, "content": text} for turn in turns for role, text in zip(roles, turn, strict=True)]


def word_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerBase:
    """A word tokenizer over the given texts that writes ChatML: letters of vertices one by one, each number a word.

    Decoding puts spaces around words and numbers and none between letters: `AB`, `angle ABC is 60`.
    """
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(WORDS, behavior="removed", invert=True)
    special = ["<pad>", "<unk>", *CHATML_MARKS, IMAGE_TOKEN]
    known = [*ROLES, *map(str, _NUMBERS), *"ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    added = [AddedToken(token, special=True, normalized=False) for token in special]
    tokenizer.train_from_iterator([*texts, *known], trainers.WordLevelTrainer(special_tokens=added))
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace(Regex(r"^(?=[a-z0-9]|[A-Z][a-z])"), " "),
            decoders.Replace(Regex(r"(?<=[a-z0-9.,])$"), " "),
            decoders.Fuse(),
            decoders.Replace(Regex(r" +(?=[.,?°]| |$)"), ""),
            decoders.Replace(Regex(r"^ +"), ""),
        ]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token=CHATML_MARKS[1],
        model_max_length=CONTEXT,
    )
    return chat_tokenizer(fast, "qwen2")[0]


def tiny_llm(tokenizer: PreTrainedTokenizerBase, seed: int, width: int = 128, layers: int = 3) -> Qwen2ForCausalLM:
    """A Qwen2 with random weights, as many words as the tokenizer has, and room for `CONTEXT` tokens.

    It begins with larger weights than Qwen2 does, and with positions that turn faster, as suits a short context: in
    trials of a few hundred steps it learned more than from Qwen2's own beginning (docs/results.md).

    Args:
        tokenizer (`PreTrainedTokenizerBase`): from [`word_tokenizer`].
        seed (`int`): of the weights.
        width (`int`, *optional*, defaults to `128`), layers (`int`, *optional*, defaults to `3`): its size.
    """
    set_seed(seed)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=-(-len(tokenizer) // 64) * 64,
            hidden_size=width,
            intermediate_size=3 * width,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=CONTEXT,
            rope_parameters={"rope_type": "default", "rope_theta": 100.0},
            initializer_range=width**-0.5,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    with torch.no_grad():
        model.model.embed_tokens.weight.normal_(0, _WORD_SCALE)
    return model


def train_tiny_llm(talks: Sequence[Talk], output_dir: str | Path, seed: int, batch: int = 16) -> None:
    """Train a language model from random weights on talks without pictures, once through, and save it.

    It learns the words, how a talk is written, and which answers each question may have; what is in a picture it
    cannot know. The loss is on all words, the questions' too.

    Args:
        talks (sequence of [`Talk`]): what it reads.
        output_dir (`str` or `Path`): for model and tokenizer.
        seed (`int`): of weights and order.
        batch (`int`, *optional*, defaults to `16`): talks in a step.
    """
    torch.set_num_threads(1)
    tokenizer = word_tokenizer(turn["content"] for turns in talks for turn in turns)
    args = SFTConfig(
        str(output_dir),
        num_train_epochs=1,
        per_device_train_batch_size=batch,
        learning_rate=3e-3,
        lr_scheduler_type="cosine",
        warmup_steps=0.05,
        max_length=CONTEXT,
        **quiet_settings(seed),
    )
    texts = [tokenizer.apply_chat_template(turns, tokenize=False) for turns in talks]
    trainer = TinyLLMTrainer(
        tiny_llm(tokenizer, seed),
        args,
        train_dataset=Dataset.from_dict({"text": texts}),
        processing_class=tokenizer,
    )
    # The backward pass of torch's fused attention takes half of a step in bfloat16 on a CPU (torch 2.13).
    trainer.model.set_attn_implementation("eager")
    trainer.optimizer = tiny_optimizer(trainer.model, args.learning_rate)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    trainer.model.config.use_cache = True
    trainer.save_model()


class FewWordsLoss:
    """Put before a trl `SFTTrainer` among the bases of a class: its loss, from all logits at once.

    trl goes through the vocabulary in tiles, twice over and in every place, answer or not, where there is no GPU (trl
    1.16); for a few hundred words that is a third of a step.
    """

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """The mean cross-entropy of the labels (B, L) that are not −100."""
        labels = inputs.pop("labels")[:, 1:]
        answers = labels != IGNORED
        logits = model(**inputs, use_cache=False).logits[:, :-1][answers]  # (answers, words)
        total = nn.functional.cross_entropy(logits.float(), labels[answers], reduction="sum")
        return total / (answers.sum() if num_items_in_batch is None else num_items_in_batch)


class TinyLLMTrainer(FewWordsLoss, SFTTrainer):
    """Trains the language model."""


def quiet_settings(seed: int) -> dict:
    """Training arguments of all parts: one CPU core, nothing computed twice, nothing drawn or kept in between."""
    return {
        "use_cpu": True,
        "bf16": multiplies_bfloat16(),
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "logging_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "seed": seed,
    }
