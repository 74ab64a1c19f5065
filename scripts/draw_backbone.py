"""A seeded random backbone whose BatchNorm does nothing, as a canonical backbone file."""

from transferscope.job import logged
from transferscope.models import backbones, drawn
from transferscope.study.own_sources import RANDOM_WEIGHTS


def main(output: str, *, model: str, arch: str, source: str, normalisation: str, seed: int) -> None:
    """Write a random ``arch`` (see ``drawn.draw``) for inputs of the named normalisation."""
    mean, std = backbones.normalisation(normalisation)
    module = drawn.draw(arch, rescaled=RANDOM_WEIGHTS[source], mean=mean, std=std, seed=seed)
    metadata = backbones.Metadata(model, arch, source, "", mean, std, backbones.library_versions())
    backbones.save(output, backbones.weights(module), metadata)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.output[0],
            model=snakemake.wildcards.model,
            arch=snakemake.params.arch,
            source=snakemake.params.source,
            normalisation=snakemake.params.normalisation,
            seed=int(snakemake.params.seed),
        )
