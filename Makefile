# `make run` and `make test` work from a fresh clone; `make help` lists the rest.

BIN := .venv/bin

.PHONY: help run test test-browser check audit format prod-local bench bench-relay bench-outage bench-search bench-sizing chaos chaos-short clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

run: .venv/run.stamp ## Start the bot with demo content; PORT, HOST and DATA_DIR are honoured
	@exec $(BIN)/python manage.py serve --prepare

# Four at a time on two cores too: many of the tests wait for a server that they start.
test: .venv/dev.stamp ## Run the tests that need no server and no browser
	@$(BIN)/python -m pytest -m "not browser" -n 4 --dist loadfile $(ARGS)

test-browser: .venv/dev.stamp ## Run the tests that drive the pages in Chromium
	@$(BIN)/python -m pytest tests/browser $(ARGS)

check: .venv/dev.stamp ## Lint, format, types, import contracts, migrations, system checks
	@$(BIN)/pre-commit run --all-files --show-diff-on-failure

audit: .venv/dev.stamp ## Look the installed packages up among the known vulnerabilities; needs the network
	@.ci/audit $(ARGS)

format: .venv/dev.stamp ## Format the code
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format .

prod-local: .venv/run.stamp ## Production on loopback: 2 servers, nginx, a worker, PostgreSQL, Redis; ARGS="--demo"
	@exec $(BIN)/python -m deploy.prod_local $(ARGS)

bench: bench-relay bench-outage bench-search ## Run the benchmarks

bench-relay: .venv/dev.stamp ## The whole app beside a bare relay and pydantic-ai, under the same load
	@$(BIN)/python -m benchmarks.relay $(ARGS)

bench-outage: .venv/dev.stamp ## The first provider down: who answers, how much later, and how it comes back
	@$(BIN)/python -m benchmarks.outage $(ARGS)

bench-search: .venv/dev.stamp ## How well and how fast search finds, beside bm25s, on ../shared/data
	@$(BIN)/python -m benchmarks.search $(ARGS)

bench-sizing: .venv/dev.stamp ## What production's processes take of memory and CPU
	@$(BIN)/python -m benchmarks.sizing $(ARGS)

chaos: .venv/dev.stamp ## Faults of all kinds on production's processes, with negative controls (an hour)
	@$(BIN)/python -m chaos $(ARGS)

chaos-short: .venv/dev.stamp ## The same in under 3 minutes, without controls
	@$(BIN)/python -m chaos --short $(ARGS)

clean: ## Remove the virtual environment and the caches; var/ with its data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/run.stamp: requirements.txt
	@sh .ci/install requirements.txt
	@touch $@

.venv/dev.stamp: requirements.txt requirements-dev.txt
	@sh .ci/install requirements-dev.txt
	@touch .venv/run.stamp $@
