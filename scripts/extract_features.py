"""Features of one dataset (or one shard of it) from one frozen backbone, streamed to HDF5."""

from transferscope import files
from transferscope.datasets import load_dataset
from transferscope.datasets.splits import check_classes
from transferscope.features import store as features
from transferscope.features.extraction import Pictures, description, extract, order_by_split, take_shard
from transferscope.job import device, logged
from transferscope.models import backbones


def main(
    backbone: str,
    root: str,
    output: str,
    *,
    facts: dict,
    seed: int,
    resolution: int,
    input: dict,
    batch_size: int,
    shard: int = 0,
    shards: int = 1,
    device: str = "cpu",
    workers: int = 1,
) -> None:
    """Write the feature file of the part ``shard`` of ``shards``; see ``transferscope.features.store``.

    Args:
        input: of ``input_of``.
    """
    network, metadata = backbones.load(backbone, resolution)
    samples = load_dataset(root=root, **facts, seed=seed)
    check_classes(samples)
    parts = take_shard(order_by_split(samples), shard, shards)
    shown = {"resolution": resolution, "input": input, "mean": metadata.mean, "std": metadata.std}
    attributes = description(facts, **shown) | {
        "model": metadata.model,
        "checkpoint_sha256": metadata.source_sha256,
        "backbone_sha256": files.sha256(backbone),
        "class_names": {"names": samples.class_names},
        "shard": shard,
        "shards": shards,
    }
    batches = extract(
        network,
        Pictures(samples, resolution, **input),
        [index for part in parts.values() for index in part.tolist()],
        mean=metadata.mean,
        std=metadata.std,
        batch_size=batch_size,
        device=device,
        workers=workers,
    )
    splits = {
        name: (samples.labels[part], [samples.ids[index] for index in part]) for name, part in parts.items()
    }
    with files.atomic_path(output) as temporary:
        features.write(temporary, batches, splits, attributes)


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.backbone,
            snakemake.input.dataset,
            snakemake.output[0],
            facts=snakemake.params.facts,
            seed=snakemake.params.seed,
            resolution=snakemake.params.resolution,
            input=snakemake.params.input,
            batch_size=snakemake.resources.batch_size,
            shard=int(snakemake.wildcards.get("shard", 0)),
            shards=int(snakemake.wildcards.get("shards", 1)),
            device=device(snakemake.resources),
            workers=snakemake.threads - 1,
        )
