"""What the finished jobs of a study took, from the benchmark files that Snakemake writes."""

import ast
import logging
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

COLUMNS = ["protocol", "model", "jobs", "gpu_hours", "core_hours"]
SHARED = "(all models)"


def costs(benchmarks: Iterable[str | Path], stages: pd.Series) -> pd.DataFrame:
    """COLUMNS, a row a protocol and model: hours of GPUs, and of cores, that were held.

    A job's hours are those of its last, successful attempt: what was killed or tried again is not in them. A
    file without the columns of ``benchmark-extended``, as older runs left it, is left out.

    Args:
        benchmarks: the files.
        stages: the protocol or stage of each rule, indexed by rule; other rules are left out.
    """
    rows = []
    for path in sorted(benchmarks):
        job = pd.read_csv(path, sep="\t").iloc[0]
        if "rule_name" not in job:
            logging.warning("%s says not which job it measured; it is left out", path)
        elif job["rule_name"] in stages.index:
            hours = job["s"] / 3600
            resources = ast.literal_eval(job["resources"])
            rows.append(
                {
                    "protocol": stages[job["rule_name"]],
                    "model": ast.literal_eval(job["wildcards"]).get("model", SHARED),
                    "jobs": 1,
                    "gpu_hours": hours * resources.get("gpu", 0),
                    "core_hours": hours * job["threads"],
                }
            )
    table = pd.DataFrame(rows, columns=COLUMNS).groupby(COLUMNS[:2], as_index=False).sum()
    table["protocol"] = pd.Categorical(table["protocol"], stages.unique())
    return table.sort_values(["protocol", "model"], ignore_index=True)
