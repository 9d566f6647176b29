# Every target sets itself up: a virtual environment in .venv, the locked packages, and nothing outside this folder.
.DEFAULT_GOAL := help
.PHONY: help demo test prove mutate try-servers check bench set-up clean
MAKEFLAGS += --no-print-directory

# The first Python on PATH that the lock was made for; PYTHON=... names another.
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11; do \
	if $$each -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then echo $$each; break; fi; done)
RUN := .venv/bin/python
WORKERS ?= 3

help:
	@echo "make demo          start everything with a synthetic region, show one patient's record, run until Ctrl-C"
	@echo "make demo ONCE=1   the same, then stop; exit 0 only if every step worked"
	@echo "make demo FAULTS=1 with sources that fail and heal by themselves, to watch on the board of sources"
	@echo "make test          checks, then all tests (ARGS='-k word' runs some; WORKERS=n in parallel)"
	@echo "make prove         the property tests, with twenty times as many examples as in make test, and all benchmarks once"
	@echo "make mutate        list small changes to the code that no test notices (ALL=1: in all pure modules; SEED=n; BASE=branch)"
	@echo "make try-servers   read FHIR servers that others wrote, from the package registries (ARGS='hapi --people 40')"
	@echo "make check         style, types, imports between rooms, migrations"
	@echo "make bench         benchmarks, each beside a reference or a limit"
	@echo "make clean         remove everything that was set up and created"
	@echo "PYTHON=python3.12 chooses the Python (3.11 to 3.13) to set up with."

python:
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null || { \
		echo "Python 3.11, 3.12 or 3.13 is needed: install one, or name one, as in: make demo PYTHON=/path/to/python3.12"; exit 1; }

demo: python
	@"$(PYTHON)" -m launcher.set_up assets
	@exec $(RUN) -m launcher demo $(if $(ONCE),--once) $(if $(FAULTS),--faults)

test: python
	@"$(PYTHON)" -m launcher.set_up assets browser
	@$(MAKE) run-checks
	@$(if $(ARGS),exec $(RUN) -m pytest -n $(WORKERS) $(ARGS),\
		$(RUN) -m slipcover -m pytest -n $(WORKERS) && $(RUN) -m tests.coverage_by_room .cache/coverage.json)

prove: python
	@"$(PYTHON)" -m launcher.set_up assets
	@PROVE=1 exec $(RUN) -m pytest -n $(WORKERS) tests/property tests/unit/fhir_data tests/integration/mpi/test_settling.py tests/integration/services/test_withheld_is_not_felt.py tests/integration/test_benchmarks.py $(ARGS)

mutate: python
	@"$(PYTHON)" -m launcher.set_up assets
	@exec $(RUN) -m tests.mutation $(if $(ALL),--all) $(if $(SEED),--seed $(SEED)) $(if $(BASE),--base $(BASE)) $(ARGS)

try-servers: python
	@"$(PYTHON)" -m launcher.set_up
	@exec $(RUN) -m tests.servers $(ARGS)

check: python
	@"$(PYTHON)" -m launcher.set_up
	@$(MAKE) run-checks

.PHONY: python run-checks
run-checks:
	@echo "ruff check"; $(RUN) -m ruff check .
	@echo "ruff format"; $(RUN) -m ruff format --check --quiet . || { echo "Some files are not formatted: run .venv/bin/ruff format ."; exit 1; }
	@echo "mypy"; $(RUN) -m mypy
	@echo "imports"; $(RUN) -c "from importlinter.cli import lint_imports_command; lint_imports_command()" >.cache/imports.log 2>&1 || { cat .cache/imports.log; exit 1; }
	@echo "migrations"; DJANGO_SETTINGS_MODULE=config.settings.local $(RUN) manage.py makemigrations --check --dry-run >.cache/migrations.log 2>&1 || { cat .cache/migrations.log; exit 1; }

bench: python
	@"$(PYTHON)" -m launcher.set_up assets
	@exec $(RUN) -m benchmarks $(ARGS)

set-up: python
	@"$(PYTHON)" -m launcher.set_up assets browser

clean: python
	@"$(PYTHON)" -m launcher.clean
