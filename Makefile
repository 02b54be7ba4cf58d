# The commands of the project; `make` alone lists them. Each makes .venv from pyproject.toml if it is not there.
PYTHON ?= python3
# Pinned, because an open range would take the newest build with gigabytes of CUDA packages.
TORCH ?= torch==2.13.0
VENV := .venv
RUN := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help quickstart test check format bench clean

help:  ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "MMGeoLM needs Python 3.11 or later; set PYTHON=")'
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q $(TORCH)
	$(VENV)/bin/pip install -q -e '.[dev]'
	touch $@

quickstart: $(VENV)/.installed  ## train an encoder with hard negatives and compare it (about 8 minutes, 2 cores)
	$(RUN)/mmgeolm quickstart --output_dir runs/quickstart

test: $(VENV)/.installed  ## run the tests (offline)
	$(RUN)/python -m pytest tests

check: $(VENV)/.installed  ## lint and check formatting
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

format: $(VENV)/.installed  ## format the code
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(VENV)/.installed  ## measure drawing, building, memory and step time against peers and limits
	$(RUN)/python bench/draw_rate.py
	$(RUN)/python bench/build_rate.py
	$(RUN)/python bench/memory_vs_negatives.py
	$(RUN)/python bench/step_time.py

clean:  ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache *.egg-info
