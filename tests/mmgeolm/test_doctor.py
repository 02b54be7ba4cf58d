"""What `mmgeolm doctor` tells, here and where nothing is installed."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from mmgeolm.doctor import OPTIONAL, diagnosis, remedy, report
from mmgeolm.scripts.doctor import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found() -> dict:
    return diagnosis()


def test_versions_are_those_that_are_installed_and_nothing_is_wrong(found):
    assert found["versions"]["transformers"] == version("transformers")
    assert {"torch", "datasets", "trl", "peft", "accelerate", "skia-python"} <= found["versions"].keys()
    assert "pytest" not in found["versions"]  # what only developers need
    assert None not in found["versions"].values() and found["problems"] == []


def test_the_machine_is_described(found):
    assert found["cpu"]["cores"] == len(os.sched_getaffinity(0)) and found["cpu"]["memory_gib"] > 0.5
    assert found["gpus"] == []  # hidden from tests
    assert set(found["sandbox"]) == {"landlock", "bubblewrap"}


def test_an_optional_part_has_a_version_or_what_it_is_for_and_how_to_install_it(found):
    text = " ".join(report(found).split())
    for part in OPTIONAL:
        number = found["optional"][part.package]
        line = f"{part.package}: {number}" if number else f"{part.package}: not installed; for {part.purpose}:"
        assert line in text and (number or part.install in text)
    without = {**found, "optional": dict.fromkeys(found["optional"])}
    assert "openai: not installed; for negatives llm" in report(without)
    assert "pip install 'mmgeolm[llm]'" in report(without)


def test_the_report_fits_a_screen_and_names_what_is_wrong(found):
    worst = {
        **found,
        "versions": {**found["versions"], "peft": None},
        "problems": ["peft is not installed: pip install 'peft>=0.21'"],
        "gpus": [{"name": "NVIDIA H100 80GB HBM3", "memory_gib": 79.2, "bfloat16": True}],
        "optional": dict.fromkeys(found["optional"]),
    }
    lines = report(worst).splitlines()
    assert len(lines) <= 40 and max(map(len, lines)) <= 100
    assert "peft MISSING" in "\n".join(lines) and lines[-1] == "peft is not installed: pip install 'peft>=0.21'"
    assert "GPU: NVIDIA H100 80GB HBM3, 79.2 GiB; bf16" in lines


def test_json_is_the_diagnosis_without_anything_private(found, capsys, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    main(["--json", "true"])
    printed = capsys.readouterr().out
    assert json.loads(printed) == found
    for private in ("hf_secret", str(Path.home()), str(ROOT), os.uname().nodename + ".", sys.prefix):
        assert private not in printed


def test_it_runs_where_no_package_is_installed():
    done = subprocess.run(
        [sys.executable, "-S", "-m", "mmgeolm", "doctor"], capture_output=True, text=True, cwd=ROOT, timeout=60
    )
    assert done.returncode == 0 and done.stderr == ""
    assert "mmgeolm 0" not in done.stdout.replace("mmgeolm 0.1.0", "")
    assert "openai: not installed" in done.stdout and "pip install" in done.stdout.splitlines()[-1]


def test_a_module_that_cannot_be_imported_has_a_remedy():
    for part in OPTIONAL:
        assert remedy(f"{part.module}.inner") == f"the package {part.package} is not installed: {part.install}"
    assert remedy("yaml") == "yaml is not installed; `mmgeolm doctor` tells what is missing and how to install it."
