.DEFAULT_GOAL := help
.PHONY: help screenshots venv setup run up test check format bench bench-sim new-portal migrate lock clean

bin := .venv/bin
resolve := $(bin)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

venv:
	@./setup.sh

setup: venv ## make .venv from the lock and find a browser
	@$(bin)/python -m workers.browser.find --quiet

run: setup ## the demo: simulated carriers, demo people, everything on this machine
	@$(bin)/portunus demo

up: setup ## the real thing on this machine: asks for the first administrator
	@$(bin)/portunus up

test: setup ## all checks and all tests
	@$(MAKE) --no-print-directory check
	@tests/run

check: venv ## ruff, mypy, import contracts, carrier scripts, secret scan
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .
	@$(bin)/mypy
	@$(bin)/lint-imports
	@$(bin)/python -m carrier_scripts check
	@tests/secret_scan

format: venv ## put the code in house form
	@$(bin)/ruff check --fix .
	@$(bin)/ruff format .

bench: setup ## figures: make bench what="open stream codes"
	@$(bin)/portunus bench $(or $(what),open stream codes) --json

bench-sim: setup ## ten million steps of the matching rules' Hypothesis state machine: make bench-sim seed=7 repeats a walk
	@$(bin)/python -m tests.broker.codes.long_walk --steps $(or $(steps),10000000) $(if $(seed),--seed $(seed))

new-portal: venv ## scaffold a carrier script: make new-portal key=harbor_dental
	@$(bin)/python -m carrier_scripts new $(key)

migrate: venv ## bring the database to its newest migration
	@$(bin)/portunus migrate

screenshots: setup ## pictures of each screen for docs/screens, from a demo of their own
	@$(bin)/python -m workers.screens docs/screens

lock: venv ## resolve requirements/*.in again (needs the package registry)
	@$(resolve) requirements/dev.in -o requirements/dev.lock
	@$(resolve) -c requirements/dev.lock requirements/runtime.in -o requirements/runtime.lock
	@$(resolve) -c requirements/dev.lock requirements/build.in -o requirements/build.lock
	@$(resolve) requirements/thirdparty.in -o requirements/thirdparty.lock

clean: ## remove what this checkout made: .venv, var, caches
	@rm -rf .venv .venv-thirdparty .node-thirdparty var .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache test-results dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
