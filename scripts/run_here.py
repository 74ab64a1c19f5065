"""Run Snakemake on this machine alone: its jobs are forks of one process, and a line says how far it is.

`python scripts/run_here.py` takes the arguments of `snakemake`. It is for studies of many short jobs, whose
Python would take as long to start as they take to run, such as the demo.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from transferscope.cluster import progress_line
from transferscope.cluster.preloaded import Preloaded

QUIET = ("--quiet", "reason", "host")


def main(arguments: list[str]) -> int:
    """Run Snakemake with ``arguments``; return its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        preloaded = Preloaded(Path(folder))
        # Snakemake starts a script with the `python` of its PATH.
        path = os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])
        environment = os.environ | {"PATH": path, progress_line.ASKED: "1"}
        try:
            command = [preloaded.python, "-m", "snakemake", *arguments, *QUIET]
            return subprocess.run(command, env=environment).returncode
        finally:
            preloaded.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
