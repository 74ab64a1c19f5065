"""A study, killed again and again at random, ends as one that was left alone: `make soak`, or

`python tests/soak.py --kills 20 -- snakemake's arguments`.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What is deterministic: not how long it took, nor what was logged.
SAME = ("tables/measured.tsv", "tables/correlations.tsv", "tables/results.md", "figures/**/*.png")
OTHER = "costs.png"


def main(kills: int, seconds: float, seed: int, arguments: list[str]) -> None:
    """Run the study twice, once with ``kills`` SIGKILLs to Snakemake and all its jobs, and compare.

    A kill comes after up to ``seconds`` of each start; it counts if the study was not yet done.
    """
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        calm, killed = copy(Path(folder, "calm")), copy(Path(folder, "killed"))
        started = time.monotonic()
        subprocess.run(command(arguments), cwd=calm, check=True, capture_output=True)
        print(f"left alone: {time.monotonic() - started:.0f} s", flush=True)
        started, number = time.monotonic(), 0
        while number < kills:
            wait = rng.uniform(0, seconds)
            if not killed_after(wait, killed, arguments):
                break
            number += 1
            print(f"kill {number} after {wait:.1f} s", flush=True)
        subprocess.run(command(arguments), cwd=killed, check=True, capture_output=True)
        print(f"{number} kills: {time.monotonic() - started:.0f} s", flush=True)
        compare(calm, killed)
        if number < kills:
            sys.exit(f"the study was done after {number} kills: start anew with a smaller --seconds")


def copy(folder: Path) -> Path:
    """The project without what was made of it."""
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in files.stdout.split():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    return folder


def command(arguments: list[str]) -> list[str]:
    """Snakemake with these arguments."""
    return [sys.executable, "-m", "snakemake", *arguments]


def killed_after(seconds: float, folder: Path, arguments: list[str]) -> bool:
    """Start Snakemake and kill it with all its jobs; false if it ended before."""
    process = subprocess.Popen(
        command(arguments),
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        subprocess.run(command(["--unlock", *arguments]), cwd=folder, check=True, capture_output=True)
        return True
    assert code == 0, f"Snakemake failed in {folder}"
    return False


def compare(calm: Path, killed: Path) -> None:
    """Fail unless both folders hold the same results, and no temporary file is left."""
    (results,) = (path for path in (calm / "results").iterdir() if path.is_dir())
    paths = [path for pattern in SAME for path in results.glob(pattern) if path.name != OTHER]
    names = [path.relative_to(calm) for path in paths]
    assert names
    for name in names:
        assert (calm / name).read_bytes() == (killed / name).read_bytes(), f"{name} differs"
    here = {path.relative_to(folder) for folder in (calm, killed) for path in folder.glob("results/**/*")}
    only = [path for path in here if (calm / path).exists() != (killed / path).exists()]
    assert not only, f"in one of the two only: {sorted(only)}"
    print(f"{len(names)} files, tables and figures, are the same to the byte")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("arguments", nargs="*", help="of Snakemake, after --")
    main(**vars(parser.parse_args()))
