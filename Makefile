# One entry for everything. It needs Python 3.11 or newer with venv, and make; nothing else.
#
# Variables:
#   PYTHON        the interpreter that creates the environment          (make env PYTHON=python3.12)
#   PIP_FLAGS     more options for every `pip install`, such as an index with CPU builds of torch
#   SCALE         how large the experiments of `make paper` are         (make paper SCALE=laptop)
#                 and those of `make questions`
#   PAPER_FLAGS   more options for `make paper`                         (PAPER_FLAGS="fig2a --dry-run")
#   PYTEST_FLAGS  more options for pytest                               (make test PYTEST_FLAGS="-k ring -x")
#   JOBS          processes that the tests run in; "auto" is one a core (make test JOBS=1)

PYTHON ?= python3
VENV ?= .venv
PIP_FLAGS ?=
PYTEST_FLAGS ?=
JOBS ?= auto
SCALE ?= smoke
PAPER_FLAGS ?=

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# The torch that the pins are made with; the rest follows from pyproject.toml.
TORCH := torch==2.13.0
# One thread in each process: the processes fill the cores.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -n $(JOBS) --dist worksteal
# Tests start hundreds of processes: what one has compiled the next one finds, and so do workers.
unexport PYTHONDONTWRITEBYTECODE
FAST := not slow and not gpu and not drill and not reference and not browser and not docs
CHECKED := modcog sparse_rnn benchmarks tests

SHELL := /bin/sh
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: help env lint types layers house test test-fast test-slow test-docs test-envs test-browser test-rest test-triton triton drill bench-gpu demo paper questions docs api format constraints hashes clean

help:  ## list the targets
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/\1|\2/p' Makefile \
	  | while IFS='|' read -r target text; do printf '  %-12s %s\n' "$$target" "$$text"; done

env: $(STAMP)  ## create or update .venv with the pinned versions (a no-op when it is up to date)

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null 2>&1 \
	  || { echo "make: '$(PYTHON)' was not found. Install Python 3.11 or newer, or name one: make env PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "make: $$($(PYTHON) --version) is too old: Python 3.11 or newer is needed. Name one: make env PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' >/dev/null 2>&1 \
	  || { echo "make: $(PYTHON) has no venv module. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Setting up $(VENV) (a few minutes the first time) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt -e '.[rnn,fast,sweep,explore,docs,dev]'
	@touch $(STAMP)
	@echo "$(VENV) is ready."

lint: env types layers  ## ruff (rules and format), types, layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: env  ## the type checker, strict
	$(BIN)/basedpyright --pythonpath $(BIN)/python

layers: env  ## the import contracts
	$(BIN)/lint-imports --no-logo

house: env  ## print the measures of the architecture: floors, circles, entries, and the like
	@$(BIN)/python -m tests.architecture

test: env lint test-fast  ## lint, then the docs examples and the fast tests

test-fast: env  ## the docs examples and the fast tests
	$(PYTEST) -m "$(FAST)" $(PYTEST_FLAGS)

test-slow: env  ## the tests that train networks or build packages
	$(PYTEST) -m "slow and not gpu" $(PYTEST_FLAGS)

# The environments of these hold what a page says it needs, as links into .venv.
test-docs: env  ## each page of the documentation as its readers copy it, with only the extras it names
	$(PYTEST) -m docs $(PYTEST_FLAGS) tests/test_copied.py

# More environments, by their lists of packages: pyproject.toml refuses neurogym 2.3.1, hence
# --no-deps. Each stands in a folder of its own under .venvs/. neurogym needs a Python before 3.14.
ENVIRONMENTS := neurogym-2.2.0 neurogym-2.3.1 lowest
TESTS_OF_MODCOG := tests/modcog tests/acceptance
PAGES_OF_neurogym-2.2.0 := docs/neurogym.md
# What calls gymnasium or neurogym or is called by them, and what is drawn, against its description
# and against trials of before: of all that is tested, what may depend on the versions that are here.
OUTSIDE := tests/acceptance tests/modcog/envs tests/modcog/batches/test_dataset.py \
  tests/modcog/catalog/test_registry.py tests/modcog/test_combinations.py \
  tests/modcog/rendering/test_noise.py tests/modcog/test_pinned.py
RNN_OF_neurogym-2.3.1 := tests/sparse_rnn/training/test_neurogym.py

.venvs/%/.installed: tests/environments/%.txt
	@echo "Setting up $(@D) (a few minutes the first time) ..."
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -r $<
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

.PRECIOUS: .venvs/%/.installed

test-envs-%: .venvs/%/.installed
	OMP_NUM_THREADS=1 .venvs/$*/bin/pytest -n $(JOBS) --dist worksteal -m "$(FAST)" $(PYTEST_FLAGS) \
	  $(TESTS_OF_MODCOG) $(PAGES_OF_$*)
	$(if $(RNN_OF_$*),OMP_NUM_THREADS=1 .venvs/$*/bin/pytest $(PYTEST_FLAGS) $(RNN_OF_$*))
	$(if $(PAGES_OF_$*),.venvs/$*/bin/pytest -m docs $(PYTEST_FLAGS) tests/test_copied.py -k "$(PAGES_OF_$*:docs/%=%)")

test-envs: env $(addprefix test-envs-,$(ENVIRONMENTS))  ## the fast tests of modcog in four environments
	$(PYTEST) -m "$(FAST)" $(PYTEST_FLAGS) $(TESTS_OF_MODCOG)

test-neurogym: .venvs/neurogym-2.2.0/.installed  ## what of modcog's tests may depend on neurogym's pins
	$(MAKE) test-envs-neurogym-2.2.0 TESTS_OF_MODCOG="$(OUTSIDE)"

# Triton is large and needs no GPU here: its interpreter runs the kernel on the CPU. The shipped
# environment does without.
TRITON := triton==3.9.0

triton: env
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) $(TRITON)

test-triton: triton  ## the kernel for CUDA devices, under Triton's interpreter (installs Triton)
	$(BIN)/pytest tests/sparse_rnn/kernels/test_kernel_cuda.py $(PYTEST_FLAGS)

drill: env  ## the fault drills
	$(PYTEST) -m drill $(PYTEST_FLAGS)

test-browser: env  ## the tests in headless Chromium (skipped where there is none)
	$(PYTEST) -m browser $(PYTEST_FLAGS)

test-rest: env  ## test-slow, test-docs, drill and test-browser in one go
	$(PYTEST) -m "(slow or docs or drill or browser) and not gpu" $(PYTEST_FLAGS)

bench-gpu: env  ## training steps on an NVIDIA GPU: a table, in less than ten minutes
	$(BIN)/python -m benchmarks.speed.gpu -o gpu.json

demo: env  ## the main job: train three networks on cog-20 and draw their learning curves
	$(BIN)/python -m benchmarks.demo --out runs/demo

docs: env  ## the documentation site, into site/; stops at the first warning
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "site/index.html is the start. With search: $(BIN)/python -m http.server -d site"

api: env  ## take the public interface as it is now for the one that tests compare with
	$(BIN)/python -m tests.public_api > api.new
	mv api.new tests/public_api.txt

paper: env  ## the experiments of the paper, at SCALE=smoke, laptop or paper
	$(BIN)/python -m benchmarks.paper --scale $(SCALE) --summary docs/results.md $(PAPER_FLAGS)

questions: env  ## the experiments of our own questions, at SCALE=smoke or laptop
	$(BIN)/python -m benchmarks.questions --scale $(SCALE) --summary docs/results.md $(PAPER_FLAGS)

format: env  ## let ruff repair and format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

constraints:  ## write constraints.txt anew from pyproject.toml, in an empty environment
	rm -rf $(VENV)-pins
	$(PYTHON) -m venv $(VENV)-pins
	$(VENV)-pins/bin/python -m pip install --quiet $(PIP_FLAGS) '$(TORCH)' '.[rnn,fast,sweep,explore,docs,dev]'
	{ sed -n '/^#/p' constraints.txt; \
	  $(VENV)-pins/bin/python -m pip freeze --exclude modcog | sed 's/+[a-z0-9.]*$$//'; } > constraints.new
	mv constraints.new constraints.txt
	rm -rf $(VENV)-pins

hashes: env  ## constraints-hashed.txt, for this kind of machine: docs/releasing.md says what for
	$(BIN)/python -m pip install --quiet --dry-run --ignore-installed --report hashes.json $(PIP_FLAGS) \
	  -c constraints.txt '.[rnn,fast,sweep,explore,docs,dev]'
	$(BIN)/python .github/hashed_constraints.py < hashes.json > constraints-hashed.txt
	rm hashes.json

clean:  ## remove the environment, caches and build outputs (runs/ stays)
	rm -rf $(VENV) .venvs build dist site *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
