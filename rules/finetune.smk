"""Finetuning: the whole network trained on a dataset, learning rate, weight decay and augmentation chosen on val.

In: <resources>/backbones/{model}.safetensors, <resources>/datasets/{dataset}/. Out: per run the trials of the grid, a few
points a job, in rungs where `finetune.halvings` asks for successive halving; then the result and the predictions of
the best, trained again on train and val. A job that is killed resumes from its last checkpoint.
"""

from transferscope.protocols.finetuning import grid

GRID = [config["finetune"][key] for key in ("learning_rates", "weight_decays", "augmentations")]
RUNGS = grid.rungs(math.prod(map(len, GRID)), config["finetune"]["steps"], config["finetune"]["halvings"])

# For each rung, the outputs of its jobs, without their suffixes. A job trains as many points as there are weight decays.
TRIALS = [
    [
        f"<results>/{{protocol}}/{{dataset}}/{{model}}{{at}}/rung-{number}/part-{part}"
        for part in range(grid.parts(rung, len(config["finetune"]["weight_decays"])))
    ]
    for number, rung in enumerate(RUNGS)
]


rule finetune_grid:
    """Some points of a rung, one after the other."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        dataset=dataset_folder,
        previous=rung_before,
    output:
        trials="<results>/{protocol}/{dataset}/{model}{at}/rung-{rung}/part-{part}.json",
        predictions="<results>/{protocol}/{dataset}/{model}{at}/rung-{rung}/part-{part}.val.h5",
    log:
        "<logs>/finetune_grid/{protocol}/{dataset}/{model}{at}/{rung}-{part}.log",
    benchmark:
        "<benchmarks>/finetune_grid/{protocol}/{dataset}/{model}{at}/{rung}-{part}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="finetune_refit"),
        rung="[0-9]+",
        part="[0-9]+",
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("finetune_grid"),
        gpu=0,
        checkpoint_steps=config["execution"]["checkpoint_steps"],
    params:
        run=run_facts,
        facts=dataset_facts,
        metric=dataset_fact("metric"),
        settings=settings_of,
        resolution=config["features"]["resolution"],
    script:
        "../scripts/finetune_grid.py"


rule finetune_refit:
    """The best point on train and val, tested (Ericsson et al. 2021, A.2)."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        dataset=dataset_folder,
        trials=[f"{trials}.json" for rung in TRIALS for trials in rung],
        predictions=[f"{trials}.val.h5" for rung in TRIALS for trials in rung],
    output:
        result="<results>/{protocol}/{dataset}/{model}{at}.json",
        predictions="<results>/{protocol}/{dataset}/{model}{at}.predictions.h5",
    log:
        "<logs>/finetune_refit/{protocol}/{dataset}/{model}{at}.log",
    benchmark:
        "<benchmarks>/finetune_refit/{protocol}/{dataset}/{model}{at}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="finetune_refit"),
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("finetune_refit"),
        gpu=0,
        checkpoint_steps=config["execution"]["checkpoint_steps"],
    params:
        run=run_facts,
        facts=dataset_facts,
        metric=dataset_fact("metric"),
        settings=settings_of,
        resolution=config["features"]["resolution"],
    script:
        "../scripts/finetune_refit.py"
