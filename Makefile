# Everything here works on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check types docs bench clean

demo: $(STAMP)
	$(BIN)/taskpaint demo demo

test: $(STAMP)
	$(BIN)/python -m pytest -n auto -m "not ray"
	$(BIN)/python -m pytest -m ray tests/engines

check: $(STAMP) types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/python docs/generate.py --check

# mypy finds a package by its folder's name; the link gives it the right one whatever the checkout is called.
types: $(STAMP)
	mkdir -p .build/types
	ln -sfn "$(CURDIR)" .build/types/taskpaint
	cd .build/types && "$(CURDIR)/$(BIN)/mypy" --config-file taskpaint/pyproject.toml --cache-dir ../mypy --no-namespace-packages -p taskpaint

docs: $(STAMP)
	$(BIN)/python docs/generate.py

bench: $(STAMP)
	$(BIN)/python benchmarks/summary.py $(or $(BENCH),--quick)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt -e ".[dev]"
	touch $(STAMP)

clean:
	rm -rf $(VENV) .build build demo
