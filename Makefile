# Set up, try, test and check isoclr. Everything is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA ?=
JOBS ?= auto
PIP := $(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt
# --no-compile: Python compiles what is imported, once, and keeps it; many modules of torch never are.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup quickstart test faults check docs browser clean

setup: $(VENV)/.installed  ## install what is needed to use, test and check isoclr

$(VENV)/.installed: $(VENV)/.package
	$(PIP) --editable '.[dev]'
	touch $@

$(VENV)/.package: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

quickstart: $(VENV)/.package  ## the whole path on real mRNAs that ship, in minutes; DATA=folder runs it on more
	PATH="$(CURDIR)/$(BIN):$$PATH" bash runs/quickstart.sh $(DATA)

test: setup  ## run all tests
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

faults: setup  ## the longer form of tests/faults: every write of every command fails in every way
	FAULTS=all $(BIN)/python -m pytest -n $(JOBS) --dist worksteal tests/faults

check: setup  ## check style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: setup  ## build the documentation site in site/; a broken link is an error
	$(PIP) --editable '.[docs]'
	$(BIN)/mkdocs build --strict --quiet

browser:  ## install Debian's chromium for the tests of the evaluation page, which are skipped without it
	command -v chromium || { apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends chromium; }

clean:
	rm -rf $(VENV) quickstart-out site
