# Settle. `make` alone lists what there is.

PYTHON ?= python3
VENV := .venv/bin/python
BASE_LOCKS := requirements.txt config/local/requirements.txt
ALL_LOCKS := $(BASE_LOCKS) tests/requirements.txt
COMPILE := $(VENV) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
TESTS ?= tests
# Most tests wait for processes: three run at once, each with servers of its own. Servers of yours are shared by nobody.
TESTERS ?= $(if $(DATABASE_URL)$(REDIS_URL),0,3)
# The tests run in a random order, file by file, that repeats. SEED=17 takes another one.
SEED ?= 98234412
# The benches' own rounds take minutes, and are run with TESTS=tests/bench alone.
ROUNDS := $(if $(filter tests,$(TESTS)),--ignore-glob='*/bench/*/test_rounds.py')

.DEFAULT_GOAL := help
.PHONY: help setup setup-all python up demo test test-fast bench-sagas bench-outbox bench-checkout bench-pages bench-admin bench-desk bench-branches trace-step two-phase storm load compose-test check fmt lock clean-local

help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo "PORT, FLOWER_PORT, STANDINS_PORT choose ports; PYTHON=python3.12 chooses a Python;"
	@echo "DATABASE_URL, REDIS_URL and PG_BINDIR name servers of your own."

setup: python ## Make .venv from the locked requirements (the others do it when needed)
	@$(PYTHON) config/local/bootstrap.py $(BASE_LOCKS)

setup-all: python
	@$(PYTHON) config/local/bootstrap.py $(ALL_LOCKS)

python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here. Install Python 3.11 or later, or name one: make up PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Settle needs Python 3.11 or later, and $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make up PYTHON=python3.12" >&2; exit 1; }

up: setup ## Run the whole shop on this machine until Ctrl-C
	@exec $(VENV) -m config.local up --stop-with-parent

demo: setup ## Place 50 orders and compare everybody's books
	@exec $(VENV) -m config.local demo $(ARGS)

test: setup-all ## Run the tests on a real PostgreSQL and Redis (TESTS=tests/orders for a part)
	@exec $(VENV) -m pytest --numprocesses $(TESTERS) --dist loadfile --randomly-seed $(SEED) --durations 20 $(ROUNDS) $(TESTS) $(ARGS)

test-fast: setup-all ## Run the tests that start no workers, servers or browser of their own
	@exec $(VENV) -m pytest --numprocesses $(TESTERS) --dist loadfile --randomly-seed $(SEED) -m "not slow" $(TESTS) $(ARGS)

bench-sagas: setup-all ## Measure the engine beside absurd, DBOS, Oban and bare Celery (ARGS=--help says what to choose)
	@exec $(VENV) -m config.local run -- $(VENV) -m tests.bench.sagas $(ARGS)

bench-outbox: setup-all ## Measure the relay beside three published ones and a bare loop (ARGS=--help says what to choose)
	@exec $(VENV) -m config.local run -- $(VENV) -m tests.bench.outbox $(ARGS)

bench-checkout: setup-all ## Measure orders a second beside another commit (ARGS="--before REF"; ARGS=--help says more)
	@exec $(VENV) -m tests.bench.shop checkout $(ARGS)

bench-pages: setup-all ## Measure what open order pages cost beside another commit (ARGS="--before REF")
	@exec $(VENV) -m tests.bench.shop pages $(ARGS)

bench-admin: setup-all ## Fill the tables with a million rows each and time the operators' pages (ARGS=--help says what to choose)
	@exec $(VENV) -m config.local run -- $(VENV) -m tests.bench.admin $(ARGS)

bench-desk: setup-all ## Do six jobs at the desk of a running shop, and count clicks and seconds
	@exec $(VENV) -m tests.bench.desk

bench-branches: setup-all ## Measure steps side by side, runs that wait, and a step for each item (ARGS=--help says what to choose)
	@exec $(VENV) -m config.local run -- $(VENV) -m tests.bench.branches $(ARGS)

trace-step: setup-all ## Show which functions one step of a run calls, file by file
	@exec $(VENV) -m config.local run -- $(VENV) -m tests.bench.trace_step

two-phase: setup-all ## Kill a two-phase commit's coordinator and the saga's worker, and compare (ARGS=--help says what to choose)
	@exec $(VENV) -m config.local run -- $(VENV) -m tests.twophase $(ARGS)

storm: setup-all ## Place 300 orders while everything is killed, and see how soon all settle (ARGS=--help says what to choose)
	@SETTLE_HOME=$(CURDIR)/.local/storm exec $(VENV) -m tests.storm $(ARGS)

load: setup-all ## Send more orders a second than the machine can carry, and see what each meets (ARGS=--help says what to choose)
	@SETTLE_HOME=$(CURDIR)/.local/load exec $(VENV) -m tests.load $(ARGS)

compose-test: setup-all ## Bring docker-compose.yml up on a container engine, kill and freeze its containers, compare the books
	@exec $(VENV) -m tests.compose $(ARGS)

check: setup-all ## Format, lint, types, layers, migrations, compose file
	@exec $(VENV) -m config.local check

fmt: setup-all ## Format the code and mend what ruff can mend
	@$(VENV) -m ruff format .
	@$(VENV) -m ruff check --fix .

lock: setup-all ## Lock the requirements of pyproject.toml anew (ARGS=--upgrade for newer versions)
	@$(VENV) -m uv --version >/dev/null 2>&1 || $(VENV) -m pip install --quiet --disable-pip-version-check uv
	$(COMPILE) $(ARGS) pyproject.toml -o requirements.txt
	$(COMPILE) $(ARGS) --group local -c requirements.txt -o config/local/requirements.txt
	$(COMPILE) $(ARGS) --group tracing -c requirements.txt -o config/telemetry/requirements.txt
	$(COMPILE) $(ARGS) --group test -c requirements.txt -c config/local/requirements.txt -c config/telemetry/requirements.txt -o tests/requirements.txt
	$(COMPILE) $(ARGS) tests/bench/absurd.in -o tests/bench/absurd.txt
	$(COMPILE) $(ARGS) tests/bench/dbos.in -o tests/bench/dbos.txt
	$(subst 3.11,3.12,$(COMPILE)) $(ARGS) tests/bench/oban.in -o tests/bench/oban.txt
	$(subst 3.11,3.12,$(COMPILE)) $(ARGS) tests/bench/django_absurd.in -o tests/bench/django_absurd.txt
	$(COMPILE) $(ARGS) tests/bench/django_celery_outbox.in -o tests/bench/django_celery_outbox.txt
	$(subst 3.11,3.12,$(COMPILE)) $(ARGS) tests/bench/django_reliable_outbox.in -o tests/bench/django_reliable_outbox.txt
	$(COMPILE) $(ARGS) tests/bench/faststream_outbox.in -o tests/bench/faststream_outbox.txt
	$(COMPILE) $(ARGS) tests/lift/build.in -o tests/lift/build.txt
	$(COMPILE) $(ARGS) outbox/pyproject.toml --extra redis tests/lift/django5.in -c requirements.txt -o tests/lift/django5.txt
	$(subst 3.11,3.12,$(COMPILE)) $(ARGS) outbox/pyproject.toml --extra redis tests/lift/django6.in -o tests/lift/django6.txt

clean-local: ## Remove .local/: the local databases, mail and logs
	@$(PYTHON) config/local/clean.py
