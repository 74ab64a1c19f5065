"""Evaluate every layer of a frozen backbone by the protocol on features that the run names."""

import json
from importlib import import_module

from transferscope import job
from transferscope.features.layers import read_attributes, read_layers
from transferscope.protocols.layerwise import each
from transferscope.results.run import Run


def main(
    layer_file: str,
    splits_file: str | None,
    output: str,
    *,
    run: dict,
    module: str,
    labels: dict,
    settings: dict,
) -> None:
    """Write the result of the evaluation, a measurement a layer.

    Args:
        splits_file: of ``draw_splits``, where the samples are divided otherwise than in the file of layers.
        run: the facts of ``results.run.Run`` beside model and dataset.
        module: below ``transferscope.protocols``; its function ``evaluate`` is called for each layer.
        labels: ``metric``, ``classes`` and ``shots`` of the dataset.
        settings: of the protocol, keywords of ``evaluate``.
    """
    attributes = read_attributes(layer_file)
    run = Run(model=attributes["model"], dataset=attributes["dataset"], **run)
    evaluation = each.evaluate(
        read_layers(layer_file, splits_file),
        import_module(f"transferscope.protocols.{module}").evaluate,
        seed=run.seed,
        device=run.device,
        **labels,
        **settings,
    )
    evaluation.details["settings"] = json.loads(attributes["settings"])
    evaluation.details["backbone_sha256"] = attributes["backbone_sha256"]
    run.write(output, evaluation)


if __name__ == "__main__":
    with job.logged(snakemake):
        main(
            snakemake.input.layers,
            snakemake.input.splits or None,
            snakemake.output[0],
            **{**snakemake.params, "run": job.run(snakemake)},
        )
