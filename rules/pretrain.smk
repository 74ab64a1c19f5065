"""Pretraining: backbones made here, from the pictures of a dataset and, but for one method, without its labels.

In: <resources>/datasets/{dataset}/, chosen for evaluation or not. Out: for the models whose source is `pretrain:` the
same <resources>/backbones/{model}.safetensors as of any other, and beside it, as {model}.history.json, how it went; and
a figure of that. A job that is killed resumes from its last checkpoint.
"""


rule pretrain:
    """A backbone trained by the method that its source names."""
    input:
        dataset=of_its_dataset(dataset_folder),
    output:
        backbone="<resources>/backbones/{model}.safetensors",
        history="<resources>/backbones/{model}.history.json",
    log:
        "<logs>/pretrain/{model}.log",
    benchmark:
        "<benchmarks>/pretrain/{model}.tsv"
    wildcard_constraints:
        model=alternatives(PRETRAINING),
    conda:
        "../envs/lightly.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("pretrain", work_of_pretraining),
        gpu=0,
        checkpoint_steps=config["execution"]["checkpoint_steps"],
    params:
        **{column: model_fact(column) for column in ("arch", "normalisation", "source")},
        version=1,
        plan=plan_of_pretraining,
        task=of_its_dataset(task_of_loader),
        facts=of_its_dataset(dataset_facts),
        split_seed=config["seeds"][0],
    script:
        "../scripts/pretrain.py"


rule plot_pretraining:
    """How each pretraining went: loss, accuracy of the pretext task, accuracy of the read-out beside."""
    input:
        study="<results>/study.json",
        histories=expand("<resources>/backbones/{model}.history.json", model=PRETRAINING),
    output:
        pdf="<results>/figures/pretraining.pdf",
        png=report(
            "<results>/figures/pretraining.png",
            caption="../report/pretraining.rst",
            category="Pretraining",
            labels={"figure": "Pretraining"},
        ),
    log:
        "<logs>/plot_pretraining.log",
    benchmark:
        "<benchmarks>/plot_pretraining.tsv"
    localrule: True
    conda:
        "../envs/figures.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_pretraining.py"
