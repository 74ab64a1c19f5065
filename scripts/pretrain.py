"""A backbone that is pretrained here, as a canonical backbone file."""

import torch

from transferscope import files, job
from transferscope.features.images import normalise
from transferscope.models import backbones
from transferscope.pretraining import method, training
from transferscope.results.run import library_versions, state_file
from transferscope.training.resume import Resume


def main(
    root: str,
    output: str,
    history_file: str,
    *,
    model: str,
    arch: str,
    normalisation: str,
    source: str,
    plan: dict,
    task: str,
    facts: dict,
    split_seed: int,
    version: int,
    device: str,
    threads: int,
    checkpoint_steps: int,
) -> None:
    """Write the backbone, and how its training went (``pretraining.training.fit``).

    Args:
        model, arch, normalisation, source: of the model's row.
        plan: what the source says, and all settings (``study.configuration.pretraining``).
        task, facts: as ``datasets.load_for`` takes them.
        split_seed: of a split that is drawn: that by which models are evaluated, not that of the training.
        version: of the rule.
        checkpoint_steps: between two states from which a killed job resumes.
    """
    depends = {"arch": arch, "normalisation": normalisation, "plan": plan, "task": task, "facts": facts}
    depends |= {"split_seed": split_seed, "version": version, "device": device}
    depends |= {"libraries": library_versions()}
    resume = Resume(state_file(output), depends)
    settings, seed = dict(plan["training"]), plan["seed"]
    size = settings.pop("size")
    data = training.load(
        root, task=task, facts=facts, size=size, seed=split_seed, images=plan.get("images"), threads=threads
    )
    torch.manual_seed(seed)
    backbone = backbones.create(arch)
    colour = backbones.take_colour(backbone).to(device)
    mean, std = backbones.normalisation(normalisation)
    told = {"size": size, "samples": len(data.train.pictures)}
    told |= {key: settings[key] for key in ("batch_size", "steps")} | {"classes": data.classes}
    pretraining = method.create(plan["method"], backbone, plan["settings"], **told)
    history = training.fit(
        pretraining,
        data,
        prepare=lambda pictures: colour(normalise(pictures, mean, std)),
        seed=seed,
        device=device,
        resume=resume,
        checkpoint_steps=checkpoint_steps,
        **settings,
    )
    identity = {"model": model, "arch": arch, "steps": settings["steps"]}
    identity |= {key: plan[key] for key in ("method", "dataset", "seed")}
    files.write_json(history_file, identity | history)
    metadata = backbones.Metadata(model, arch, source, "", mean, std, backbones.library_versions())
    backbones.save(output, backbones.weights(pretraining.backbone), metadata)
    resume.remove()


if __name__ == "__main__":
    with job.logged(snakemake), job.dataset(snakemake) as dataset:
        main(
            dataset,
            *snakemake.output,
            model=snakemake.wildcards.model,
            **snakemake.params,
            device=job.device(snakemake.resources),
            threads=snakemake.threads,
            checkpoint_steps=snakemake.resources.checkpoint_steps,
        )
