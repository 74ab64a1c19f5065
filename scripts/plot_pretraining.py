"""How each pretraining went."""

import json
from pathlib import Path

from transferscope.figures.pretraining import pretraining
from transferscope.figures.style import save
from transferscope.job import logged
from transferscope.results.resolved import read_study


def main(history_files: list[str], study: str, pdf: str, png: str, *, plot: dict) -> None:
    """Draw the figure as PDF and PNG; ``plot`` holds the settings of ``figures.style``."""
    histories = [json.loads(Path(path).read_text(encoding="utf-8")) for path in history_files]
    save(pretraining(histories, read_study(study), plot), pdf, png, plot)


if __name__ == "__main__":
    with logged(snakemake):
        main(snakemake.input.histories, snakemake.input.study, *snakemake.output, plot=snakemake.params.plot)
