"""Checkpoints in other processes: where this library is not installed, and through a Hub."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from loopback_hub import LoopbackHub
from tiny_models import BACKBONES, noise_image, tiny_mmclip

TESTS = Path(__file__).parents[1]
# The library is on this machine; a finder in front of all others hides it.
HIDE = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"modeling_mmclip", "trainers", "dataset_builders", "evaluation", "mmgeolm"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hidden())
"""
LOAD = """
import torch
from transformers import AutoModel, AutoProcessor
model, info = AutoModel.from_pretrained(NAME, trust_remote_code=TRUST, output_loading_info=True)
processor = AutoProcessor.from_pretrained(NAME, trust_remote_code=TRUST)
from PIL import Image
batch = processor(images=[Image.open(IMAGE)], text=["AB = 6.", "AB = 7."])
with torch.no_grad():
    logits = model.eval()(**batch).logits_per_image
found = {"logits": logits.tolist(), "class": type(model).__name__}
found |= {name: list(info[name]) for name in ("missing_keys", "unexpected_keys")}
import json
print("RESULT", json.dumps(found))
"""


def run(program: str, folder: Path, **variables: str) -> subprocess.CompletedProcess:
    """Run a program in a folder of its own, with a cache of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "HF_HOME": str(folder / "cache"), "PYTHONPATH": str(TESTS), **variables}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, timeout=240
    )


def program(name: str, image: Path, trust: bool = True) -> str:
    """The loading program with its names filled in."""
    return f"NAME = {name!r}\nIMAGE = {str(image)!r}\nTRUST = {trust}\n{LOAD}"


def expected(kind: str, folder: Path) -> tuple[list, Path]:
    """The logits of the model here, and the image they are of."""
    model, processor = tiny_mmclip(kind)
    noise_image(5, (40, 24)).save(folder / "diagram.png")
    batch = processor(images=[noise_image(5, (40, 24))], text=["AB = 6.", "AB = 7."])
    with torch.no_grad():
        return model(**batch).logits_per_image.tolist(), folder / "diagram.png"


def check(done: subprocess.CompletedProcess, logits: list) -> None:
    """The other process has the model whole, and its outputs are those of this one, to rounding."""
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("RESULT")).split(" ", 1)[1])
    assert found["class"] == "MMCLIPModel" and not found["missing_keys"] and not found["unexpected_keys"]
    assert torch.allclose(torch.tensor(found["logits"]), torch.tensor(logits), atol=1e-5)


@pytest.mark.parametrize("kind", BACKBONES)
def test_a_checkpoint_loads_where_the_library_is_not_installed(kind, tmp_path):
    logits, image = expected(kind, tmp_path)
    model, processor = tiny_mmclip(kind)
    model.save_pretrained(tmp_path / "saved")
    processor.save_pretrained(tmp_path / "saved")
    done = run(HIDE + program(str(tmp_path / "saved"), image), tmp_path / "elsewhere")
    check(done, logits)


def test_without_trust_its_code_does_not_run(tmp_path):
    _, image = expected("clip", tmp_path)
    model, processor = tiny_mmclip("clip")
    model.save_pretrained(tmp_path / "saved")
    processor.save_pretrained(tmp_path / "saved")
    done = run(HIDE + program(str(tmp_path / "saved"), image, trust=False), tmp_path / "elsewhere")
    assert done.returncode != 0 and "trust_remote_code" in done.stderr


PUSH = """
from tiny_models import tiny_mmclip
model, processor = tiny_mmclip(KIND)
model.push_to_hub("me/tiny")
processor.push_to_hub("me/tiny")
"""


@pytest.mark.parametrize("kind", BACKBONES)
def test_pushed_to_a_hub_it_loads_from_there(kind, tmp_path):
    logits, image = expected(kind, tmp_path)
    with LoopbackHub() as hub:
        variables = hub.environment(tmp_path / "home")
        root = f"{TESTS}{os.pathsep}{TESTS.parent}"
        pushed = run(f"KIND = {kind!r}\n{PUSH}", tmp_path / "push", **{**variables, "PYTHONPATH": root})
        assert pushed.returncode == 0, pushed.stderr[-3000:]
        assert hub.unknown == []
        files = hub.files["me/tiny"]
        assert {"config.json", "model.safetensors", "modeling_mmclip.py", "processor_config.json"} <= set(files)
        assert "AutoModel" in json.loads(files["config.json"])["auto_map"]
        with_library = run(
            "import modeling_mmclip\n" + program("me/tiny", image, trust=False),
            tmp_path / "with",
            **{**variables, "PYTHONPATH": root},
        )
        check(with_library, logits)
        elsewhere = {**hub.environment(tmp_path / "other home"), "PYTHONPATH": str(TESTS)}
        without = run(HIDE + program("me/tiny", image), tmp_path / "without", **elsewhere)
        check(without, logits)
