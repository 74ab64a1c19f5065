# `make demo` and `make test` need Python 3.11, git and a C++ compiler, nothing else; both set up .venv first.

ifneq ($(words $(CURDIR)),1)
$(error $(CURDIR) has a blank in its name, on which scripts in .venv and shells of jobs split it; move the clone)
endif

PYTHON ?= python3.11
BIN := .venv/bin
PINS = sed -n 's/^ *- \(.*==.*\)/\1/p'
# Snakemake starts a script with the `python` of its PATH.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo published profile test test-workflow test-library test-slurm soak bench check docs setup clean distclean

demo: setup
	snakemake all
	snakemake --report results/demo/report.html
	@echo "table    results/demo/tables/results.md"
	@echo "figures  results/demo/figures/"
	@echo "report   results/demo/report.html"

published: setup
	snakemake --configfile config/published.yaml
	@cat results/published/tables/correlation_row.txt

# Puts profiles/slurm where `snakemake --profile slurm` finds it, and asks what is not given, as in
# `make profile ACCOUNT=mine GPU_PARTITION=gpu`. What the environment says is not meant: a cluster's SCRATCH is another.
given = $(if $(filter command,$(origin $1)),'$($1)','')

profile: .venv/main.done
	@python scripts/make_profile.py --account $(call given,ACCOUNT) --partition $(call given,PARTITION) \
		--gpu-partition $(call given,GPU_PARTITION) --scratch $(call given,SCRATCH)

test: .venv/test.done
	$(MAKE) check
	$(MAKE) --jobs=2 --output-sync=target test-workflow test-library

# The whole workflow on a small study, which waits for its jobs; the library and the scripts beside it.
test-workflow: .venv/test.done
	pytest tests/workflow --durations=12

test-library: .venv/test.done
	pytest tests/unit tests/rules --durations=12

# As root, on Debian: brings up a SLURM of its own, and installs what it needs for that.
test-slurm: .venv/test.done
	pytest tests/slurm --durations=12 --durations-min=5

soak: setup
	python tests/soak.py

check: .venv/test.done
	ruff check
	ruff format --check
	snakefmt --check .
	snakemake --lint
	snakemake -n -q rules

docs/utility.png: docs/utility_curves.tsv
	python scripts/draw_outcomes.py $< $@

# The site of the documents, with the figures of the demo, or else of the published study, in its gallery.
docs: .venv/docs.done
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict
	@echo "site     site/index.html"

bench: .venv/bench.done
	python benchmarks/dryrun.py
	python benchmarks/linear.py
	python benchmarks/fewshot.py
	python benchmarks/extraction.py
	python benchmarks/detection.py
	python benchmarks/normals.py
	python benchmarks/saliency.py
	python benchmarks/pretraining.py
	python benchmarks/scenes.py
	python benchmarks/crops.py

setup: .venv/main.done .venv/openmmlab.done

.venv/main.done: envs/main.yaml
	$(PYTHON) -m venv .venv
	$(PINS) envs/main.yaml > .venv/main.txt
	$(BIN)/pip install -r .venv/main.txt
	touch $@

# mmcv is compiled the first time (docs/openmmlab.md); its wheel is kept in the user's cache.
.venv/openmmlab.done: envs/openmmlab.yaml envs/openmmlab.post-deploy.sh .venv/main.done
	$(PINS) envs/openmmlab.yaml > .venv/openmmlab.txt
	$(BIN)/pip install -r .venv/openmmlab.txt
	bash envs/openmmlab.post-deploy.sh
	touch $@

# Losses and heads for pretraining (docs/pretraining.md), where they are wanted.
.venv/lightly.done: envs/lightly.yaml envs/lightly.post-deploy.sh .venv/main.done
	$(PINS) envs/lightly.yaml > .venv/lightly.txt
	$(BIN)/pip install -r .venv/lightly.txt
	bash envs/lightly.post-deploy.sh
	touch $@

.venv/docs.done: envs/docs.yaml .venv/main.done
	$(PINS) envs/docs.yaml > .venv/docs.txt
	$(BIN)/pip install -r .venv/docs.txt
	touch $@

.venv/test.done: envs/test.yaml .venv/main.done .venv/openmmlab.done .venv/lightly.done .venv/docs.done
	$(PINS) envs/test.yaml > .venv/test.txt
	$(BIN)/pip install -r .venv/test.txt
	touch $@

.venv/bench.done: envs/bench.yaml .venv/main.done .venv/openmmlab.done
	$(PINS) envs/bench.yaml > .venv/bench.txt
	$(BIN)/pip install -r .venv/bench.txt
	touch $@

# What the tests and the set-up left; results and downloads stay.
clean:
	rm -rf .venv .pytest_cache .ruff_cache site

# Everything that is not in git: the results, downloads and Snakemake's records too.
distclean:
	@du -sh .venv .snakemake resources results 2> /dev/null || true
	@read -p "Delete all of these, results and downloads included? [y/N] " answer && [ "$$answer" = y ]
	rm -rf .venv .pytest_cache .ruff_cache site .snakemake resources results
