"""The small study by `--profile slurm` on a real SLURM, where no job can reach the internet."""

import re
from collections import Counter
from datetime import datetime

from tests.slurm.cluster import GPUS, NODES, SCRATCH
from tests.slurm.conftest import RESULTS, TABLE

LOCAL = {
    "download_dataset",
    "collect_results",
    "resolve_study",
    "collect_costs",
    "correlations",
    "results_table",
    "task_pages",
}
WITH_GPU = {"extract_features", "finetune_grid", "finetune_refit"}


def first_lines(project) -> dict[str, set[str]]:
    """For each rule, how its jobs' logs begin."""
    found = {}
    for log in (project.folder / RESULTS / "logs").rglob("*.log"):
        rule = log.relative_to(project.folder / RESULTS / "logs").parts[0].removesuffix(".log")
        found.setdefault(rule, set()).add(log.read_text().partition("\n")[0][9:])
    return found


def test_the_results_are_those_of_a_local_run(submitted, reference):
    assert submitted.table() == (reference.folder / TABLE).read_bytes()


def test_the_jobs_are_those_of_the_dry_run(submitted, untouched):
    planned = {
        rule: count
        for rule, count in untouched.planned().items()
        if rule not in LOCAL and not rule.startswith("plot_")
    }
    done = Counter()
    for where, comment in submitted.cluster.jobs("%Z %k"):
        if where == str(submitted.folder):
            done[re.fullmatch(r"rule_(\w+?)(_wildcards_.*)?", comment)[1]] += 1
    assert done == planned


def test_gpu_jobs_got_their_gpu_from_slurm_and_no_others_did(submitted):
    for rule, lines in first_lines(submitted).items():
        if rule in WITH_GPU:
            assert all(re.fullmatch(r"SLURM job \d+ on node\d, GPU 0", line) for line in lines)
        elif rule in LOCAL or rule.startswith("plot_"):
            assert not any(line.startswith("SLURM") for line in lines)
        else:
            assert all(re.fullmatch(r"SLURM job \d+ on node\d, GPU none", line) for line in lines)


def test_no_node_lent_more_gpus_than_it_has(submitted):
    rows = submitted.cluster.jobs("%P %N %S %e")
    jobs = [[node, *map(datetime.fromisoformat, times)] for part, node, *times in rows if part == "gpu"]
    assert len(jobs) >= 6
    for node in NODES:
        for _, moment, _ in jobs:
            at_once = [job for job in jobs if job[0] == node and job[1] <= moment < job[2]]
            assert len(at_once) <= GPUS


def test_the_cluster_has_no_network(cluster):
    assert re.findall(r"^\d+: (\w+)", cluster.run(["ip", "link"]), re.MULTILINE) == ["lo"]


def test_costs_are_counted_by_gpu(submitted):
    table = (submitted.folder / RESULTS / "tables/costs.tsv").read_text()
    rows = [line.split("\t") for line in table.splitlines()[1:]]
    hours = {(protocol, model): float(gpu) for protocol, model, _, gpu, _ in rows}
    assert hours["finetune", "random-mobilenetv2"] > 0
    assert hours["linear", "random-mobilenetv2"] == 0


def test_trainings_read_from_their_nodes_own_disk(submitted):
    logs = list((submitted.folder / RESULTS / "logs").glob("finetune_*/**/*.log"))
    assert len(logs) == 2
    assert all(f"from its copy in {SCRATCH}/" in log.read_text() for log in logs)
