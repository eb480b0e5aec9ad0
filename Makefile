# `make` says what there is. Everything runs in .venv, which is made when it is missing or older than the lock.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
STAMP := $(VENV)/.installed
SAMPLES_OUT := out/samples
TRANSLATED_OUT := out/instructions
MI_EVAL_OUT := out/mi_eval
# What runs in the environment finds its python, spark-submit and ninja first, and no other Spark.
IN_VENV := env -u SPARK_HOME -u PYSPARK_PYTHON -u PYSPARK_DRIVER_PYTHON PATH="$(CURDIR)/$(VENV)/bin:$$PATH"

.PHONY: help venv lock demo test check bench wheel

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) \
	    | while IFS='|' read -r target does; do printf 'make %-6s %s\n' "$$target" "$$does"; done

venv: $(STAMP) ## the environment with all extras and the test tools, from requirements.lock

$(STAMP): requirements.lock
	@.ci/make_venv.sh $(VENV)

lock: $(STAMP) ## writes requirements.lock from what .venv holds (see CONTRIBUTING.md)
	@$(VENV)/bin/python -m pip --disable-pip-version-check list --format=freeze --exclude-editable \
	    | sed 's/+.*//' | grep -vE '^(nvidia|cuda|triton|wheel)' > requirements.lock.new
	@mv requirements.lock.new requirements.lock
	@touch $(STAMP)

demo: $(STAMP) ## builds the samples: out/samples (parallel), out/instructions (translated), out/mi_eval (evaluation)
	@overwrite=; [ ! -e $(SAMPLES_OUT)/manifest.json ] || overwrite=--overwrite; \
	$(IN_VENV) spark-submit jobs/build_parallel.py --output $(SAMPLES_OUT) $$overwrite
	@overwrite=; [ ! -e $(TRANSLATED_OUT)/manifest.json ] || overwrite=--overwrite; \
	$(IN_VENV) spark-submit jobs/translate_instructions.py --output $(TRANSLATED_OUT) $$overwrite
	@overwrite=; [ ! -e $(MI_EVAL_OUT)/manifest.json ] || overwrite=--overwrite; \
	$(IN_VENV) spark-submit jobs/build_mi_eval.py --training $(SAMPLES_OUT)/parallel --training $(TRANSLATED_OUT)/instructions \
	    --output $(MI_EVAL_OUT) $$overwrite
	@echo
	@for out in $(SAMPLES_OUT) $(TRANSLATED_OUT) $(MI_EVAL_OUT); do \
	    echo "report:       $$out/report.html"; \
	    echo "dataset card: $$(ls $$out/*/README.md)"; \
	    echo "manifest:     $$out/manifest.json"; \
	done

test: $(STAMP) ## the test-suite
	@$(IN_VENV) pytest -q

check: $(STAMP) ## format, lint, types
	@$(IN_VENV) ruff format --check --output-format concise . || { echo "error: format these with $(VENV)/bin/ruff format ." >&2; exit 1; }
	@$(IN_VENV) ruff check .
	@$(IN_VENV) mypy

bench: $(STAMP) ## measures build_parallel
	@$(IN_VENV) python benchmarks/build_parallel.py

wheel: $(STAMP) ## dist/polyinstruct-*.whl, for spark-submit --py-files
	@rm -rf build # modules that are gone would linger there
	@mkdir -p dist
	@$(VENV)/bin/python -m pip -qq wheel --no-build-isolation --no-deps -w dist .
	@rm -rf build
	@ls dist/polyinstruct-*.whl
