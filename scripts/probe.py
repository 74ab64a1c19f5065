"""Evaluate frozen features by the protocol that the run names."""

from importlib import import_module

from transferscope import job
from transferscope.features import store
from transferscope.results import predictions
from transferscope.results.run import Run


def main(
    feature_file: str,
    splits_file: str | None,
    output: str,
    prediction_file: str | None,
    *,
    run: dict,
    module: str,
    labels: dict,
    settings: dict,
) -> None:
    """Write the result of the evaluation and, where the protocol leaves any, its predictions.

    Args:
        splits_file: of ``draw_splits``, where the samples are divided otherwise than in the features.
        run: the facts of ``results.run.Run`` beside model and dataset.
        module: below ``transferscope.protocols``; its function ``evaluate`` is called.
        labels: ``metric``, ``classes`` and ``shots`` of the dataset.
        settings: of the protocol, keywords of ``evaluate``.
    """
    attributes = store.read_attributes(feature_file)
    run = Run(model=attributes["model"], dataset=attributes["dataset"], **run)
    evaluate = import_module(f"transferscope.protocols.{module}").evaluate
    evaluation = evaluate(
        store.Features(feature_file, splits_file), seed=run.seed, device=run.device, **labels, **settings
    )
    evaluation.details["backbone_sha256"] = attributes["backbone_sha256"]
    if prediction_file:
        predictions.write(prediction_file, evaluation.predictions, run.identity | {"mode": evaluation.mode})
    run.write(output, evaluation)


if __name__ == "__main__":
    with job.logged(snakemake):
        main(
            snakemake.input.features,
            snakemake.input.splits or None,
            snakemake.output.result,
            snakemake.output.get("predictions"),
            run=job.run(snakemake),
            module=snakemake.params.module,
            labels=snakemake.params.labels,
            settings=snakemake.params.settings,
        )
