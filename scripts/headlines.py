"""What a study says, in three sentences: `python scripts/headlines.py results/demo`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from transferscope.errors import InputError
from transferscope.results import headlines
from transferscope.results.correlation import read_correlations
from transferscope.results.efficiency import read_saved
from transferscope.results.resolved import read_settings, read_study


def main(folder: Path) -> None:
    """Print what the tables in a study's folder of results say, as far as it has them."""
    for sentence in filter(None, sentences(folder)):
        print(f"- {sentence}")


def sentences(folder: Path) -> Iterator[str]:
    """What there is to say.

    Raises:
        InputError: there are no results.
    """
    study, tables = folder / "study.json", folder / "tables"
    if not (tables / "measured.tsv").exists():
        raise InputError(f"{folder} has no tables/measured.tsv; make the study first, with `snakemake`")
    study = read_study(study)
    if (tables / "correlations.tsv").exists():
        yield headlines.of_correlations(read_correlations(tables / "correlations.tsv", study))
        yield headlines.of_ranks(read_settings(tables / "measured.tsv", study), study)
    if (tables / "labels_saved.tsv").exists():
        yield headlines.of_labels(read_saved(tables / "labels_saved.tsv"), study)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except InputError as error:
        sys.exit(str(error))
