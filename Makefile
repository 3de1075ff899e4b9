# make install | run | test | lint | benchmarks      needs python3 (3.11 or newer, with venv) and make
PYTHON ?= python3
# Another build of torch, e.g.: make install TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"
TORCH ?= torch==2.13.0

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: install run test lint benchmarks lock clean system

install: system $(READY)

system:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or newer" >&2; exit 1; }
	@$(PYTHON) packaging/check_python.py
	@$(PYTHON) packaging/system_libraries.py

$(BIN)/python: | system
	$(PYTHON) -m venv $(VENV)

$(READY): pyproject.toml packaging/constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install $(TORCH) -c packaging/constraints.txt
	$(BIN)/python -m pip install -e ".[dev]" -c packaging/constraints.txt
	@touch $@

# The window; where there is no display, the guided demo under a virtual screen.
run: install
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then $(BIN)/medsynth; \
	else out=demo-output; n=1; while [ -e "$$out" ]; do n=$$((n + 1)); out=demo-output-$$n; done; \
	$(BIN)/medsynth demo --out "$$out" --headless; fi

test: lint
	$(BIN)/python -m tests

lint: install
	$(BIN)/ruff check medsynth_app tests packaging
	$(BIN)/mypy
	$(BIN)/lint-imports

benchmarks: install
	$(BIN)/python -m tests.benchmarks

lock:
	sh packaging/lock.sh

clean:
	rm -rf build dist demo-output demo-output-* .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
