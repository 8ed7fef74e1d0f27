# Two commands do all the set-up: `make demo` runs the monitor, `make test` tests it.
# Each makes the virtual environment .venv on first use; `make install` does just that.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PEERS := faust quix bytewax

.DEFAULT_GOAL := help
.PHONY: help install demo test lint prove chaos campaign simulate-pipeline dashboards pictures drill packages golden region lock bench bench-peers bench-peak profile up down clean

help: ## Say what there is
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

install: $(STAMP) ## Make .venv with everything in it

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP) ## Broker, worker, simulator, a screen here and a page in the browser (ARGS="--seconds 60")
	@$(BIN)/claims-monitor demo $(ARGS)

test: $(STAMP) packages lint ## Lint, type-check and test (up to 15 minutes)
	$(BIN)/pytest -m "not prove and not long" -n 2 --dist loadgroup $(ARGS)

prove: $(STAMP) packages ## The longer proofs (up to 30 minutes)
	$(BIN)/pytest -m prove --timeout 1500 -n 2 --dist loadgroup $(ARGS)

chaos: $(STAMP) ## Kill workers and broker 50 times while facts arrive; then compare (ARGS="--seed 7 --kills 20")
	@$(BIN)/python -m tests.end_to_end.chaos $(ARGS)

campaign: $(STAMP) ## Strike once in every way while facts arrive; then compare
	$(BIN)/pytest -m prove --timeout 1500 tests/end_to_end/test_chaos.py $(ARGS)

dashboards: $(STAMP) ## Write Grafana's dashboards anew
	$(BIN)/python -m tools.grafana

pictures: $(STAMP) ## Draw the dashboards' panels from a real Prometheus, for the docs
	$(BIN)/python -m tools.grafana.pictures

drill: $(STAMP) packages ## A real fault for each alerting rule, until each fires (ARGS="--within 600")
	@$(BIN)/claims-monitor drill $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Programs that only tests need: installed as root; otherwise the tests that lack one say so and are skipped.
packages:
	@tools/install-test-packages packages-for-tests.txt

simulate-pipeline: $(STAMP) ## Play the pipeline without broker or time (SEEDS=10000)
	@$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),1000)

golden: $(STAMP) ## Judge the Synthea example anew; look at what changed before committing it
	$(BIN)/claims-monitor import synthea examples/synthea | $(BIN)/claims-monitor backtest - > examples/synthea/alerts.ndjson

region: $(STAMP) ## Measure a simulated quarter of a region, and tell it on the page of rules
	CLAIMS_MONITOR_REGION_FIGURES=docs/region.json $(BIN)/pytest -m long --timeout 1500 tests/region
	$(BIN)/claims-monitor rules document -o docs/rules.md

lock: $(STAMP) ## Resolve requirements.lock anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --upgrade \
		--no-emit-index-url --no-emit-find-links --group dev pyproject.toml --output-file requirements.lock

bench: $(STAMP) ## Workers and other engines on one topic of a million claims (ARGS="--settlements 100000")
	$(BIN)/python -m bench.run $(ARGS)

bench-peers: $(STAMP) ## Install the other engines for make bench, each into an environment of its own
	@for peer in $(PEERS); do $(MAKE) --no-print-directory .venv-peers/$$peer/.installed || exit 1; done

.venv-peers/%/.installed: bench/peers/%/requirements.txt
	$(PYTHON) -m venv .venv-peers/$*
	.venv-peers/$*/bin/python -m pip install --quiet --requirement $<
	@touch $@

bench-peak: $(STAMP) ## What a worker uses at a nation's peak (ARGS="--rate 500 --lines 0")
	$(BIN)/python -m bench.peak $(ARGS)

profile: $(STAMP) ## Where the time of judging goes, function by function (ARGS="--settlements 20000")
	$(BIN)/python -m bench.profile $(ARGS)

up: ## Kafka, two workers, Prometheus, Alertmanager and Grafana in Docker
	@docker compose version >/dev/null 2>&1 || \
		{ echo "Docker with its compose plugin is needed; without it, make demo does the same from packages" >&2; exit 1; }
	@test -f .env || (umask 077 && for name in CLAIMS_MONITOR_TOKEN GRAFANA_PASSWORD; do \
		echo "$$name=$$(od -An -N16 -tx1 /dev/urandom | tr -d ' ')"; done > .env)
	docker compose up --build --detach
	@echo "Grafana: http://localhost:3000, user admin, password in .env; Kafka: localhost:19092; make down ends it"

down: ## End what make up started; its data stays (docker compose down --volumes drops it)
	docker compose down

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
