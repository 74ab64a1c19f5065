"""Finetuning: the whole network trained on a dataset, learning rate, weight decay and augmentation chosen on val.

In: <resources>/backbones/{model}.safetensors, <resources>/datasets/{dataset}/. Out: per run the trials of the grid, a few
settings a job, in rungs where `finetune.halvings` asks for successive halving; then the result and the predictions of
the best, trained again on train and val. A job that is killed goes on from its last checkpoint.
"""

from transferscope.protocols.finetuning import grid

RUNGS = grid.rungs(
    math.prod(len(config["finetune"][key]) for key in ("learning_rates", "weight_decays", "augmentations")),
    config["finetune"]["steps"],
    config["finetune"]["halvings"],
)

# For each rung, the outputs of its jobs, without their suffixes.
TRIALS = [
    [
        f"<results>/finetune/{{dataset}}/{{model}}/rung-{number}/part-{part}"
        for part in range(grid.parts(rung, config["finetune"]["points_per_job"]))
    ]
    for number, rung in enumerate(RUNGS)
]


rule finetune_grid:
    """Some settings of a rung, one after the other."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        dataset=dataset_folder,
        previous=lambda wildcards: (
            expand([f"{trials}.json" for trials in TRIALS[int(wildcards.rung) - 1]], **wildcards)
            if wildcards.rung != "0"
            else []
        ),
    output:
        trials="<results>/finetune/{dataset}/{model}/rung-{rung}/part-{part}.json",
        predictions="<results>/finetune/{dataset}/{model}/rung-{rung}/part-{part}.val.h5",
    log:
        "<logs>/finetune_grid/{dataset}/{model}/{rung}-{part}.log",
    benchmark:
        "<benchmarks>/finetune_grid/{dataset}/{model}/{rung}-{part}.tsv"
    wildcard_constraints:
        rung="[0-9]+",
        part="[0-9]+",
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("finetune_grid"),
        gpu=0,
    params:
        version=1,
        facts=dataset_facts,
        metric=dataset_fact("metric"),
        settings=config["finetune"],
        resolution=config["features"]["resolution"],
        seed=config["seed"],
    script:
        "../scripts/finetune_grid.py"


rule finetune_refit:
    """The best setting on train and val, tested (Ericsson et al. 2021, A.2)."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        dataset=dataset_folder,
        trials=[f"{trials}.json" for rung in TRIALS for trials in rung],
        predictions=[f"{trials}.val.h5" for rung in TRIALS for trials in rung],
    output:
        result="<results>/finetune/{dataset}/{model}.json",
        predictions="<results>/finetune/{dataset}/{model}.predictions.h5",
    log:
        "<logs>/finetune_refit/{dataset}/{model}.log",
    benchmark:
        "<benchmarks>/finetune_refit/{dataset}/{model}.tsv"
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("finetune_refit"),
        gpu=0,
    params:
        version=1,
        facts=dataset_facts,
        metric=dataset_fact("metric"),
        settings=config["finetune"],
        resolution=config["features"]["resolution"],
        seed=config["seed"],
    script:
        "../scripts/finetune_refit.py"
