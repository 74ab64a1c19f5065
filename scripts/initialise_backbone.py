"""A seeded random backbone, the baseline that a pretrained one has to beat, as a canonical backbone file."""

from transferscope.job import logged
from transferscope.models import backbones


def main(output: str, *, model: str, arch: str, normalisation: str, seed: int) -> None:
    """Write a random ``arch`` (see ``backbones.initialise``) for inputs of the named normalisation."""
    mean, std = backbones.normalisation(normalisation)
    module = backbones.initialise(arch, mean=mean, std=std, seed=seed)
    metadata = backbones.Metadata(
        model=model,
        arch=arch,
        source="random",
        source_sha256="",
        mean=mean,
        std=std,
        versions=backbones.library_versions(),
    )
    backbones.save(output, backbones.weights(module), metadata)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.output[0],
            model=snakemake.wildcards.model,
            arch=snakemake.params.arch,
            normalisation=snakemake.params.normalisation,
            seed=int(snakemake.params.seed),
        )
