# Two commands do it all: `make run` (mine a history and see suggestions) and `make test`.
.DEFAULT_GOAL := run
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements/$(if $(filter Darwin,$(shell uname -s)),macos-arm64,linux-x86_64).lock
STAMP := $(VENV)/.installed

.PHONY: run test test-slow check format bench bench-reader bench-encoders bench-pairs bench-index fuzz docs lock clean

run: $(STAMP)
	@$(BIN)/jarvis mine --or-sample

test: check
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

test-slow: $(STAMP)
	@$(BIN)/python -m pytest -m slow

check: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(STAMP)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(STAMP)
	@$(BIN)/python -m benchmarks

bench-reader: $(STAMP)
	@$(BIN)/python -m benchmarks.reader

bench-pairs: $(STAMP)
	@$(BIN)/python -m benchmarks.pairs

bench-index: $(STAMP)
	@$(BIN)/python -m benchmarks.index

bench-encoders: $(STAMP)
	@$(BIN)/python -m benchmarks.encoders

fuzz: $(STAMP)
	@$(BIN)/python -m tests.fuzz

docs: $(STAMP)
	@$(BIN)/python -m docs.generate

lock:
	@scripts/lock.sh

clean:
	rm -rf $(VENV) build *.egg-info

$(STAMP): requirements/torch.txt $(LOCK) pyproject.toml
	@scripts/install.sh $(PYTHON) $(VENV) $(LOCK)
	@touch $@
