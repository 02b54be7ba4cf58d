"""What is installed, what this machine can do, and what to install for what is missing: `mmgeolm doctor`."""

import importlib
import os
import platform
import textwrap
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, NamedTuple

NAME = "mmgeolm"
WIDTH = 100
CONFINEMENTS = ("landlock", "bubblewrap")
# They bring compiled libraries, which may be installed and still not load.
COMPILED = ("torch", "skia", "faiss", "sentencepiece", "pyarrow")


class Optional(NamedTuple):
    """A package that some commands need and others do not.

    Attributes:
        package: Its name for pip.
        module: Its name for `import`.
        purpose: What needs it.
        install: The command that installs it.
    """

    package: str
    module: str
    purpose: str
    install: str


OPTIONAL = (
    Optional(
        "sentence-transformers",
        "sentence_transformers",
        "similar captions and questions by a language model (--model of negatives retrieval, contamination)",
        "pip install 'mmgeolm[retrieval]'",
    ),
    Optional("openai", "openai", "negatives llm, negatives rules --engine llm", "pip install 'mmgeolm[llm]'"),
    Optional("gradio", "gradio", "demo", "pip install 'mmgeolm[demo]'"),
    Optional("ray", "ray", "negatives, --ray", "pip install 'mmgeolm[ray]'"),
    Optional("vllm", "vllm", "evaluate --engine vllm", "pip install vllm"),
    Optional("deepspeed", "deepspeed", "training a large model on several GPUs", "pip install deepspeed"),
    Optional("openpyxl", "openpyxl", "evaluate, responses in .xlsx", "pip install openpyxl"),
    Optional("trackio", "trackio", "--report_to trackio", "pip install trackio"),
    Optional("wandb", "wandb", "--report_to wandb", "pip install wandb"),
    Optional("tensorboard", "tensorboard", "--report_to tensorboard", "pip install tensorboard"),
)


def remedy(module: str) -> str:
    """What to do where a module of another package cannot be imported, in one sentence."""
    for part in OPTIONAL:
        if part.module == module.partition(".")[0]:
            return f"the package {part.package} is not installed: {part.install}"
    return f"{module} is not installed; `mmgeolm doctor` tells what is missing and how to install it."


def diagnosis() -> dict[str, Any]:
    """Everything that `mmgeolm doctor` tells, as JSON values: no paths, no names of people or machines, no variables.

    Returns:
        `dict`: `versions` of the required packages (`None` where missing), `problems` with their remedies (sentences),
        `platform`, `cpu` (cores, memory in GiB, whether it multiplies bfloat16), `gpus` (name, memory in GiB,
        bfloat16), `sandbox` (of each confinement an empty text where it works, or what is in its way), and `optional`
        (versions, or `None`).
    """
    versions, problems = required_packages()
    return {
        "mmgeolm": _version(NAME),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "versions": versions,
        "problems": problems + unloadable() + unused_gpu(),
        "cpu": cpu(),
        "gpus": gpus(),
        "sandbox": sandbox(),
        "optional": {part.package: _version(part.package) for part in OPTIONAL},
    }


def required_packages() -> tuple[dict[str, str | None], list[str]]:
    """Versions of what MMGeoLM requires, and a sentence for each package that is missing or too old."""
    try:
        from packaging.requirements import Requirement

        needed = [Requirement(line) for line in requires(NAME) or []]
    except ModuleNotFoundError as problem:  # PackageNotFoundError, of mmgeolm, is one
        return {}, [
            f"{problem.name} is not installed, so that requirements cannot be read: pip install {problem.name}"
        ]
    versions, problems = {}, []
    for each in needed:
        if each.marker is not None and not each.marker.evaluate({"extra": ""}):
            continue
        found = versions[each.name] = _version(each.name)
        if found is None:
            problems.append(f"{each.name} is not installed: pip install '{each.name}{each.specifier}'")
        elif not each.specifier.contains(found, prereleases=True):
            problems.append(f"{each.name} {found} is not {each.specifier}: pip install '{each.name}{each.specifier}'")
    return versions, problems


def unloadable() -> list[str]:
    """A sentence for each compiled package that is installed and cannot be loaded."""
    problems = []
    for module in COMPILED:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as problem:
            if problem.name != module:  # else it is missing, which `required_packages` tells
                problems.append(f"{module} cannot be loaded: {_line(problem)}")
        except (ImportError, OSError) as problem:
            libraries = "; for libGL and libEGL: apt install libgl1 libegl1" if module == "skia" else ""
            problems.append(f"{module} cannot be loaded: {_line(problem)}{libraries}")
    return problems


def cpu() -> dict[str, Any]:
    """Cores that this process may use, memory in GiB, and whether bfloat16 is fast."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError):  # not on Windows
        memory = None
    return {"cores": cores, "memory_gib": memory and round(memory, 1), "multiplies_bfloat16": _fast_bfloat16()}


def gpus() -> list[dict[str, Any]]:
    """The accelerators that torch can use, with memory in GiB."""
    try:
        import torch
    except (ImportError, OSError):
        return []
    found = []
    for index in range(torch.cuda.device_count()):
        device = torch.cuda.get_device_properties(index)
        fast = device.major >= 8 or torch.version.hip is not None
        found.append({"name": device.name, "memory_gib": round(device.total_memory / 2**30, 1), "bfloat16": fast})
    if torch.backends.mps.is_available():
        found.append({"name": "Apple GPU (mps)", "memory_gib": None, "bfloat16": True})
    return found


def unused_gpu() -> list[str]:
    """A sentence where there is an NVIDIA GPU and a torch that was built without CUDA."""
    built = _version("torch")
    if built is None or not Path("/proc/driver/nvidia/version").exists() or gpus():
        return []
    return [
        f"there is an NVIDIA driver, but torch {built} finds no GPU: install a build for CUDA, pip install --upgrade "
        "--force-reinstall torch, and see that nvidia-smi lists the GPU"
    ]


def sandbox() -> dict[str, str]:
    """Whether drawing scripts can be confined: of each confinement what is in its way, or nothing."""
    try:
        from dataset_builders.sandbox import confine
    except ModuleNotFoundError as problem:
        return dict.fromkeys(CONFINEMENTS, f"cannot be tried, as {problem.name} is not installed")
    found = {}
    for confinement in CONFINEMENTS:
        try:
            confine.check(confinement)
            found[confinement] = ""
        except OSError as problem:
            found[confinement] = str(problem)
    return found


def report(found: dict[str, Any]) -> str:
    """A diagnosis as text of at most 100 columns."""
    lines = [f"mmgeolm {found['mmgeolm'] or '(not installed)'}, Python {found['python']}, {found['platform']}"]
    versions = ", ".join(f"{name}\0{number or 'MISSING'}" for name, number in found["versions"].items())
    # No break between a name and its version, or within a name.
    lines += [line.replace("\0", " ") for line in textwrap.wrap(versions, WIDTH, break_on_hyphens=False)]
    lines += ["", *_machine(found), "", "Optional parts:"]
    for part in OPTIONAL:
        number = found["optional"][part.package]
        state = number or f"not installed; for {part.purpose}: {part.install}"
        lines += _wrapped([f"  {part.package}: {state}"])
    lines += ["", *_wrapped(found["problems"] or ["Everything that is required is there."])]
    return "\n".join(lines)


def _machine(found: dict[str, Any]) -> list[str]:
    cores, memory, fast = found["cpu"].values()
    speed = {True: "multiplies bfloat16", False: "no fast bfloat16: `mmgeolm quickstart` takes fewer steps", None: ""}
    size = "" if memory is None else f", {memory} GiB"
    lines = [f"CPU: {cores} cores{size}; {speed[fast]}".rstrip("; ")]
    for gpu in found["gpus"]:
        size = "" if gpu["memory_gib"] is None else f", {gpu['memory_gib']} GiB"
        lines.append(f"GPU: {gpu['name']}{size}; {'bf16' if gpu['bfloat16'] else 'fp16, no fast bf16'}")
    if not found["gpus"]:
        lines.append("GPU: none that torch can use; the quickstart and every small run need none")
    for confinement, problem in found["sandbox"].items():
        lines += _wrapped([f"Sandbox by {confinement}: {problem or 'works'}"])
    return lines


def _wrapped(sentences: list[str]) -> list[str]:
    lines = []
    for sentence in sentences:
        lines += textwrap.wrap(sentence, WIDTH, subsequent_indent="    ", break_on_hyphens=False)
    return lines


def _fast_bfloat16() -> bool | None:
    try:
        import torch
    except (ImportError, OSError):
        return None
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _line(problem: Exception) -> str:
    return " ".join(str(problem).split())[:200]
