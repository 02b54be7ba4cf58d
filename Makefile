# The commands of the project; `make` alone lists them. Each makes .venv from pyproject.toml if it is not there.
PYTHON ?= python3
# Pinned, because an open range would take the newest build with gigabytes of CUDA packages.
TORCH ?= torch==2.13.0
VENV := .venv
RUN := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help quickstart test coverage check format bench docs clean

help:  ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "MMGeoLM needs Python 3.11 or later; set PYTHON=")'
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q $(TORCH)
	$(VENV)/bin/pip install -q -e '.[dev]'
	touch $@

quickstart: $(VENV)/.installed  ## train encoders with and without hard negatives, an LMM on each, and compare (2 cores)
	$(RUN)/mmgeolm quickstart --output_dir runs/quickstart

test: $(VENV)/.installed  ## run the tests (offline)
	$(RUN)/python -m pytest tests

coverage: $(VENV)/.installed  ## run the tests, and report lines, branches and public functions that none of them runs
	$(VENV)/bin/coverage erase
	$(RUN)/coverage run -m pytest tests
	$(VENV)/bin/coverage combine -q
	$(VENV)/bin/coverage report
	$(VENV)/bin/coverage json -q
	$(VENV)/bin/python tests/untested.py coverage.json

check: $(VENV)/.installed  ## lint, check formatting and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/pyrefly check --python-interpreter-path $(VENV)/bin/python

format: $(VENV)/.installed  ## format the code
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(VENV)/.installed  ## measure drawing, building, memory, steps and answering against peers and limits
	$(RUN)/python bench/draw_rate.py
	$(RUN)/python bench/build_rate.py
	$(RUN)/python bench/memory_vs_negatives.py
	$(RUN)/python bench/step_time.py
	$(RUN)/python bench/evaluate.py

docs: $(VENV)/.installed  ## build the site of docs/ into site/
	$(VENV)/bin/pip install -q -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

clean:  ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .ruff_cache .coverage* coverage.json *.egg-info
