# Set-up, running and checking of Regulars. `make` alone lists the targets.
# Needs Python 3.11 or later with venv; the rest is put into .venv, node_modules, static/vendor and app/vendor.

PYTHON ?= python3
PORT ?= 8000
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin

# Nothing may fetch another Python than the one chosen here.
export UV_PYTHON_DOWNLOADS := never
# From make's command line or from the environment; without it the application uses SQLite.
ifdef DATABASE_URL
export DATABASE_URL
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# Set-up writes to one .venv, so that its steps follow each other even under `make -j`.
.NOTPARALLEL:
.PHONY: help setup run check fix test bench prove clean lock dev vendor servers
# No output but what the tools and the notes below say.
.SILENT:

help: ## List the targets
	awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(VENV)/run.stamp vendor ## Make .venv with what running needs, and build static/vendor

run: setup ## Start on http://localhost:8000 (PORT and DATABASE_URL change that)
	exec $(BIN)/flask --app wsgi serve --port $(PORT)

check: dev vendor ## Look at style, types, layers, templates and migrations; changes nothing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/djlint templates --lint --quiet
	$(BIN)/djlint templates --check --quiet
	$(BIN)/flask --app wsgi db check

fix: dev ## Put style right where a tool can
	$(BIN)/ruff check --fix --exit-zero
	$(BIN)/ruff format
	$(BIN)/djlint templates --reformat --quiet

test: dev vendor servers ## Run the tests (ARGS="-k word" to choose)
ifdef ARGS
	$(BIN)/pytest $(ARGS)
else
	$(BIN)/pytest -n 2 --dist worksteal --ignore=tests/browser --ignore=tests/worker
	# What a browser shows, and what is measured by the clock, has the machine to itself. Most of the
	# worker's tests wait for a deadline and need no machine.
	$(BIN)/pytest -n 2 --dist worksteal tests/browser
	$(BIN)/pytest -n 3 --dist worksteal tests/worker --ignore=tests/worker/test_storm.py
	$(BIN)/pytest tests/worker/test_storm.py
endif

bench: dev vendor servers ## Run the benchmarks
	$(BIN)/python -m bench $(ARGS)

prove: dev vendor servers ## Attack the product for some minutes, and write docs/proof.md
	$(BIN)/python -m scripts.prove

clean: ## Remove what set-up and the tests made; a shop's data in instance/ stays
	rm -rf $(VENV) node_modules app/vendor static/vendor static/vendor.new static/vendor.old
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache test-results
	find . -path ./instance -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

lock: dev ## Write requirements/*.txt and package-lock.json anew (ARGS=--upgrade for the newest)
	$(BIN)/python -m scripts.lock $(ARGS)

# What follows is not called by hand. A stamp is as old as the last installation; it is older than
# the file that it depends on exactly when there is something to install.

dev: $(VENV)/dev.stamp

vendor: $(VENV)/uv.stamp
	$(BIN)/python -m scripts.vendor

servers: $(VENV)/dev.stamp
	$(BIN)/python -m scripts.test_servers

$(VENV)/venv.stamp:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Regulars needs Python 3.11 or later, and $(PYTHON) is not. Name another one:" >&2; \
	    echo "    make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	echo "Making .venv"
	$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
	    echo "$(PYTHON) cannot make virtual environments. On Debian, as root: apt-get install python3-venv" >&2; exit 1; }
	touch $@

$(VENV)/uv.stamp: requirements/uv.txt $(VENV)/venv.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

# run.txt is part of dev.txt: after `make test`, `make run` has nothing to install.
$(VENV)/run.stamp: requirements/run.txt $(VENV)/uv.stamp
	echo "Installing what running needs"
	$(BIN)/python -m scripts.install $<
	touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/uv.stamp
	echo "Installing what running and testing need"
	$(BIN)/python -m scripts.install $<
	touch $(VENV)/run.stamp $@
