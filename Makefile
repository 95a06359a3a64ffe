# make serve | make test | make lint | make bench | make frontend | make help
# Needs Python 3.11 or newer; everything else is installed into .venv from the locked, hashed lists.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

# tests of a file stay together, so that they share what they publish; tests/conftest.py puts the longest files first
TESTING := --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# sizes that are measured, and more for benchmarks.run, such as BENCH="--rounds 5 --name quiet"
QUADS ?= 100000
BENCH ?=

export HOST ?= 127.0.0.1
export PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help serve test browser drill lint bench peers frontend messages screenshots lock clean

help: ## Say what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1	/' | expand -t 13

serve: $(VENV)/installed ## Install if need be, load the packaged data on the first start, and serve on HOST:PORT
	@exec $(BIN)/v4graph serve

test: $(VENV)/developing browser ## Run all tests
	$(BIN)/python -m pytest -q $(TESTING) --ignore tests/browser
	$(BIN)/python -m pytest -q $(TESTING) tests/browser

browser:
	@if command -v chromium-headless-shell >/dev/null; then exit; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing chromium-headless-shell"; command -v chromium >/dev/null || apt-get update -qq; \
	  apt-get install -y -qq chromium-headless-shell >/dev/null 2>&1 || command -v chromium >/dev/null \
	    || apt-get install -y -qq chromium >/dev/null; fi; \
	command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null \
	  || echo "no chromium here: the tests in a browser are skipped"

drill: $(VENV)/developing ## Run the long tests in full: kill -9, full disks, damage, half an hour of load, random input, all addresses and queries
	V4GRAPH_DRILL=full $(BIN)/python -m pytest -q -s tests/drills tests/fuzz tests/test_drills.py tests/test_lifecycle.py \
	  tests/test_mirror.py tests/test_concern.py tests/test_shacl.py tests/test_portal.py tests/test_growth.py tests/test_projection.py \
	  tests/web/test_entities.py tests/web/test_roles.py tests/browser

lint: $(VENV)/developing ## Check style and types
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: $(VENV)/benchmarking peers ## Measure against other servers, side by side; QUADS="100000 1000000" says at which sizes
	$(BIN)/python -m benchmarks.run --quads $(QUADS) $(BENCH)

peers:
	@for package in wrk:wrk virtuoso-t:virtuoso-opensource-7-bin; do \
	  command -v $${package%%:*} >/dev/null && continue; \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
	    then echo "installing $${package#*:}"; apt-get update -qq && apt-get install -y -qq $${package#*:} >/dev/null; \
	    else echo "no $${package%%:*} here: install the package $${package#*:}"; fi; done

frontend: ## Build the scripts, styles and fonts of the portal anew (needs Node 20 or newer)
	@cd frontend && { [ -d node_modules ] || npm ci --ignore-scripts --no-audit --no-fund; }
	cd frontend && node_modules/.bin/tsc --noEmit && node build.mjs

messages: $(VENV)/developing ## Collect the words of pages and say which ones want a translation
	$(BIN)/python frontend/words.py

screenshots: $(VENV)/developing ## Open every type of page in light, dark and on a phone, into screenshots/
	V4GRAPH_SCREENSHOTS=screenshots $(BIN)/python -m pytest -q tests/browser/test_pages.py -k screenshots

lock: $(VENV)/developing ## Make the locked lists anew from pyproject.toml
	@$(PIP) install pip-tools
	@for extra in "" dev bench; do \
	  $(BIN)/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes --no-header --no-annotate \
	    --no-emit-index-url --no-emit-find-links --no-emit-options --no-emit-trusted-host \
	    $$( [ -n "$$extra" ] && echo --extra $$extra --constraint requirements.lock || echo --build-deps-for editable ) \
	    --output-file requirements$${extra:+-$$extra}.lock pyproject.toml || exit 1; done

clean: ## Remove what make has made; data in V4GRAPH_HOME stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("v4graph needs Python 3.11 or newer; say which with make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "installing (once, about a minute)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q v4graph # readers and parsers start in two thirds of the time, and may not write
	@touch $@

$(VENV)/developing: requirements-dev.lock $(VENV)/installed
	@echo "installing what tests and checks need"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/benchmarking: requirements-bench.lock $(VENV)/developing
	@$(PIP) install --require-hashes -r requirements-bench.lock
	@touch $@
