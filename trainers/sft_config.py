"""Training arguments of alignment (stage 2) and SFT (stage 3)."""

from dataclasses import dataclass, field

from trl import SFTConfig


@dataclass
class InstructionConfig(SFTConfig):
    r"""Arguments of SFT; everything of [`~trl.SFTConfig`] keeps working.

    > [!NOTE]
    > Defaults that differ, as in the paper: `learning_rate` 2e-5, `num_train_epochs` 3,
    > `per_device_train_batch_size` 2, `lr_scheduler_type` cosine, `warmup_steps` 0.03 (a share of all steps),
    > `weight_decay` 0, `train_sampling_strategy` group_by_length (and modality), `activation_checkpointing` True.
    > Others differ since nothing else is right here: `assistant_only_loss` True, `remove_unused_columns` False.
    > `max_length` (2048) is the most tokens of a record; longer ones are left out, not cut.
    """

    learning_rate: float = field(default=2e-5, metadata={"help": "Initial learning rate."})
    num_train_epochs: float = field(default=3.0, metadata={"help": "Times to go through the records."})
    per_device_train_batch_size: int = field(default=2, metadata={"help": "Records per process and step."})
    lr_scheduler_type: str = field(default="cosine", metadata={"help": "Learning rate schedule."})
    warmup_steps: float = field(
        default=0.03, metadata={"help": "Warm-up: a number of steps, or below 1 a share of them."}
    )
    weight_decay: float = field(default=0.0, metadata={"help": "Weight decay."})
    max_length: int | None = field(
        default=2048,
        metadata={"help": "Most tokens of a record with its images; longer ones are left out, never cut."},
    )
    train_sampling_strategy: str = field(
        default="group_by_length",
        metadata={"help": "group_by_length (and modality), random, or sequential."},
    )
    # Both unset, so that the one that is set can be told; see __post_init__.
    activation_checkpointing: bool | None = field(
        default=None,
        metadata={"help": "Compute activations twice to save memory (default: true).", "nargs": "?", "const": True},
    )
    gradient_checkpointing: bool | None = field(
        default=None, metadata={"help": "Old name of activation_checkpointing.", "nargs": "?", "const": True}
    )
    assistant_only_loss: bool = field(default=True, metadata={"help": "Must stay True: the loss is on answers."})
    remove_unused_columns: bool = field(default=False, metadata={"help": "Must stay False: columns are references."})

    def __post_init__(self) -> None:
        if self.activation_checkpointing is None and self.gradient_checkpointing is None:
            self.activation_checkpointing = True
        super().__post_init__()
        fixed = {"assistant_only_loss": True, "remove_unused_columns": False, "packing": False, "padding_free": False}
        for name, value in fixed.items():
            if getattr(self, name) != value:
                raise ValueError(
                    f"You set `{name}={getattr(self, name)}`; with images only {value} is right. Leave it out."
                )
        if self.train_sampling_strategy not in ("group_by_length", "random", "sequential"):
            raise ValueError(
                f"You set `train_sampling_strategy={self.train_sampling_strategy!r}`; it must be group_by_length, "
                "random or sequential."
            )


@dataclass
class AlignmentConfig(InstructionConfig):
    r"""Arguments of alignment: those of [`InstructionConfig`] with the paper's `learning_rate` 1e-3 and
    `per_device_train_batch_size` 24, in random order."""

    learning_rate: float = field(default=1e-3, metadata={"help": "Initial learning rate."})
    per_device_train_batch_size: int = field(default=24, metadata={"help": "Records per process and step."})
    train_sampling_strategy: str = field(
        default="random", metadata={"help": "group_by_length (and modality), random, or sequential."}
    )
