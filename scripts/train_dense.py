"""A label for every pixel: the network of a dense protocol, trained and tested."""

from importlib import import_module

import torch

from transferscope import files, job
from transferscope.datasets import load_dense
from transferscope.datasets.dense import check_labels
from transferscope.models import backbones
from transferscope.protocols.dense import training
from transferscope.results import examples
from transferscope.results.run import Evaluation, Run, measurements, state_file
from transferscope.training.resume import Resume


def main(
    backbone: str,
    root: str,
    output: str,
    example_file: str,
    *,
    run: dict,
    facts: dict,
    settings: dict,
    module: str,
    task: str,
    checkpoint_steps: int,
) -> None:
    """Write the result and a few test pictures with truth and prediction.

    Args:
        run: fields of ``Run``.
        facts: of the dataset's row, as ``load_dense`` takes them.
        settings: keyword arguments of the protocol's ``task``.
        module: the protocol's, below ``transferscope.protocols``.
        task: what the dataset has to have labels for.
        checkpoint_steps: between two states from which a killed job resumes.
    """
    _, metadata = backbones.load(backbone)
    run = Run(model=metadata.model, dataset=facts["dataset"], **run)
    sha256 = files.sha256(backbone)
    state = Resume(state_file(output), run.fingerprint(backbone=sha256, facts=facts, settings=settings))
    samples = load_dense(task, root, **facts)
    check_labels(samples, task, threads=run.threads)
    torch.manual_seed(run.seed)
    protocol = import_module(f"transferscope.protocols.{module}")
    dense = protocol.task(samples, backbone, seed=run.seed, **settings)
    trained = training.fit(
        dense,
        metadata,
        seed=run.seed,
        device=run.device,
        workers=run.threads - 1,
        resume=state,
        checkpoint_steps=checkpoint_steps,
    )
    tested = training.test(dense, trained.network, metadata, device=run.device)
    shown = {"kind": dense.kind, "class_names": dense.samples.class_names}
    examples.write(example_file, tested.examples, run.identity | shown)
    details = {
        "steps": dense.optimisation.steps,
        "losses": trained.losses,
        "window": trained.window,
        "baseline": tested.baseline,
        "backbone_sha256": sha256,
    }
    run.write(output, Evaluation(dense.mode, tested.pictures, measurements(tested.metrics), details))
    state.remove()


if __name__ == "__main__":
    with job.logged(snakemake), job.dataset(snakemake) as dataset:
        main(
            snakemake.input.backbone,
            dataset,
            *snakemake.output,
            checkpoint_steps=snakemake.resources.checkpoint_steps,
            **{**snakemake.params, "run": job.run(snakemake)},
        )
