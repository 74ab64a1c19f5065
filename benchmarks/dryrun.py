"""Cost of a dry-run of the whole study: `python benchmarks/dryrun.py`.

CPU time of `snakemake -n` for config/ericsson2021.yaml, with its 14 models and with 140, against that of
a single job: Snakemake's start-up with our tables read and checked. The difference is what jobs cost.
"""

import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import pandas as pd
import yaml
from page import Row, report

ROOT = Path(__file__).parents[1]
STUDY = "config/ericsson2021.yaml"
ONE_JOB = "resources/checkpoints/supervised"
REPEATS = 3
TIMES = 10


def main() -> None:
    """Print the median CPU time of each, and the differences a job."""
    dry_run([STUDY])  # byte-compiles what is not yet
    start, one = measure([STUDY], ONE_JOB)
    seconds, jobs = measure([STUDY])
    with tempfile.TemporaryDirectory() as folder:
        more_seconds, more_jobs = measure([STUDY, more_models(Path(folder))])
    print(f"one job      {start:6.2f} s of CPU time for {one}")
    print(f"whole study  {seconds:6.2f} s of CPU time for {jobs} jobs")
    print(f"140 models   {more_seconds:6.2f} s of CPU time for {more_jobs} jobs")
    cost, more_cost = (seconds - start) / (jobs - one), (more_seconds - start) / (more_jobs - one)
    print(f"difference   {1000 * cost:6.2f} ms a job, with 140 models {1000 * more_cost:.2f} ms")
    ratio = f"{more_cost / cost:6.2f} times the cost of a job"
    print(f"linear       {ratio} with {more_jobs / jobs:.1f} times the jobs")
    report(
        Row(
            f"a job of a dry-run with {TIMES} times the models, CPU",
            f"one of the whole study, {jobs:,} jobs",
            f"{more_cost / cost:.2f} of its time",
            (more_cost, cost),
            f"Snakemake's start-up takes {start:.1f} s",
        )
    )


def more_models(folder: Path) -> str:
    """A configuration with ten rows for each model of the study."""
    study = yaml.safe_load((ROOT / STUDY).read_text())
    models = pd.read_csv(ROOT / "config/models.tsv", sep="\t", dtype=str, keep_default_na=False)
    copies = [models[models["id"].isin(study["models"])].assign(copy=str(number)) for number in range(TIMES)]
    table = pd.concat(copies)
    table["id"] = table["id"] + "-" + table["copy"]
    table.drop(columns="copy").to_csv(folder / "models.tsv", sep="\t", index=False)
    overlay = {
        "models": list(table["id"]),
        "tables": {"models": str(folder / "models.tsv")},
        "compare": "none",
    }
    (folder / "more.yaml").write_text(yaml.safe_dump(overlay))
    return str(folder / "more.yaml")


def measure(files: list[str], *target: str) -> tuple[float, int]:
    """Median CPU seconds of a dry-run, and its number of jobs."""
    runs = []
    for _ in range(REPEATS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        jobs = dry_run(files, *target)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        runs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return median(runs), jobs


def dry_run(files: list[str], *target: str) -> int:
    """The number of jobs that a dry-run without any results plans."""
    command = [sys.executable, "-m", "snakemake", "-n", "-q", "rules", "--forceall"]
    command += ["--configfile", *files, *(["--", *target] if target else [])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return int(re.search(r"^total +(\d+)", done.stdout + done.stderr, re.MULTILINE)[1])


if __name__ == "__main__":
    main()
