# make demo, make test and make check each set up what they need, in a virtual environment in the tree.
PYTHON ?= python3
# compiled once: servers that tests start, and the next run, need not do it again
export PYTHONDONTWRITEBYTECODE :=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check lint types contracts bench clean wheel

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("secondline needs Python 3.11 or newer; %s is %s. Set PYTHON=/path/to/python3.11 and run make again." % (sys.executable, sys.version.split()[0]) if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP)
	$(BIN)/secondline demo

test: $(STAMP)
	$(BIN)/python -m tests.debian
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --max-worker-restart 2

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

contracts: $(STAMP)
	$(BIN)/lint-imports

check: lint types contracts test

wheel: $(STAMP)
	$(BIN)/python -m build --wheel

bench: $(STAMP)
	$(BIN)/python -m bench.session

clean:
	rm -rf $(VENV) build dist *.egg-info

docs: $(STAMP)
	$(BIN)/python docs/generate.py
	$(BIN)/python -m tests.conformance.page
	$(BIN)/python docs/tr131.py
	$(BIN)/python docs/monitoring/dashboard.py
.PHONY: docs
