"""The options of `mmgeolm evaluate` about the model that is asked."""

from dataclasses import dataclass, field

ENGINES = ("transformers", "vllm")
OFFICIAL = "the benchmark's own"


@dataclass
class GenerationArguments:
    """What answers a benchmark's questions, and how."""

    model: str = field(default="", metadata={"help": "What answers: an LMM or an adapter of one, a folder or a name."})
    image_folder: str | None = field(
        default=None, metadata={"help": "Where the pictures are; by default beside, or inside, the data."}
    )
    engine: str = field(default="transformers", metadata={"help": f"One of {', '.join(ENGINES)}."})
    batch_size: int = field(default=8, metadata={"help": "Questions at a time; hundreds for vllm."})
    max_new_tokens: int = field(default=1024, metadata={"help": "Most tokens of a response."})
    dtype: str = field(default="auto", metadata={"help": "Of the weights; by default the checkpoint's."})
    prompt: str | None = field(
        default=None, metadata={"help": "A Jinja file with a wording in place of the benchmark's own."}
    )
    distort: list[str] = field(
        default_factory=list, metadata={"help": "Distortions of the pictures, such as rotate30, in this order."}
    )
    tensor_parallel_size: int = field(default=1, metadata={"help": "GPUs that vllm divides the model over."})
