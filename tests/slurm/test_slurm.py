"""The small study through profiles/slurm on a real SLURM, where no job can reach the internet."""

import re
from collections import Counter

LOCAL = {"download_dataset", "collect_results", "correlations", "results_table", "task_pages"}


def test_the_results_are_those_of_a_local_run(submitted, reference):
    assert submitted.table() == (reference.folder / "results/small/tables/measured.tsv").read_bytes()


def test_the_jobs_are_those_of_the_dry_run(submitted, untouched):
    planned = Counter(
        {
            rule: count
            for rule, count in untouched.planned().items()
            if rule not in LOCAL and not rule.startswith("plot_")
        }
    )
    comments = [comment for (comment,) in submitted.cluster.jobs("%k")]
    done = Counter(re.fullmatch(r"rule_(\w+?)(_wildcards_.*)?", comment)[1] for comment in comments)
    assert done == planned
