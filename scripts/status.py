"""What of a study is done, running, pending and failed, and the GPU-hours that are left.

`python scripts/status.py` takes the arguments of `snakemake`, such as `--profile slurm --configfile
config/ericsson2021.yaml`, in the folder where that runs, and only reads: it may be called meanwhile. Without
`--snakefile` the workflow is that of this script.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from transferscope.cluster import events, progress
from transferscope.cluster.sizes import read_sizes
from transferscope.errors import InputError
from transferscope.places import WORKFLOW, placed


def main(arguments: list[str]) -> None:
    """Print a row a protocol and rule that a cluster runs, and the sums; ``arguments`` are Snakemake's."""
    every = dry_run("--forceall", *arguments)
    pending = dry_run(*arguments)
    sizes = read_sizes(placed("config/job_sizes.tsv"))
    stages = sizes["stage"].groupby("rule", sort=False).first().to_dict()
    table = progress.table(every, set(pending), states(), stages)
    print(table.to_string(index=False, na_rep="", float_format=lambda hours: f"{hours:.1f}"))
    print(
        "\nGB and hours: what one job asks for, from the least to the most. GPU-hours: `used` by finished "
        "jobs; `most`, if every other job took all the time it asks for; `left`, if it took the share of it "
        "that finished jobs of its rule took."
    )


def dry_run(*arguments: str) -> dict[str, progress.Job]:
    """The jobs of a dry-run, by first output.

    Raises:
        InputError: what Snakemake said where it failed.
    """
    # Before the arguments, which may end in targets, and may name another Snakefile.
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(WORKFLOW / "Snakefile")]
    command = [*snakemake, "--dry-run", "--nocolor", *arguments]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "events.jsonl")
        environment = os.environ | {events.ASKED: str(path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            output = (done.stdout + done.stderr).strip()
            raise InputError(f"`snakemake -n {' '.join(arguments)}` failed:\n{output}")
        return progress.planned(events.read(path))


def states() -> dict[str, str]:
    """The last run's jobs that are not done, by first output: ``running``, ``queued`` or ``failed``."""
    runs = events.runs()
    jobs = progress.states(events.read(runs[-1])) if runs else {}
    queue = squeue() if any(state == "started" and number for state, number in jobs.values()) else {}
    alive = any(Path(".snakemake/locks").glob("*"))
    found = {}
    for output, (state, number) in jobs.items():
        if state == "failed":
            found[output] = "failed"
        elif state == "started" and number:
            if number in queue:
                found[output] = "queued" if queue[number] == "PENDING" else "running"
        elif state == "started" and alive:
            found[output] = "running"
    return found


def squeue() -> dict[str, str]:
    """The state of each of the user's jobs that are in SLURM, by number.

    Raises:
        InputError: SLURM does not answer.
    """
    command = ["squeue", "--me", "--noheader", "--states=PENDING,RUNNING,COMPLETING", "--format=%i %T"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"the last run's jobs are in SLURM, and `squeue` fails: {done.stderr.strip()}")
    return dict(line.split() for line in done.stdout.splitlines())


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(str(error))
