#!/usr/bin/env bash
# The package lightly, into the environment whose `python` comes first in PATH; `make .venv/lightly.done` and Snakemake's
# conda deployment run this after the pins of lightly.yaml.
#
# It is installed without its dependencies: hydra-core and pytorch_lightning serve its command line and its loading of
# data, and losses and heads do without.
set -euo pipefail

python -m pip install --quiet --no-deps lightly==1.6.0
