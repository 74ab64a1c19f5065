"""Finetuning: some settings of the grid, trained on train and scored on val one after the other."""

import json
from functools import partial
from pathlib import Path

from transferscope import files, job
from transferscope.protocols.finetuning import grid
from transferscope.protocols.finetuning.trials import Task, search
from transferscope.results import metrics, predictions
from transferscope.results.run import state_file
from transferscope.training.resume import Resume


def main(
    backbone: str,
    root: str,
    previous: list[str],
    output: str,
    prediction_file: str,
    *,
    rung: int,
    part: int,
    run: dict,
    facts: dict,
    metric: str,
    settings: dict,
    resolution: int,
    checkpoint_steps: int,
) -> None:
    """Write a part's trials, and the predictions on val of the best of them.

    Args:
        previous: the trials of the rung before, whose best points are trained again; none for the first rung.
        settings: the section ``finetune`` of the configuration.
    """
    points = grid.grid(settings["learning_rates"], settings["weight_decays"], settings["augmentations"])
    stage = grid.rungs(len(points), settings["steps"], settings["halvings"])[rung]
    if previous:
        trials = [trial for path in previous for trial in json.loads(Path(path).read_text())["trials"]]
        points = [grid.Point(**trial["point"]) for trial in grid.ranked(trials)[: stage.points]]
    points = grid.share(points, part, len(settings["weight_decays"]))
    task = Task(
        backbone,
        root,
        run=run,
        facts=facts,
        resolution=resolution,
        batch_size=settings["batch_size"],
        checkpoint_steps=checkpoint_steps,
    )
    fingerprint = task.fingerprint | {"points": [vars(point) for point in points], "steps": stage.steps}
    resume = Resume(state_file(output), fingerprint)
    trials, logits = search(
        task, points, steps=stage.steps, score=partial(metrics.score, metric), resume=resume
    )
    on_val = {} if logits is None else {"val": task.predictions(logits, "val")}
    predictions.write(prediction_file, on_val, task.run.identity)
    files.write_json(output, task.run.identity | {"rung": rung, "trials": trials})
    resume.remove()


if __name__ == "__main__":
    with job.logged(snakemake), job.dataset(snakemake) as dataset:
        main(
            snakemake.input.backbone,
            dataset,
            snakemake.input.previous,
            snakemake.output.trials,
            snakemake.output.predictions,
            rung=int(snakemake.wildcards.rung),
            part=int(snakemake.wildcards.part),
            **dict(snakemake.params) | {"run": job.run(snakemake)},
            checkpoint_steps=snakemake.resources.checkpoint_steps,
        )
