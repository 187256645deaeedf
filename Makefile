# Two commands are enough for a newcomer: `make serve` and `make test`.
# Every target sets up what it needs, and is quick when nothing changed.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# What `make check` runs: the tests that mirror the modules, and no servers or browsers. Of the
# chat its heart; its people, files, search, routes and exports are part of `make test`.
UNIT := tests/wire tests/engine tests/embed tests/contracts tests/tables tests/docs tests/test_settings.py \
  $(wildcard tests/chat/test_*.py)

# The chat's pages, and what they are built of.
PAGES := src/hubbub/chat/client/index.html
PAGES_OF := $(shell find web/src web/public web/vite) web/index.html web/vite.config.ts web/svelte.config.js

.PHONY: help setup web serve check test coverage soak bench protobuf pins format clean
.DEFAULT_GOAL := help

help:
	@echo "make serve   serve the chat on http://127.0.0.1:$(PORT) (PORT=... for another port)"
	@echo "make test    every test, with what they need installed first"
	@echo "make check   format, lint, types, architecture and unit tests: under a minute"
	@echo "make coverage  which lines the tests of \`make check\` go through"
	@echo "make bench   the numbers, beside other servers"
	@echo "make soak    the long runs"
	@echo "make web     the chat's pages, built of web/"
	@echo "make protobuf  the classes of src/hubbub/wire/centrifuge.proto"
	@echo "make setup   only the virtual environment in .venv"

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "hubbub needs Python 3.11 or newer; set PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.run: requirements/run.txt pyproject.toml | .venv/bin/python
	$(PIP) install --require-hashes -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.run
	$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# Apart from the rest, whose Protobuf is a newer one.
.venv/.protoc: requirements/protoc.txt | .venv/bin/python
	$(BIN)/python -m venv .venv/protoc
	.venv/protoc/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements/protoc.txt
	@touch $@

.venv/.bench: requirements/bench.txt .venv/.dev
	$(PIP) install --require-hashes -r requirements/bench.txt
	@touch $@

setup: .venv/.run

# Node.js is the system's, or a package in .venv.
web/node_modules/.package-lock.json: web/package-lock.json requirements/node.txt | .venv/bin/python
	web/with-node npm ci --ignore-scripts
	@touch $@

$(PAGES): $(PAGES_OF) web/node_modules/.package-lock.json
	web/with-node npm run build
	@touch $@

web: $(PAGES)

serve: setup web
	@$(BIN)/hubbub serve --port $(PORT)

check: .venv/.dev .venv/.protoc web/node_modules/.package-lock.json
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -m "not slow and not soak" --numprocesses 2 --dist loadfile $(UNIT)
	web/with-node npm run --silent check

test: .venv/.dev .venv/.protoc web
	@PATH="$(abspath $(BIN)):$$PATH" sh tests/run

coverage: .venv/.dev
	$(BIN)/python -m pytest -q -m "not slow and not soak" --cov --cov-report=term $(UNIT)

soak: .venv/.dev
	$(BIN)/python -m pytest -q -m soak --timeout 36000

protobuf: .venv/.protoc
	cd src && ../.venv/protoc/bin/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. hubbub/wire/centrifuge.proto

bench: .venv/.bench web
	$(BIN)/python -m benchmarks
	@PATH="$(abspath $(BIN)):$$PATH" sh tests/support/postgres.sh
	$(BIN)/python -m benchmarks.log
	$(BIN)/python -m benchmarks.chat
	$(BIN)/python -m benchmarks.web
	$(BIN)/python -m benchmarks.deltas
	$(BIN)/python -m benchmarks.lines
	$(BIN)/python -m benchmarks.transports

format: .venv/.dev
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

# Needs uv (`pip install uv`); writes hashes and no index address.
COMPILE = CUSTOM_COMPILE_COMMAND="make pins" UV_CUSTOM_COMPILE_COMMAND="make pins" \
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --upgrade
pins:
	$(COMPILE) pyproject.toml requirements/run.in -o requirements/run.txt
	$(COMPILE) requirements/dev.in -c requirements/run.txt -o requirements/dev.txt
	$(COMPILE) requirements/protoc.in -o requirements/protoc.txt
	$(COMPILE) requirements/node.in -o requirements/node.txt
	$(COMPILE) requirements/bench.in -c requirements/run.txt -c requirements/dev.txt -o requirements/bench.txt

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache web/node_modules src/hubbub/chat/client
