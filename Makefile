# make demo: set up and train the digits; make test: set up and run every test. A second call sets nothing up again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# byte code makes TensorFlow import three times faster, whatever the environment says about writing it
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test quick proofs lint bench setup clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "nnlab needs Python 3.11 or newer; name one with: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib src || true
	@touch $@

demo: setup
	$(BIN)/nnlab train configs/digits_mlp.yaml

# a process for each core; the tests of a file stay together, as they share what they have trained; the slow ones begin
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
test: setup
	$(PYTEST)

# the tests that need no TensorFlow, in seconds
quick: setup
	$(PYTEST) -m "not tf" --inputs 30

# the long forms of the tests, hours of them, a million made-up configs among them; docs/proofs.md says what came out
INPUTS ?= 150000
proofs: setup
	$(BIN)/python scripts/prove.py --inputs $(INPUTS) --write docs/proofs.md

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# every table of docs/speed.md; OUTSIDE names a Python that has benchmarks/requirements.txt
OUTSIDE ?= $(BIN)/python
bench: setup
	$(BIN)/python benchmarks/epochs.py --outside $(OUTSIDE) --write docs/speed.md
	$(BIN)/python benchmarks/first_epoch.py --write docs/speed.md
	$(BIN)/python benchmarks/many.py --write docs/speed.md
	$(BIN)/python benchmarks/compare.py --write docs/speed.md
	$(BIN)/python benchmarks/tune.py --write docs/speed.md
	$(BIN)/python benchmarks/beyond_memory.py --write docs/speed.md
	$(BIN)/python benchmarks/reading.py --write docs/speed.md

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
