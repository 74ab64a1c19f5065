# Python 3.11, git and, but for `make published`, a C++ compiler are all that is needed; a target sets up .venv first.

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
	python scripts/run_here.py all
	snakemake --report results/demo/report.html
	@echo "table    results/demo/tables/results.md"
	@echo "figures  results/demo/figures/"
	@echo "report   results/demo/report.html"

# The paper's main figure first.
published: .venv/figures.done
	snakemake --configfile config/published.yaml --prioritize plot_correlation_scatter
	@cat results/published/tables/correlation_row.txt
	@echo "figure   results/published/figures/correlation_scatter.png, and others beside it"

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

# All of them, 50 minutes; writes docs/benchmarks.md. One alone: `python benchmarks/fewshot.py`.
bench: .venv/bench.done
	python benchmarks/page.py

# Set-up in stages: a target installs what it needs and no more. Each says first how much is downloaded and how long it
# takes after that, as measured on 2 cores.
setup: .venv/openmmlab.done

install = $(PINS) envs/$1.yaml > .venv/$1.txt && $(BIN)/pip install -qq -r .venv/$1.txt

.venv/figures.done: envs/figures.yaml
	@echo "set-up, tables and figures: 135 MB to download, then about a minute; 0.6 GB in .venv"
	@$(PYTHON) -m venv .venv
	@$(call install,figures)
	@touch $@

.venv/main.done: envs/main.yaml .venv/figures.done
	@echo "set-up, torch and what else protocols need: 2.8 GB to download, then two minutes; 5 GB in .venv"
	@$(call install,main)
	@touch $@

# The wheel of mmcv is kept in the user's cache (docs/openmmlab.md).
.venv/openmmlab.done: envs/openmmlab.yaml envs/openmmlab.post-deploy.sh .venv/main.done
	@echo "set-up, detection and segmentation: 75 MB to download, then two minutes to compile mmcv, once a user"
	@$(call install,openmmlab)
	@bash envs/openmmlab.post-deploy.sh
	@touch $@

# Losses and heads for pretraining (docs/pretraining.md), where they are wanted.
.venv/lightly.done: envs/lightly.yaml envs/lightly.post-deploy.sh .venv/main.done
	@echo "set-up, losses and heads of lightly: 1 MB to download"
	@$(call install,lightly)
	@bash envs/lightly.post-deploy.sh
	@touch $@

.venv/docs.done: envs/docs.yaml .venv/figures.done
	@echo "set-up, what makes the site of the documents: 27 MB to download"
	@$(call install,docs)
	@touch $@

.venv/test.done: envs/test.yaml .venv/openmmlab.done .venv/lightly.done .venv/docs.done
	@echo "set-up, what the tests need: 40 MB to download, then half a minute"
	@$(call install,test)
	@touch $@

.venv/bench.done: envs/bench.yaml .venv/openmmlab.done
	@echo "set-up, the solvers that are measured against: 60 MB to download, then half a minute"
	@$(call install,bench)
	@touch $@

# What the tests and the set-up left; results and downloads stay.
clean:
	rm -rf .venv .pytest_cache .ruff_cache site

# Everything that is not in git: the results, downloads and Snakemake's records too.
distclean:
	@du -sh .venv .snakemake resources results 2> /dev/null || true
	@read -p "Delete all of these, results and downloads included? [y/N] " answer && [ "$$answer" = y ]
	rm -rf .venv .pytest_cache .ruff_cache site .snakemake resources results
