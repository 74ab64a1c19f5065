"""The splits of a dataset as another seed draws them."""

from transferscope import job
from transferscope.datasets import load_dataset
from transferscope.datasets.splits import check_classes
from transferscope.features import store


def main(root: str, output: str, *, facts: dict, seed: int) -> None:
    """Write which samples are train, val and test (``features.store.write_splits``)."""
    samples = load_dataset(root=root, **facts, seed=seed)
    check_classes(samples)
    store.write_splits(output, samples.ids, samples.splits)


if __name__ == "__main__":
    with job.logged(snakemake):
        main(
            snakemake.input.dataset,
            snakemake.output[0],
            facts=snakemake.params.facts,
            seed=snakemake.params.seed,
        )
