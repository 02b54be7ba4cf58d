"""Tiny causal language models with random weights, each with a tokenizer of its family's kind, made on the spot."""

import json
from functools import cache

import torch
from PIL import Image
from tiny_models import noise_image, tiny_mmclip
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    BatchFeature,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaTokenizer,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3ForCausalLM,
)

LLMS = ("qwen2", "qwen3", "mistral", "llama")
# Wider than the tiny towers, with grouped keys and values: a transposed or swapped weight does not fit.
SIZE = {
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 12,
    "max_position_embeddings": 512,
}
CORPUS = ["In triangle ABC the side AB is 5 and the angle ABC is 60. Which segment is parallel to CD?", "red blue"]
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
INST = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}"
    "{{ ' ' + message['content'] + eos_token }}{% endif %}{% endfor %}"
)
HEADERS = (
    "{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' "
    "+ message['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)


@cache
def byte_pairs() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges over bytes: no text is unknown."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        CORPUS * 3, trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet, show_progress=False)
    )
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return tokenizer.get_vocab(), [tuple(pair) for pair in merges]


def begins_with(token: str, number: int) -> processors.TemplateProcessing:
    """Puts a token before every text, which the chat templates write themselves as well."""
    return processors.TemplateProcessing(
        single=f"{token} $A", pair=f"{token} $A {token} $B", special_tokens=[(token, number)]
    )


def qwen_tokenizer() -> Qwen2Tokenizer:
    """As Qwen2.5's: byte pairs, ChatML marks, no token for the beginning of a text."""
    vocab, merges = byte_pairs()
    return Qwen2Tokenizer(
        vocab=dict(vocab),
        merges=list(merges),
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens=["<|im_start|>"],
        chat_template=CHATML,
        model_max_length=512,
    )


def mistral_tokenizer() -> LlamaTokenizer:
    """As Mistral 7B's and MAmmoTH2's: pieces with byte fallback, `<s>` put first, no padding token."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces += ["▁", *sorted({letter for text in CORPUS for letter in text if letter != " "})]
    merges = [("▁", "i"), ("▁", "A"), ("▁A", "B"), ("A", "B")]
    pieces += [left + right for left, right in merges]
    tokenizer = LlamaTokenizer(
        vocab={piece: number for number, piece in enumerate(pieces)},
        merges=merges,
        chat_template=INST,
        model_max_length=512,
    )
    tokenizer.backend_tokenizer.post_processor = begins_with("<s>", 1)
    return tokenizer


def llama_tokenizer() -> PreTrainedTokenizerFast:
    """As Llama 3's: byte pairs, header marks, a token for the beginning that the template writes."""
    vocab, merges = byte_pairs()
    tokenizer = Tokenizer(models.BPE(vocab=dict(vocab), merges=list(merges)))
    tokenizer.pre_tokenizer = qwen_tokenizer().backend_tokenizer.pre_tokenizer
    tokenizer.decoder = qwen_tokenizer().backend_tokenizer.decoder
    marks = ["<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>"]
    tokenizer.add_special_tokens(marks)
    tokenizer.post_processor = begins_with(marks[0], tokenizer.token_to_id(marks[0]))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=marks[0],
        eos_token=marks[1],
        extra_special_tokens=marks[2:],
        chat_template=HEADERS,
        model_max_length=512,
    )


TOKENIZERS = {
    "qwen2": qwen_tokenizer,
    "qwen3": qwen_tokenizer,
    "mistral": mistral_tokenizer,
    "llama": llama_tokenizer,
}
CLASSES = {
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
    "mistral": (MistralConfig, MistralForCausalLM),
    "llama": (LlamaConfig, LlamaForCausalLM),
}


def tiny_llm(kind: str, seed: int = 0, tied: bool = False) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A causal language model (`qwen2`, `qwen3`, `mistral` or `llama`) in eval mode, and its tokenizer.

    The vocabulary of the Qwens is padded, as that of the real ones is, so that a new token needs no new row; those of
    Mistral and Llama are exactly as large as the tokenizer.

    Args:
        kind (`str`): one of `LLMS`.
        seed (`int`, *optional*, defaults to 0): of the random weights.
        tied (`bool`, *optional*, defaults to `False`): whether the head shares the embedding's weights.
    """
    tokenizer = TOKENIZERS[kind]()
    padded = kind.startswith("qwen")
    config_class, model_class = CLASSES[kind]
    sizes = {name: value for name, value in SIZE.items() if not (name == "head_dim" and kind == "qwen2")}
    config = config_class(
        **sizes,
        # Not the default, as in the real ones: a reader that misses it computes something else.
        rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        vocab_size=-(-(len(tokenizer) + 1) // 64) * 64 if padded else len(tokenizer),
        tie_word_embeddings=tied,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(seed)
    return model_class(config).eval(), tokenizer


def tiny_lmm(
    tower: str = "clip", llm: str = "qwen2", seed: int = 0
) -> tuple[LlavaForConditionalGeneration, LlavaProcessor]:
    """A tiny MMGeoLM in memory, in eval mode, and its processor: 16 image tokens for a picture of 32 x 32.

    Args:
        tower (`str`, *optional*, defaults to `"clip"`): `clip`, `altclip` or `siglip`.
        llm (`str`, *optional*, defaults to `"qwen2"`): one of `LLMS`.
        seed (`int`, *optional*, defaults to 0): of the random weights.
    """
    from mmgeolm import assemble

    mmclip, _ = tiny_mmclip(tower, seed)
    model, tokenizer = tiny_llm(llm, seed)
    lmm, processor = assemble(mmclip, model, tokenizer=tokenizer, seed=seed)
    return lmm.eval(), processor


def stir(model: PreTrainedModel) -> PreTrainedModel:
    """Weights as after training: no norm of ones, no bias of zeros, nothing that two layers share."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


def a_question(processor: LlavaProcessor, text: str = "Is AB 5?", image: Image.Image | None = None) -> BatchFeature:
    """Tensors of a question about a picture that is not square."""
    parts = [{"type": "image", "image": image or noise_image(3, (50, 20))}, {"type": "text", "text": text}]
    return processor.apply_chat_template(
        [{"role": "user", "content": parts}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )


@torch.no_grad()
def logits(model: PreTrainedModel, inputs: BatchFeature) -> torch.Tensor:
    """What a model predicts for a question."""
    return model(**inputs).logits
