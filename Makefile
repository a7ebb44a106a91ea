# `make demo` and `make test` are the two to know. Each target first makes the environment it needs,
# and only when something that defines it has changed.

VENV ?= .venv
PYTHON ?=
export PYTHONNOUSERSITE := 1
unexport PYTHONPATH PYTHONHOME

python := $(VENV)/bin/python
pip := $(python) -m pip --disable-pip-version-check install -qq --no-build-isolation -c constraints.txt
plugins := $(patsubst %/pyproject.toml,%,$(sort $(wildcard plugins/*/pyproject.toml adapters/*/pyproject.toml)))
installed := $(VENV)/.installed

.PHONY: help setup demo test soak foreign bench check format lint types layers fix docs catalogue picture clean

help:
	@echo "make demo    the whole of zoo in three minutes, on real data, with no network"
	@echo "make test    the test suite"
	@echo "make check   format, lint, types and layers, as CI runs them"
	@echo "make fix     mend what the formatter and the linter can mend"
	@echo "make docs    write what the code itself says into docs/ anew"
	@echo "make catalogue  measure the listed backbones anew, and write docs/catalogue.md"
	@echo "make soak    the long tests; SOAK_KILLS=1000 processes killed at work, SOAK_SEED=0"
	@echo "make foreign the conformance kit on backbones of libraries that nobody here wrote"
	@echo "make bench   the tables in benchmarks/"

setup: $(installed)

demo: $(installed)
	@$(python) examples/demo.py

test: $(installed)
	@$(python) -m pytest -n 3 --dist loadfile --no-loadscope-reorder

soak: $(installed)
	@$(python) -m pytest -m soak

foreign: $(installed)
	@$(pip) -e .[foreign]
	@$(python) -m pytest -m soak tests/testing/test_foreign.py

bench: $(installed)
	$(python) benchmarks/startup.py
	$(python) benchmarks/many_plugins.py
	$(python) benchmarks/pull.py
	$(python) -m benchmarks.table ../shared
	$(python) -m benchmarks.ranking ../shared
	$(python) -m benchmarks.targets ../shared
	$(python) -m benchmarks.multi_task ../shared
	$(python) -m benchmarks.entities ../shared

check: format lint types layers

format: $(installed)
	$(python) -m ruff format --check .

lint: $(installed)
	$(python) -m ruff check .

types: $(installed)
	$(python) -m mypy

layers: $(installed)
	$(VENV)/bin/lint-imports

fix: $(installed)
	$(python) -m ruff check --fix .
	$(python) -m ruff format .

docs: $(installed)
	@$(python) -m docs.write_options
	@$(python) -m docs.write_adapters
	@$(python) -m docs.write_tasks
	@$(python) -m docs.write_catalogue
	@$(python) -m docs.write_rules
	@$(python) -m docs.write_faults

catalogue: $(installed)
	@for script in plugins/*/measure.py; do $(python) $$script || exit 1; done
	@$(python) -m docs.write_catalogue

picture: $(installed)
	@$(python) examples/picture.py

clean:
	rm -rf $(VENV) demo-out

# The host goes first, so that the plugins' requirement `zoo` is met by this checkout and never
# looked up on an index.
$(installed): constraints.txt pyproject.toml $(addsuffix /pyproject.toml,$(plugins))
	@test -x $(python) || { $(find_python); "$$found" -m venv --clear $(VENV); }
	@echo "Installing zoo and its plugins into $(VENV): a minute or two, once."
	@$(pip) hatchling editables setuptools setuptools-scm  # the last two build seqeval
	@$(pip) -e '.[fit,dev]'
	@$(pip) $(addprefix -e ,$(plugins))
	@touch $@

find_python = found=; \
	for candidate in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	  "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  && found=$$candidate && break; \
	done; \
	test -n "$$found" || { \
	  echo "zoo needs Python 3.11 or later, and there is none on the PATH." >&2; \
	  echo "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
	  exit 1; }
