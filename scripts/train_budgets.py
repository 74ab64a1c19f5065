"""Label efficiency: a backbone trained with some numbers of labels, each tested on val and test."""

from importlib import import_module

from transferscope import files, job
from transferscope.protocols.efficiency.training import Recipe, Trainings
from transferscope.results.run import state_file
from transferscope.training.resume import Resume


def main(
    backbone: str,
    root: str,
    output: str,
    *,
    run: dict,
    facts: dict,
    module: str,
    metric: str,
    labels: list[int],
    settings: dict,
    checkpoint_steps: int,
) -> None:
    """Write what came of the trainings.

    Args:
        run: facts of ``results.run.Run`` beside model and dataset.
        facts: of the dataset.
        module: of the task, below ``transferscope.protocols``; its function ``task`` is called.
        metric: the dataset's own.
        labels: numbers of them.
        settings: fields of ``Recipe``, and what the task takes.
    """
    task = import_module(f"transferscope.protocols.{module}").task(
        root, facts=facts, seed=run["seed"], metric=metric, **settings
    )
    recipe = Recipe(**{name: settings[name] for name in Recipe.__dataclass_fields__})
    trainings = Trainings(
        backbone, task, recipe, run=run, dataset=facts["dataset"], checkpoint_steps=checkpoint_steps
    )
    sha256 = trainings.backbone_sha256
    fingerprint = trainings.run.fingerprint(backbone=sha256, facts=facts, labels=labels, settings=settings)
    resume = Resume(state_file(output), fingerprint)
    pictures = {split: len(trainings.indices[split]) for split in trainings.tested}
    trained = trainings.run_all(labels, resume)
    told = {"backbone_sha256": sha256, "pictures": pictures, "trainings": trained}
    files.write_json(output, trainings.run.identity | told)
    resume.remove()


if __name__ == "__main__":
    with job.logged(snakemake), job.dataset(snakemake) as dataset:
        main(
            snakemake.input.backbone,
            dataset,
            snakemake.output[0],
            **dict(snakemake.params) | {"run": job.run(snakemake)},
            checkpoint_steps=snakemake.resources.checkpoint_steps,
        )
