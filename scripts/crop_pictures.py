"""A set of augmented crops of one picture or a few."""

import logging
from pathlib import Path

from transferscope.datasets import load_for
from transferscope.datasets.cropped import crop_set
from transferscope.datasets.cropped import sources as of
from transferscope.job import logged
from transferscope.sources import pictures


def main(
    output: str | Path,
    *,
    settings: dict,
    stored_gb: float,
    threads: int,
    dataset: str | None = None,
    loaded: dict | None = None,
    path: str | None = None,
) -> None:
    """Write the folder ``output``; ``datasets.cropped.crop_set`` describes the file in it.

    Args:
        settings: as ``study.own_sources.crop_settings`` has them.
        stored_gb: up to so many gigabytes of crops are stored.
        dataset, loaded: folder of a dataset whose pictures are cropped, and how ``load_for`` loads it.
        path: a picture or a folder of pictures on this machine.
    """
    if dataset:
        found = of.of_dataset(load_for(root=dataset, **loaded))
    elif path:
        found = of.of_path(Path(path))
    elif settings["picture"] == pictures.NOISE:
        found = of.of_noise(settings["seed"])
    else:
        found = of.of_files({name: pictures.locate(name) for name in pictures.named(settings["picture"])})
    chosen = found.draw(settings["images"], settings["seed"])
    crops = crop_set.Settings(
        settings["preset"], tuple(settings["augment"]), settings["size"], settings["seed"]
    )
    crop_set.write(
        output, chosen, crops, count=settings["count"], stored_bytes=1e9 * stored_gb, threads=threads
    )
    logging.info("made %d crops of %s", settings["count"], ", ".join(chosen.names[:20]))


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.output[0],
            settings=snakemake.params.settings,
            stored_gb=snakemake.resources.stored_gb,
            threads=snakemake.threads,
            dataset=snakemake.input.get("dataset"),
            loaded=snakemake.params.loaded,
            path=snakemake.input.get("pictures"),
        )
