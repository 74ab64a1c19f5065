"""What the study took, by protocol and model, from the benchmark files."""

from pathlib import Path

from transferscope.cluster.costs import costs
from transferscope.cluster.sizes import read_sizes
from transferscope.files import atomic_path
from transferscope.job import logged


def main(benchmarks: str, sizes: str, output: str) -> None:
    """Write the table of ``transferscope.cluster.costs`` of all files in the folder ``benchmarks``."""
    table = costs(Path(benchmarks).rglob("*.tsv"), read_sizes(sizes)["stage"])
    with atomic_path(output) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.4f")


if __name__ == "__main__":
    with logged(snakemake):
        main(Path(snakemake.output[0]).parents[1] / "benchmarks", snakemake.input.sizes, snakemake.output[0])
