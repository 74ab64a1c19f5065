"""What the finished jobs of a study took, from the benchmark files that Snakemake writes."""

import ast
import logging
from collections.abc import Collection, Iterable
from pathlib import Path

import pandas as pd

COLUMNS = ["protocol", "model", "jobs", "gpu_hours", "core_hours"]
SHARED = "(all models)"


def costs(
    benchmarks: Iterable[str | Path],
    stages: pd.Series,
    targets: pd.Series,
    *,
    models: Collection[str],
    datasets: Collection[str],
) -> pd.DataFrame:
    """COLUMNS, a row a protocol and model: hours of GPUs, and of cores, that were held.

    A job of a protocol counts for the protocol's group, any other for the stage of its rule. A job's hours
    are those of its last, successful attempt: what was killed or tried again is not in them. A file without
    the columns of ``benchmark-extended``, as older runs left it, is left out.

    Args:
        benchmarks: the files.
        stages: the stage of each rule, indexed by rule, empty for one of protocols; other rules are left out.
        targets: the group of each protocol, indexed by id.
        models, datasets: those of the study; a job of another is left out.
    """
    known = stages.to_dict()
    rows = []
    for path in sorted(benchmarks):
        job = pd.read_csv(path, sep="\t").iloc[0]
        if "rule_name" not in job:
            logging.warning("%s does not say which job it measured; it is left out", path)
            continue
        wildcards = ast.literal_eval(job["wildcards"])
        group = targets.get(wildcards.get("protocol"), known.get(job["rule_name"], ""))
        model, dataset = wildcards.get("model"), wildcards.get("dataset")
        ours = model in (None, *models) and dataset in (None, *datasets)
        if job["rule_name"] not in known or not group or not ours:
            continue
        hours = job["s"] / 3600
        rows.append(
            {
                "protocol": group,
                "model": model or SHARED,
                "jobs": 1,
                "gpu_hours": hours * ast.literal_eval(job["resources"]).get("gpu", 0),
                "core_hours": hours * job["threads"],
            }
        )
    table = pd.DataFrame(rows, columns=COLUMNS).groupby(COLUMNS[:2], as_index=False).sum()
    table["protocol"] = pd.Categorical(table["protocol"], pd.unique(pd.concat([stages, targets])))
    return table.sort_values(["protocol", "model"], ignore_index=True)
