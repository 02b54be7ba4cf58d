"""Tests run offline, on the CPU, one thread, without progress bars; real data is read where it is to be had."""

import os
from pathlib import Path

import pytest

os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_DATASETS_OFFLINE="1",
    TOKENIZERS_PARALLELISM="false",
    OMP_NUM_THREADS="1",
    CUDA_VISIBLE_DEVICES="",
)

import torch  # noqa: E402

torch.set_num_threads(1)

REAL_DATA = Path(os.environ.get("MMGEOLM_REAL_DATA", Path(__file__).parents[2] / "shared" / "realdata"))


@pytest.fixture(autouse=True)
def seeded():
    """Every test starts from the same random state."""
    torch.manual_seed(0)


@pytest.fixture
def real_data() -> Path:
    """The folder of real samples, named by MMGEOLM_REAL_DATA."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no real data at {REAL_DATA}; name its folder with MMGEOLM_REAL_DATA")
    return REAL_DATA
