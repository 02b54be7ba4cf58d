"""trl's SFTTrainer on a plan of Instructions records."""

import torch
from torch.utils.data import Sampler
from trl import SFTTrainer

from .process_group import release_model
from .sft_sampler import ModalityLengthSampler


class InstructionTrainer(SFTTrainer):
    """[`~trl.SFTTrainer`] that groups by length *and* modality, from the lengths known beforehand.

    `train_dataset` is a plan (see [`~trainers.instruction_data.check_instructions`]) read by an
    [`~trainers.instruction_data.InstructionReader`], `data_collator` an
    [`~trainers.sft_collator.InstructionCollator`].
    """

    def _get_train_sampler(self, train_dataset: torch.utils.data.Dataset | None = None) -> Sampler | None:
        args, plan = self.args, self.train_dataset.with_format(None)
        with_images = [len(images) > 0 for images in plan["images"]]
        if args.train_sampling_strategy != "group_by_length":
            if (self.is_deepspeed_enabled or self.is_fsdp_enabled) and len(set(with_images)) > 1:
                raise ValueError(
                    "Some records have images and some have none: where the model is sharded, processes with both at "
                    "once wait for each other forever. Set `train_sampling_strategy='group_by_length'`."
                )
            return super()._get_train_sampler(train_dataset)
        return ModalityLengthSampler(
            plan["length"][:],
            with_images,
            args.train_batch_size * args.gradient_accumulation_steps * args.world_size,
            args.data_seed if args.data_seed is not None else args.seed,
        )

    def end(self) -> None:
        """Finish the trackers and leave the process group; the last call of a script."""
        release_model(self)
        super().end()
