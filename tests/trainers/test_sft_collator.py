"""The batch is the one that trl's own collator makes, in less time."""

import pytest
import torch
from tiny_llms import tiny_lmm
from tiny_models import noise_image
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

from trainers.sft_collator import InstructionCollator


def turns(*texts: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(texts)]


@pytest.mark.parametrize("llm", ["qwen2", "mistral", "llama"])
@pytest.mark.parametrize("images", [(1, 2, 0), (0, 0, 0)], ids=["with images", "text only"])
def test_the_batch_is_that_of_trls_collator(llm, images):
    _, processor = tiny_lmm("clip", llm)
    talks = [turns("AB?", "5"), turns("What is AB?", "5 red", "And CD?", "60 blue"), turns("Is AB red?", "AB is 5.")]
    examples = [
        {"images": [noise_image(10 * place + number) for number in range(count)], "messages": messages}
        for place, (count, messages) in enumerate(zip(images, talks, strict=True))
    ]
    ours = InstructionCollator(processor)([{**example, "name": "x"} for example in examples])
    theirs = DataCollatorForVisionLanguageModeling(processor, assistant_only_loss=True)(examples)
    assert ours.keys() == theirs.keys() and (ours["labels"] >= 0).any()
    for name, values in theirs.items():
        assert values.dtype == ours[name].dtype and torch.equal(values, ours[name]), name
