# Everything from here on needs nothing but Python 3.11 or newer and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test quick check bench dev clean

demo: $(READY)  ## the main job on the sample recording; results in out/demo
	$(BIN)/bartizan run configs/demo.yml --overwrite

test: $(READY)  ## all tests
	@# Two at a time: tests from end to end wait more than they work. What they say is shown afterwards.
	@log=$$(mktemp); \
	$(BIN)/python -m pytest tests/e2e >$$log 2>&1 & ends=$$!; \
	$(BIN)/python -m pytest --ignore=tests/e2e; rest=$$?; \
	wait $$ends; ends=$$?; cat $$log; rm -f $$log; \
	test $$rest -eq 0 && test $$ends -eq 0

quick: $(READY)  ## the tests that take less than ten seconds each
	$(BIN)/python -m pytest -q -m "not slow"

check: $(READY)  ## lint, formatting, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy pipeline stages lab tests benchmarks
	$(BIN)/lint-imports

bench: $(READY)  ## the numbers of the README, measured here
	$(BIN)/python -m benchmarks

dev: $(READY)  ## only set up

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Bartizan needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python -c 'import cv2' || { \
	  echo "OpenCV needs system libraries; trying to install them (libgl1 libglib2.0-0)"; \
	  apt-get update -qq && apt-get install -y -qq libgl1 libglib2.0-0 || \
	  { echo "please install libGL and GLib, on Debian: sudo apt-get install libgl1 libglib2.0-0"; exit 1; }; }
	touch $@

clean:
	rm -rf $(VENV) out build dist *.egg-info
