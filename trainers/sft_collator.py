"""Conversations about images → a batch whose loss falls on the answers and their end marks alone."""

import io
import logging
from dataclasses import dataclass, field
from typing import Any

import torch
from PIL import Image, ImageOps
from trl.data_utils import prepare_multimodal_messages
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

from modeling_mmclip.processing_mmclip import as_rgb

from .instruction_data import Unusable

logger = logging.getLogger(__name__)

IGNORED = -100


@dataclass
class InstructionCollator(DataCollatorForVisionLanguageModeling):
    """trl's collator, which also opens the images and leaves out a record whose image turns out to be broken.

    Args:
        processor ([`~transformers.ProcessorMixin`]): with `{% generation %}` marks in its chat template.

    Returns, for a batch of B records with I images and L tokens, image tokens included:
        `pixel_values (I, 3, H, W)`, `input_ids`, `attention_mask`, `labels (B, L)`, padded on the right. Labels are
        −100 but on answers and their end marks. B is smaller where a record was left out; without any usable record
        the batch is one of them with a blank image, and all labels are −100: in a distributed step every process has
        to take part.
    """

    assistant_only_loss: bool = True
    max_length: int | None = None
    # In shared memory, since workers and the trainer both look at it; the names are kept by each process for itself.
    left_out: torch.Tensor = field(default_factory=lambda: torch.zeros((), dtype=torch.long).share_memory_())
    _names: set[str] = field(default_factory=set, init=False, repr=False)

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        usable = []
        for example in examples:
            try:
                images = [opened(image) for image in example["images"]]
                usable.append({"images": images, "messages": example["messages"]})
            except Unusable as problem:
                self._leave_out(example["name"], problem)
        if usable:
            return self._batch(usable)
        blank = [Image.new("RGB", (8, 8), "white") for _ in examples[0]["images"]]
        batch = self._batch([{"images": blank, "messages": examples[0]["messages"]}])
        batch["labels"] = torch.full_like(batch["labels"], IGNORED)
        return batch

    def _batch(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """What trl's collator makes of the examples, in a fifth of the time.

        Asked for tensors at once, the processor looks for the answers in a tensor of offsets, number by number
        (transformers 5.24); lists are turned to tensors afterwards.
        """
        output = self.processor.apply_chat_template(
            [prepare_multimodal_messages(example["messages"], images=example["images"]) for example in examples],
            chat_template=self.chat_template,
            tokenize=True,
            return_dict=True,
            return_tensors=None,
            return_assistant_tokens_mask=True,
            processor_kwargs={"padding": True, "padding_side": "right", "add_special_tokens": False},
        ).convert_to_tensors("pt")
        # The beginning-of-sequence mark, where there is one, is written by the template: not added twice.
        answers = (output.pop("assistant_masks") == 1) & (output["attention_mask"] == 1)
        return {**output, "labels": output["input_ids"].masked_fill(~answers, IGNORED)}

    def _leave_out(self, name: str, problem: Unusable) -> None:
        if name not in self._names:
            logger.warning("Left out during training: %s: %s", name, problem)
        self._names.add(name)
        self.left_out += 1


def opened(image: Any) -> Image.Image:
    """An image in RGB, decoded whole, upright and on white, from a PIL image or the `{"bytes", "path"}` of a column.

    Raises:
        Unusable: when it cannot be read to its end.
    """
    if isinstance(image, Image.Image):
        return as_rgb(image)
    data, path = image.get("bytes"), image.get("path")
    try:
        with Image.open(path if data is None else io.BytesIO(data)) as picture:
            return as_rgb(ImageOps.exif_transpose(picture))
    except Exception as error:  # PIL's readers raise many types on a broken file
        raise Unusable("image", f"{path or 'its image'} cannot be decoded ({error}).") from None
