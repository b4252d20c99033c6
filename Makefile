.DEFAULT_GOAL := help
.PHONY: help setup run up test check format bench bench-sim new-portal migrate lock clean

bin := .venv/bin

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: ## make .venv from the lock and find a browser
	@./setup.sh
	@$(bin)/python -m workers.browser.find --quiet

run: setup ## the demo: simulated carriers, demo people, everything on this machine
	@$(bin)/portunus demo

up: setup ## the real thing on this machine: asks for the first administrator
	@$(bin)/portunus up

test: setup ## all checks and all tests
	@$(MAKE) --no-print-directory check
	@tests/run

check: ## ruff, mypy, import contracts, carrier scripts, secret scan
	@./setup.sh
	@$(bin)/ruff check .
	@$(bin)/ruff format --check .
	@$(bin)/mypy
	@$(bin)/lint-imports
	@$(bin)/python -m carrier_scripts check
	@tests/secret_scan

format: ## put the code in house form
	@$(bin)/ruff check --fix .
	@$(bin)/ruff format .

bench: setup ## figures: make bench what="open stream codes"
	@$(bin)/portunus bench $(or $(what),open stream codes) --json

bench-sim: setup ## ten million random steps of codes on their way: make bench-sim seed=7 repeats a walk
	@$(bin)/python -m workers.bench.simulation --steps $(or $(steps),10000000) $(if $(seed),--seed $(seed))

new-portal: ## scaffold a carrier script: make new-portal key=harbor_dental
	@$(bin)/python -m carrier_scripts new $(key)

migrate: ## bring the database to its newest migration
	@$(bin)/portunus migrate

lock: ## resolve requirements/*.in again (needs the package registry)
	@$(bin)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q requirements/dev.in -o requirements/dev.lock
	@$(bin)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header -q -c requirements/dev.lock requirements/runtime.in -o requirements/runtime.lock

clean: ## remove what this checkout made: .venv, var, caches
	@rm -rf .venv .venv-thirdparty .node-thirdparty var .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache test-results dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
