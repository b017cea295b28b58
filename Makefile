# Two commands do everything on a fresh machine with Python 3.11 and make: `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
FUZZER := $(VENV)/.fuzzer
# Processes that load the same modules again and again find them compiled, whatever the machine says.
export PYTHONDONTWRITEBYTECODE :=
# Two workers; who is done early takes over what the other has not begun.
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal
SOURCES := $(shell find web/ui -type f -not -path '*/node_modules/*' 2>/dev/null)

.PHONY: demo test quick check bench fuzz coverage diagrams screenshots lock clean setup

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml hatch_build.py $(SOURCES)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what HES needs into $(VENV); the first time takes some minutes."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/hes demo

test: $(STAMP)
	$(PYTEST)

quick: $(STAMP)
	$(PYTEST) -m "not slow and not browser and not databases"

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

bench: $(STAMP)
	$(BIN)/python -m bench

# What reads the bytes of strangers, with branches, under the tests that know it: all of it, also
# where the recorded frames are not at hand.
coverage: $(STAMP)
	$(PYTEST) -q --cov=protocols --cov-report=term-missing:skip-covered \
	  --cov-fail-under=100 tests/protocols tests/actors/drivers tests/interop tests/hes/cli/test_decode.py

# Seconds on the clock, shared by the parsers: make fuzz FUZZ_S=3600
FUZZ_S ?= 600
# What CI says: --guided, so that it fails where there is no atheris.
FUZZ_HOW ?=
fuzz: $(FUZZER)
	$(BIN)/python tests/fuzz/run.py --seconds $(FUZZ_S) $(FUZZ_HOW)

# Where it cannot be installed there is no stamp, and the next call tries again.
$(FUZZER): $(STAMP) tests/fuzz/requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: \
	  --require-hashes -r tests/fuzz/requirements.lock >$(VENV)/fuzzer.log 2>&1 && touch $@ || \
	  echo "atheris, the guide of the fuzzer, could not be installed here; $(VENV)/fuzzer.log says why."

diagrams: $(STAMP)
	$(BIN)/python tests/support/state_diagrams.py

screenshots: $(STAMP)
	$(BIN)/python tests/tools/screenshots.py

lock:
	$(BIN)/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['dependency-groups']['dev'], sep='\n')" > $(VENV)/dev.in
	$(BIN)/python -m piptools compile --quiet --generate-hashes --allow-unsafe --resolver=backtracking \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	  --output-file requirements.lock pyproject.toml $(VENV)/dev.in

clean:
	rm -rf $(VENV) web/static web/ui/node_modules
