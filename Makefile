# make demo    everything from nothing, then a real search, live on the terminal
# make test    everything from nothing, then all checks and tests against a real engine
#
# Every target can be repeated and interrupted: what is there is used, what is half done is redone.
# Variables: PYTHON (3.11 or newer), and OPPIE_*, which .env.example explains.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.complete

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help setup venv engine images demo demo-agent test lint test-unit test-engine test-second test-engines engines-table bench planner clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

setup: venv engine images  ## the package, an engine that answers, and the agent image

venv: $(STAMP)

# Debian packs venv apart from Python. Only a finished installation leaves the stamp.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
		echo "$(PYTHON) is too old or missing: 3.11 or newer is needed; name one: make PYTHON=python3.12" >&2
		exit 2
	}
	if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then
		if [ "$$(id -u)" != 0 ] || [ "$${OPPIE_NO_INSTALL:-0}" != 0 ] || ! command -v apt-get >/dev/null; then
			echo "Python's venv module is missing: sudo apt-get install --yes python3-venv" >&2
			exit 5
		fi
		echo "Installing python3-venv with apt-get"
		apt-get -q update || true
		DEBIAN_FRONTEND=noninteractive apt-get -q install --yes --no-install-recommends python3-venv
	fi
	echo "Installing the package into .venv"
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

engine:
	@$(PYTHON) images/engine.py >/dev/null

images: venv engine
	@$(BIN)/oppie images build

demo: setup  ## search for a better examples/helios
	@$(BIN)/oppie run examples/helios

demo-agent: setup  ## the same by agents: recordings, with a model that is a list; no key, no network
	@$(BIN)/python examples/helios/agents/model.py 8791 $(BIN)/oppie run examples/helios/agents
	$(BIN)/oppie pr best

test: setup lint test-unit test-engine test-second  ## what CI runs

lint: venv  ## ruff and mypy
	@$(BIN)/ruff check
	$(BIN)/mypy
	MYPYPATH=runner/sandbox $(BIN)/mypy --strict --config-file= images/engine.py

test-unit: venv  ## seconds; needs no engine
	@$(BIN)/python -m pytest --quiet -n auto tests/unit tests/golden

test-engine: setup  ## contract and integration tests; a missing engine is a failure
	@$(BIN)/python -m pytest --quiet -n 2 --dist loadfile tests/contract tests/integration

# Docker 20.10 and 26.1 are always run: the one that this machine doesn't have is fetched.
test-second: setup
	@$(BIN)/python -m tests.engines --short --others docker-20.10 docker-26.1

test-engines: setup  ## the suites on Docker 20.10, 26.1 (both image stores, rootless) and Podman 5.4; needs root
	@$(BIN)/python -m tests.engines --record

engines-table: venv  ## docs/engines.md, from what `make test-engines` has put on record
	@$(BIN)/python -m tests.engines.table --write

bench: setup  ## the ratios that are promised
	@$(BIN)/python -m benchmarks

planner: setup  ## the images that `docker compose up` needs, without a registry
	@if [ -n "$${OPPIE_CA_BUNDLE:-}" ]; then cp "$$OPPIE_CA_BUNDLE" images/ca/handed-in.crt; fi
	OPPIE_BASE_IMAGE=oppie/base:1 docker compose build

clean:  ## what can be made again; never the state folder, nor anything on the engine
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
