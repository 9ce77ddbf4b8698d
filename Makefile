# One command for each thing. `make demo` and `make test` set up everything that they need.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo test check test-kafka train bench clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(READY) ## install everything into .venv (once)

$(READY): requirements.lock setup.cfg pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 or set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up .venv: some 110 packages, 1 to 3 minutes, once."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY) ## the whole platform on embedded servers, with a stream of images
	$(BIN)/streamapp up --demo

test: $(READY) ## every test but those on real servers
	$(BIN)/python -m pytest -m "not kafka"

check: $(READY) ## ruff, mypy, import contracts, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q tests/unit/test_docs.py

test-kafka: $(READY) ## integration tests on a real Apache Kafka (Maven, Java 17)
	$(BIN)/python -m pytest -m kafka

train: $(READY) ## train the models
	$(BIN)/streamapp train

bench: $(READY) ## measure
	$(BIN)/python -m benchmarks

clean: ## remove the environment and the data of the embedded servers
	rm -rf $(VENV) .streamapp
