"""Training MMCLIP: Trainer, training arguments, collator."""

from .data_collator import BadRecord, DataCollatorForHardNegatives
from .mmclip_config import MMCLIPTrainingArguments
from .mmclip_trainer import MMCLIPTrainer

__all__ = ["BadRecord", "DataCollatorForHardNegatives", "MMCLIPTrainer", "MMCLIPTrainingArguments"]
