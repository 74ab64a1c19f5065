"""Many dry-runs in forks of one process, which imports Snakemake once.

Reads their argument lists on stdin and prints what each printed, as JSON, in the order given. Fails where one
fails.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from snakemake.cli import main

AT_A_TIME = 2


def start(arguments: list[str], output: Path) -> int:
    """Run Snakemake in a fork that writes what it prints to ``output``; return the fork's process id."""
    child = os.fork()
    if child:
        return child
    with output.open("w") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    code = 1
    try:
        main(arguments)
    except SystemExit as end:
        code = end.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(running: dict[int, Path]) -> None:
    """Wait for one of the forks to end, and end with what it printed if it failed."""
    child, status = os.wait()
    output = running.pop(child)
    if status:
        sys.exit(output.read_text())


given = json.load(sys.stdin)
with tempfile.TemporaryDirectory() as folder:
    outputs = [Path(folder) / str(number) for number in range(len(given))]
    running = {}
    for arguments, output in zip(given, outputs, strict=True):
        if len(running) == AT_A_TIME:
            wait(running)
        running[start(arguments, output)] = output
    while running:
        wait(running)
    print(json.dumps([output.read_text() for output in outputs]))
