# `make` says what there is. Everything runs in .venv, which is made when it is missing or older than the lock.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
STAMP := $(VENV)/.installed
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

# a job's demo into $(2), which is replaced if it is there
job = $(IN_VENV) spark-submit jobs/$(1).py --output $(2) $$([ ! -e $(2)/manifest.json ] || echo --overwrite)

demo: $(STAMP) ## the samples, from raw corpora to a small trained model: out/*, each with its report
	@$(call job,build_parallel,out/samples)
	@$(call job,translate_instructions,out/instructions)
	@$(call job,build_mi_eval,out/mi_eval) --training out/samples/parallel --training out/instructions/instructions
	@$(call job,build_instructions,out/mixtures) --eval out/mi_eval/mi_eval
	@$(call job,tokenize_shards,out/tokens)
	@rm -rf out/training
	@$(IN_VENV) DS_ACCELERATOR=cpu deepspeed --num_accelerators 2 training/train.py --config training/configs/demo.yaml
	@echo
	@for out in samples instructions mi_eval mixtures tokens; do \
	    echo "report:       out/$$out/report.html"; \
	    echo "dataset card: $$(ls out/$$out/*/README.md)"; \
	    echo "manifest:     out/$$out/manifest.json"; \
	done
	@echo "model:        out/training/model"

# Tests of a file share what they build, so that files are handed out whole, and in their order: the longest are not last.
test: $(STAMP) ## the test-suite
	@$(IN_VENV) pytest -q -n 2 --dist loadfile --no-loadscope-reorder

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
