# The door of the kit. `make` alone lists what it can do; written for GNU make 3.81 (macOS) and any POSIX shell.
.DEFAULT_GOAL := help

PYTHON ?=## Python >= 3.11 to make .venv with, if the first one found is not the right one
BIDS_ROOT ?=## repro: your own BIDS folder as the input, in place of the synthetic one
TRIALS ?=## repro: trials of each race, such as 20
MEMORY ?=## repro: memory cap of the full-scale trials, such as 2GiB
TARGET ?=## repro: the affected environment to look at, such as "datasets==5.1.0 pyarrow==24.0.0"
DEPTH ?=## repro: full tries all releases, fixes and sizes (up to an hour); quick, the default, a few of each
EXTRA ?=## env: dask adds what --executor needs, and stays until .venv is removed
FRESH ?=## repro: 1 measures everything again, also where nothing changed since the last run
ARGS ?=## repro, test, lab, lock, bench, matrix, regress, hunt, mutants: further options for the command behind it

# A conda environment made from environment.yml is used as it is; its own tools are the proof that it is complete.
COMPLETE := import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ("papermill", "memray", "uv"))))
ifeq ($(CONDA_DEFAULT_ENV),datasets-repro)
CONDA := $(shell "$(CONDA_PREFIX)/bin/python" -I -c '$(COMPLETE)' 2>/dev/null && echo complete)
endif

ifeq ($(CONDA),complete)
PY := "$(CONDA_PREFIX)/bin/python"
READY := conda-kit
else
PY := .venv/bin/python
READY := .venv/.ready
# A copied or moved .venv still points to the old folder, and one whose Python is gone points nowhere.
ifneq ($(shell test -x $(PY) && cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif
ifneq ($(EXTRA),)
ifneq ($(shell cat .venv/.extra 2>/dev/null),$(EXTRA))
.PHONY: $(READY)
endif
endif
# Notebooks may say `!repro …`, as in an activated environment.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
endif

REPORT_OPTIONS = $(if $(DEPTH),--depth "$(DEPTH)") $(if $(FRESH),--fresh) $(if $(BIDS_ROOT),--bids-root "$(BIDS_ROOT)") $(if $(TRIALS),--trials "$(TRIALS)") \
	$(if $(MEMORY),--memory "$(MEMORY)") $(if $(TARGET),--target "$(TARGET)")
# JupyterLab asks its makers for news and updates unless told otherwise, and with news off still asks whether it may
# (tools/jupyter answers that); nothing leaves this machine unasked.
LAB_OPTIONS = --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
	--LabApp.extension_manager=readonly
# A file of tests stays in one process, so that what its tests share is made once; tests/conftest.py has the order.
PYTEST = $(PY) -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

DASK := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["dask"], sep="\n")

.PHONY: help env repro lab test test-all lint mutants strip bench matrix regress hunt publish lock clean distclean conda-kit git-there

help: ## Show this help
	@awk 'BEGIN { FS = " *[?]?[:=] *[^#]*## *" } \
		/^[a-z][a-z-]*:.*## / { t = t sprintf("  make %-11s %s\n", $$1, $$2) } \
		/^[A-Z_]+ [?]=## / { v = v sprintf("  %-16s %s\n", $$1, $$2) } \
		END { printf "Commands:\n%s\nVariables (make repro NAME=value):\n%s", t, v }' Makefile

env: $(READY) ## Make the environment, or bring it up to date, and nothing else

repro: git-there $(READY) ## Reproduce every claim: run the notebooks and write reports/
	$(PY) -m repro report $(strip $(REPORT_OPTIONS) $(ARGS))

lab: $(READY) ## Open JupyterLab on notebooks/
	JUPYTER_CONFIG_PATH="$(CURDIR)/tools/jupyter$${JUPYTER_CONFIG_PATH:+:$$JUPYTER_CONFIG_PATH}" \
		$(PY) -m jupyterlab --notebook-dir notebooks $(LAB_OPTIONS) $(ARGS)

test: git-there $(READY) ## Run the tests but the slow ones (ARGS="-k words" for some of them)
	$(PYTEST) -m "not slow" $(ARGS)

test-all: git-there $(READY) ## Run all tests, as .ci/run does
	$(PYTEST) $(ARGS)

lint: $(READY) ## Check style, types, layers and the workflows
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -c 'from importlinter.cli import lint_imports_command as lint; lint()' --no-cache --no-logo
	"$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("scripts"))')/zizmor" --offline --quiet .github/workflows
	@if command -v actionlint >/dev/null; then actionlint; else \
		echo "note: actionlint is not installed (macOS: brew install actionlint), so only zizmor saw the workflows"; fi

mutants: git-there $(READY) ## Break the deciding places one fault at a time: how many do the tests notice?
	$(PY) tools/mutants.py $(ARGS)

strip: $(READY) ## Remove outputs and run times from notebooks/, before a commit
	$(PY) -m nbstripout --keep-id \
		--extra-keys "metadata.papermill cell.metadata.papermill metadata.language_info" notebooks/*.ipynb

bench: git-there $(READY) ## Run the benchmarks
	$(PY) benchmarks/run.py $(ARGS)

matrix: git-there $(READY) ## Try every bug on every release (ARGS="--axis latest" for a few)
	$(PY) -m repro matrix --races $(ARGS)

regress: git-there $(READY) ## Compare the newest releases with reports/expected.json and the corpus of the hunt
	@status=0; $(PY) -m repro regress $(ARGS) || status=1; $(PY) -m repro hunt --replay || status=1; exit $$status

hunt: $(READY) ## Run random programs over datasets until one is wrong (ARGS="--time 20min --seed 7")
	$(PY) -m repro hunt $(ARGS)

publish: $(READY) ## Copy the latest report, made small, to reports/published
	$(PY) -m repro publish $(ARGS)

lock: $(READY) ## Write the lock files anew from pyproject.toml (ARGS=--upgrade for newer releases)
	$(PY) -m uv pip compile pyproject.toml --quiet --extra dev --universal --generate-hashes --python-version 3.11 \
		--custom-compile-command "make lock" --output-file requirements.lock $(ARGS)
	$(PY) -c '$(DASK)' | $(PY) -m uv pip compile - --quiet --universal --generate-hashes --python-version 3.11 \
		--constraint requirements.lock --no-annotate --custom-compile-command "make lock" \
		--output-file requirements-dask.lock $(ARGS)

clean: ## Remove what the kit has made: scratch reports, caches, build leftovers
	@if test -x $(PY) && $(PY) -c 'import repro.cli' 2>/dev/null; then $(PY) -m repro clean; fi
	find reports -mindepth 1 -maxdepth 1 ! -name README.md ! -name expected.json ! -name claims.md \
		! -name published -exec rm -rf {} +
	find repro tests tools benchmarks notebooks -type d \( -name __pycache__ -o -name .ipynb_checkpoints \) \
		-prune -exec rm -rf {} + 2>/dev/null || true
	rm -rf mutants .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info

distclean: clean ## Remove .venv as well
	rm -rf .venv

.venv/.ready: requirements.lock $(wildcard requirements-*.lock) pyproject.toml tools/environment.sh
	@EXTRA="$(EXTRA)" sh tools/environment.sh "$(PYTHON)"

# conda hands all pip lines to one pip call, and pip takes no editable install beside hashes: so the kit comes after.
KIT_IS_HERE := import os, repro, sys; sys.exit(not os.path.samefile(os.path.join(repro.__path__[0], ".."), "."))
conda-kit:
	@$(PY) -I -c '$(KIT_IS_HERE)' 2>/dev/null || \
		$(PY) -m uv pip install --quiet --python $(PY) --no-deps --no-build-isolation -e .

git-there:
	@git --version >/dev/null 2>&1 || { echo "error: git is missing, and patches and checkouts need it." \
		"Install it (macOS: xcode-select --install; Debian, Ubuntu: apt install git)" >&2; exit 1; }
