"""Linear probes on all layers of a frozen backbone, trained on augmented pictures and tested."""

from transferscope import files, job
from transferscope.datasets import load_dataset
from transferscope.datasets.splits import check_classes
from transferscope.features.extraction import Pictures
from transferscope.protocols.layerwise import online, trunk
from transferscope.results.run import Evaluation, Run, measure, state_file
from transferscope.training.resume import Resume


def main(
    backbone: str,
    root: str,
    output: str,
    *,
    run: dict,
    facts: dict,
    metric: str,
    settings: dict,
    resolution: int,
    batch_size: int,
    checkpoint_steps: int,
) -> None:
    """Write the result, a measurement a layer (Asano, Rupprecht and Vedaldi, ICLR 2020).

    Args:
        run: fields of ``Run``.
        facts: of the dataset's row, as ``load_dataset`` takes them.
        metric: of the dataset.
        settings: the sections ``layerwise`` and ``layerwise_online`` of the configuration.
        batch_size: pictures in a forward pass of the test.
        checkpoint_steps: between two states from which a killed job resumes.
    """
    shared = {name: settings[name] for name in ("taps", "values", "statistics")}
    recipe = online.Recipe(**{name: value for name, value in settings.items() if name not in shared})
    samples = load_dataset(root=root, **facts, seed=run["seed"])
    check_classes(samples)
    network, metadata = trunk.load(backbone, Pictures(samples, resolution), seed=run["seed"], **shared)
    run = Run(model=metadata.model, dataset=facts["dataset"], **run)
    sha256 = files.sha256(backbone)
    inputs = {"backbone": sha256, "facts": facts, "settings": settings, "resolution": resolution}
    state = Resume(state_file(output), run.fingerprint(**inputs))
    how = {"resolution": resolution, "device": run.device, "workers": run.threads - 1}
    on = (metadata, samples, recipe)
    trained = online.fit(network, *on, **how, seed=run.seed, resume=state, checkpoint_steps=checkpoint_steps)
    logits = online.test(network, trained.network, *on, **how, batch_size=batch_size)
    labels = samples.labels[samples.splits == "test"]
    measured = [
        measure(metric, one, labels, seed=run.seed, layer=number)
        for number, one in enumerate(logits.swapaxes(0, 1), start=1)
    ]
    details = {
        "layers": [tap.facts for tap in network.taps],
        "losses": trained.watched,
        "window": trained.window,
        "backbone_sha256": sha256,
    }
    run.write(output, Evaluation(online.MODE, len(labels), measured, details))
    state.remove()


if __name__ == "__main__":
    with job.logged(snakemake), job.dataset(snakemake) as dataset:
        main(
            snakemake.input.backbone,
            dataset,
            snakemake.output[0],
            batch_size=snakemake.resources.batch_size,
            checkpoint_steps=snakemake.resources.checkpoint_steps,
            **{**snakemake.params, "run": job.run(snakemake)},
        )
