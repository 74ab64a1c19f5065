"""Finetuning with a prefix of the network frozen, beside that of the whole (Asano et al., ICLR 2020)."""

from pathlib import Path

import pandas as pd

from transferscope.errors import InputError
from transferscope.results.efficiency import judged
from transferscope.results.long_table import read_table
from transferscope.results.resolved import Study, means

FROZEN = ["protocol", "dataset", "metric", "freeze", "model"]


def read_frozen(path: str | Path, study: Study, protocol: str) -> pd.DataFrame:
    """A protocol's results by the stage up to which networks were frozen, from the long table at ``path``.

    Returns:
        FROZEN, where ``freeze`` is empty for nothing and ``model`` the first of those that differ in their
        seed alone, and ``value``, ``deviation`` and ``runs`` of ``means``, in the metric that stands for the
        protocol.

    Raises:
        InputError: nothing was frozen.
    """
    table = read_table(path)
    rows = judged(table[table["protocol"] == protocol], study)
    if not (rows["freeze"] != "").any():
        raise InputError(f"{path} has no result of {protocol} with a frozen network; add stages to `freeze`")
    return means(rows.assign(model=rows["model"].map(study.models["repeats"])), FROZEN)
