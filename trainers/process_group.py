"""The end of training by several processes."""

from transformers import Trainer


def release_model(trainer: Trainer) -> None:
    """Let go of the wrapped model; to be called before the process group is left.

    As the group's last holder it would take the group down under the GIL, which gloo's thread may be waiting for: the
    process never ends (torch 2.13, pytorch/pytorch#56297 and #190489).
    """
    trainer.model_wrapped = trainer.model
    trainer.accelerator.free_memory()
