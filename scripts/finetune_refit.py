"""Finetuning: the setting that was best on val, trained on train and val and tested."""

from transferscope import job
from transferscope.protocols.finetuning.trials import Task, best_of, refit
from transferscope.results import predictions
from transferscope.results.run import Evaluation, measure, state_file
from transferscope.training.resume import Resume


def main(
    backbone: str,
    root: str,
    trial_files: list[str],
    val_files: list[str],
    output: str,
    prediction_file: str,
    *,
    run: dict,
    facts: dict,
    metric: str,
    settings: dict,
    resolution: int,
    checkpoint_steps: int,
) -> None:
    """Write the result and the predictions of the run (Ericsson et al. 2021, Appendix A.2).

    ``trial_files`` and ``val_files`` are the outputs of all parts of all rungs, in the same order;
    ``settings`` is the section ``finetune`` of the configuration.
    """
    task = Task(
        backbone,
        root,
        run=run,
        facts=facts,
        resolution=resolution,
        batch_size=settings["batch_size"],
        checkpoint_steps=checkpoint_steps,
    )
    best = best_of(trial_files, val_files, last_rung=settings["halvings"], where=task.where)
    fingerprint = task.fingerprint | {"point": vars(best.point), "steps": settings["steps"]}
    resume = Resume(state_file(output), fingerprint)
    trained, logits = refit(task, best.point, settings["steps"], resume)
    val, _ = predictions.read(best.val_file)
    mode = f"halved-{settings['halvings']}-times" if settings["halvings"] else "grid"
    tested = {"val": val["val"], "test": task.predictions(logits, "test")}
    predictions.write(prediction_file, tested, task.run.identity | {"mode": mode})
    evaluation = Evaluation(
        mode=mode,
        n_test=len(logits),
        measurements=[measure(metric, logits, task.labels("test"), seed=task.run.seed)],
        details={
            "point": vars(best.point),
            "losses": trained.losses,
            "window": trained.window,
            "trials": best.summary,
            "backbone_sha256": task.backbone_sha256,
        },
    )
    task.run.write(output, evaluation)
    resume.remove()


if __name__ == "__main__":
    with job.logged(snakemake), job.dataset(snakemake) as dataset:
        main(
            snakemake.input.backbone,
            dataset,
            snakemake.input.trials,
            snakemake.input.predictions,
            snakemake.output.result,
            snakemake.output.predictions,
            **dict(snakemake.params) | {"run": job.run(snakemake)},
            checkpoint_steps=snakemake.resources.checkpoint_steps,
        )
