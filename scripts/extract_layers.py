"""The layers of one frozen backbone on one dataset, in one pass over the pictures, streamed to HDF5."""

from transferscope import files
from transferscope.datasets import load_dataset
from transferscope.datasets.splits import check_classes
from transferscope.features import layers
from transferscope.features.extraction import Pictures, description, extract, order_by_split
from transferscope.job import device, logged
from transferscope.protocols.layerwise import trunk


def main(
    backbone: str,
    root: str,
    output: str,
    *,
    facts: dict,
    seed: int,
    resolution: int,
    input: dict,
    settings: dict,
    batch_size: int,
    limit_gb: float,
    version: int,
    device: str = "cpu",
    workers: int = 1,
) -> None:
    """Write the file of layers; see ``transferscope.features.layers``.

    Args:
        facts: of the dataset's row, as ``load_dataset`` takes them.
        input: of ``input_of``.
        settings: the section ``layerwise`` of the configuration.
        limit_gb: what the file may take.
    """
    samples = load_dataset(root=root, **facts, seed=seed)
    check_classes(samples)
    pictures = Pictures(samples, resolution, **input)
    network, metadata = trunk.load(backbone, pictures, seed=seed, **settings)
    tapped = [tap.facts for tap in network.taps]
    layers.check_size(tapped, len(samples), limit_gb, f"{metadata.model} on {facts['dataset']}")
    shown = {"mean": metadata.mean, "std": metadata.std}
    attributes = description(facts, resolution=resolution, input=input, **shown) | {
        "model": metadata.model,
        "backbone_sha256": files.sha256(backbone),
        "settings": settings,
    }
    parts = order_by_split(samples)
    indices = [index for part in parts.values() for index in part.tolist()]
    batches = extract(
        network, pictures, indices, **shown, batch_size=batch_size, device=device, workers=workers
    )
    splits = {
        name: (samples.labels[part], [samples.ids[index] for index in part]) for name, part in parts.items()
    }
    with files.atomic_path(output) as temporary:
        layers.write(temporary, batches, splits, tapped, attributes)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.backbone,
            snakemake.input.dataset,
            snakemake.output[0],
            **dict(snakemake.params),
            batch_size=snakemake.resources.batch_size,
            limit_gb=snakemake.resources.layers_gb,
            device=device(snakemake.resources),
            workers=snakemake.threads - 1,
        )
