# One command for each thing. `make demo` and `make test` set up everything that they need.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# The plug-in of Dash is written for an older pytest, whose warnings are errors here.
PYTEST := $(BIN)/python -m pytest -p no:dash

# The first Python 3.11 that runs and can make a virtual environment: a name in PATH may be only a shim.
USABLE := import sys, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))
PYTHON ?= $(firstword $(foreach name,python3.11 python3 python,$(shell $(name) -c '$(USABLE)' 2>&- && echo $(name))))

.DEFAULT_GOAL := help
.PHONY: help setup demo test check test-kafka test-faults train bench clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(READY) ## install everything into .venv (once)

$(READY): requirements.lock setup.cfg pyproject.toml
	$(if $(PYTHON),,$(error Python 3.11 with venv is missing: install it (Debian: apt-get install python3.11-venv) or run make PYTHON=/path/to/python3.11))
	@echo "Setting up .venv: $$(grep -c == requirements.lock) packages, a few minutes, once."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY) ## the whole platform on embedded servers, with a stream of images
	$(BIN)/streamapp up --demo

test: $(READY) ## every test but those on real servers
	$(PYTEST) -m "not kafka"

check: $(READY) ## ruff, mypy, import contracts, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(PYTEST) -q tests/unit/test_docs.py

test-kafka: $(READY) ## integration tests and each fault once, on a real Apache Kafka (Maven, Java 17)
	$(PYTEST) -m kafka

test-faults: $(READY) ## every fault with its repetitions, and a table of them (half an hour)
	$(PYTEST) tests/faults --full

train: $(READY) ## train the models
	$(BIN)/streamapp train

bench: $(READY) ## measure: idle, latency, a stream, readers, uploads (ten minutes)
	$(BIN)/python -m benchmarks all

# The file names a folder where PostgreSQL, started by root, could not reach this one (streamapp/devstack/postgres.py).
clean: ## remove the environment and the data of the embedded servers
	@case "$$(cat .streamapp/postgres.path 2>&-)" in /var/tmp/streamapp-*) rm -rf "$$(cat .streamapp/postgres.path)";; esac
	rm -rf $(VENV) .streamapp
