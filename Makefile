# Each target first makes what it needs of the virtual environment .venv. Begin with `make demo`.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --disable-pip-version-check --no-warn-conflicts -c constraints.txt
SLOW_NOTEBOOKS := notebooks/port_mobile_sam.ipynb
NOTEBOOKS = $(filter-out $(SLOW_NOTEBOOKS), $(wildcard notebooks/*.ipynb))
REST := slow or browser or emulator or agpl or fuzz

.DELETE_ON_ERROR:
.PHONY: help demo test test-all lab lint pycuda-wheel clean

help:
	@echo "make demo      see a trained detector ported: first its engine alone, then line by line against PyTorch"
	@echo "make lab       JupyterLab with the notebooks; the workbench as a widget is opened"
	@echo "make test      ruff, mypy, the default tests and the notebooks"
	@echo "make test-all  the rest: slow, browser (chromium), emulator (g++), fuzz, and AGPL originals"
	@echo "make lint      ruff and mypy alone"
	@echo "make pycuda-wheel  build PyCUDA for a GPU machine, on one without a GPU (docs/gpu.md)"
	@echo "make clean     remove .venv and caches"
	@echo "PYTHON=python3.12 makes .venv with that Python; any from 3.11 on will do"

# One stamp per layer of the environment, each on top of the one before, so that nothing is installed twice.
$(VENV)/base: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, $(PYTHON) is " \
	  + sys.version.split()[0] + "; name another: make PYTHON=python3.12 ...")'
	@test -x $(VENV)/bin/pip || $(PYTHON) -m venv $(VENV)
	$(PIP) -q -e .
	@touch $@

$(VENV)/port: $(VENV)/base originals.txt
	$(PIP) -e '.[port,models]'
	$(PIP) --no-deps -r originals.txt
	@touch $@

$(VENV)/test: $(VENV)/port
	$(PIP) -q -e '.[test]'
	@touch $@

$(VENV)/agpl: $(VENV)/test originals-agpl.txt
	$(PIP) -q -e '.[models-agpl]'
	$(PIP) -q --no-deps -r originals-agpl.txt
	@touch $@

demo: $(VENV)/base
	@$(PY) -m workbench.demo --sample
	@test -e $(VENV)/port || printf '%s\n' "" "That was the engine alone. To port the model itself, PyTorch, JupyterLab and the" \
	  "original model come next: on x86-64 Linux 3.3 GB to download and 6.6 GB on disk," \
	  "some 7 minutes at 100 Mbit/s. Ctrl-C stops it; make demo takes it up again." ""
	@$(MAKE) --no-print-directory $(VENV)/port
	@$(PY) -m workbench.demo

test: $(VENV)/test lint
	$(PY) -m pytest -m "not ($(REST))" --nbval-lax --nbval-current-env tests $(NOTEBOOKS)

test-all: $(VENV)/agpl
	$(PY) -m pytest -m "$(REST)" tests
	$(PY) -m pytest --nbval-lax --nbval-current-env $(SLOW_NOTEBOOKS) notebooks/agpl

lab: $(VENV)/port
	$(PY) -m jupyter lab notebooks/02_workbench_widget.ipynb

lint: $(VENV)/test
	$(PY) -m ruff check .
	$(PY) -m mypy

pycuda-wheel:
	$(PYTHON) tools/pycuda_wheel.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
