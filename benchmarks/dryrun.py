"""CPU time of a dry-run of the full study: `python benchmarks/dryrun.py`.

Compares `snakemake -n` for config/ericsson2021.yaml with the same for a single job, which measures
Snakemake's start-up and the validation of our tables. The difference is the cost of the jobs.
"""

import re
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
ONE_JOB = "resources/checkpoints/supervised"
REPEATS = 3


def main() -> None:
    """Print both median CPU times and the difference per job."""
    dry_run()  # warm-up: byte-compiles modules
    seconds, jobs = measure()
    start, one = measure("--", ONE_JOB)
    print(f"whole study  {seconds:5.2f} s of CPU time for {jobs} jobs")
    print(f"one job      {start:5.2f} s of CPU time for {one}")
    print(f"difference   {1000 * (seconds - start) / (jobs - one):5.2f} ms a job")


def measure(*target: str) -> tuple[float, int]:
    """Median CPU seconds of a dry-run, and the number of jobs."""
    runs = []
    for _ in range(REPEATS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        jobs = dry_run(*target)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        runs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return median(runs), jobs


def dry_run(*target: str) -> int:
    """Number of jobs in a dry-run without existing results."""
    command = [sys.executable, "-m", "snakemake", "-n", "-q", "rules", "--forceall"]
    command += ["--configfile", "config/ericsson2021.yaml", *target]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return int(re.search(r"^total +(\d+)", process.stdout + process.stderr, re.MULTILINE)[1])


if __name__ == "__main__":
    main()
