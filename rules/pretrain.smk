"""Pretraining: backbones made here, from the pictures of a dataset and without its labels.

In: <resources>/datasets/{dataset}/, chosen for evaluation or not. Out: for the models whose source is `pretrain:` the
same <resources>/backbones/{model}.safetensors as of any other, and beside it, as {model}.history.json, how it went; and
a figure of that. A job that is killed resumes from its last checkpoint.
"""

# Of each of the study's models that is pretrained here: its method, dataset and seed, and all settings.
PRETRAINING = {
    model: configuration.pretraining(config["pretrain"], source)
    for model, source in MODELS.loc[MODELS["origin"] == "pretrain", "source"].items()
}


def of_its_dataset(function):
    """An input or param: what follows from the wildcard `dataset`, for the one that the model is pretrained on."""

    def of(wildcards):
        return function(Wildcards(fromdict={"dataset": PRETRAINING[wildcards.model]["dataset"]}))

    return of


def task_of_loader(wildcards) -> str:
    """A param: with which labels a dataset is loaded; those for recognition tell how pretraining goes."""
    tasks = DATASET_ROWS[wildcards.dataset]["task"]
    return catalogue.RECOGNITION if catalogue.RECOGNITION in tasks else tasks[0]


def plan_of_pretraining(wildcards) -> dict:
    """A param: what the row's source says, with all settings."""
    return PRETRAINING[wildcards.model]


def work_of_pretraining(wildcards) -> sizes.Work:
    """The pictures that a model is pretrained on, and for how many steps."""
    row = DATASET_ROWS[PRETRAINING[wildcards.model]["dataset"]]
    return sizes.Work(row["images"], row["classes"], PRETRAINING[wildcards.model]["training"])


rule pretrain:
    """A backbone trained by a self-supervised method."""
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
        "../envs/main.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_pretraining.py"
