# One command each: set up, see it work, test, check. Everything is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?=
JOBS ?= auto

.PHONY: setup quickstart test check browser clean

setup: $(VENV)/.installed  ## everything needed to use, test and check isoclr

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

quickstart: setup  ## build → pretrain → embed → probe; DATA=dir runs it on real data
	PATH="$(CURDIR)/$(BIN):$$PATH" bash runs/quickstart.sh $(DATA)

test: setup  ## the whole test suite
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

check: setup  ## style, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

browser:  ## Debian's chromium, in which the benchmark's page is tested; without it these tests are skipped
	command -v chromium || { apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends chromium; }

clean:
	rm -rf $(VENV) quickstart-out
