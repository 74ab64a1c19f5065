"""Take over the results of the layout before variants: `python scripts/take_over.py results/demo`.

Features, trainings and reconstructions are kept; what is drawn and printed from them is made again, and so is
how similar models are. Call it where Snakemake is called, with the study's `--configfile` after the folder if
it is not the demo's. What is kept, and datasets that were placed by hand, are taken for made from the data as
it is.
"""

import json
import subprocess
import sys
from collections import ChainMap
from collections.abc import Iterable
from pathlib import Path

import h5py
import yaml

from transferscope import files
from transferscope.errors import InputError
from transferscope.places import WORKFLOW
from transferscope.results import takeover

MADE_AGAIN = {"tables", "figures", "logs", "benchmarks"}
OUTPUTS = {".json", ".h5", ".tsv", ".png"}


def main(folder: str, *arguments: str) -> None:
    """Rewrite the results in ``folder``, and let Snakemake forget by which params its files were made.

    Raises:
        InputError: there is no such folder, nothing in it is of the earlier layout, or Snakemake fails.
    """
    results = Path(folder)
    if not results.is_dir():
        raise InputError(f"there is no folder {results}; name the folder of a study's results")
    taken = [path for path in results.glob("*/*/*.json") if takeover.is_older(path)]
    if not taken:
        raise InputError(f"{results} has no results of the earlier layout; there is nothing to take over")
    for path in taken:
        files.write_json(path, takeover.converted(json.loads(path.read_text(encoding="utf-8"))))
    for protocol, kind in takeover.KINDS.items():
        for path in results.glob(f"{protocol}/*/*.examples.h5"):
            with h5py.File(path, "a") as file:
                file.attrs["kind"] = kind
    # What is drawn and printed is to be made again, and logs and benchmarks have no record.
    kept = [folder for folder in results.iterdir() if folder.name not in MADE_AGAIN and folder.is_dir()]
    made = [str(path) for folder in kept for path in folder.rglob("*") if path.suffix in OUTPUTS]
    resources = resources_of(arguments)
    placed = [resources / "datasets" / folder.name for folder in resources.glob("manual/*")]
    made += [str(folder) for folder in placed if folder.is_dir()]
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(WORKFLOW / "Snakefile")]
    command = [*snakemake, "--cleanup-metadata", *made, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"`snakemake --cleanup-metadata` failed:\n{(done.stdout + done.stderr).strip()}")
    print(
        f"{len(taken)} results of {results} were taken over; `snakemake -n` shows what will be made again. "
        "That includes finetuning where a job trained another number of points than there are weight decays."
    )


def resources_of(arguments: Iterable[str]) -> Path:
    """The folder of datasets, by the last of the configuration files that names one."""
    studies = [word for word in arguments if word.endswith((".yaml", ".yml"))]
    paths = [WORKFLOW / "config/config.yaml", *studies]
    configs = [yaml.safe_load(Path(path).read_text(encoding="utf-8")) for path in paths]
    return Path(ChainMap(*(config.get("pathvars", {}) for config in reversed(configs)))["resources"])


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except InputError as error:
        sys.exit(str(error))
