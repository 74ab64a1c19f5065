"""Label efficiency: the network finetuned on n labels, for every n that the dataset has room for.

In: <resources>/backbones/{model}.safetensors, <resources>/datasets/{dataset}/. Out: per run the trainings, all with few
labels in one job and each with many in one of its own; then the result, a row a number of labels. A job that is killed
resumes from its last checkpoint.
"""

from transferscope.study import budgets


def jobs_of_run(wildcards) -> dict[str, list[int]]:
    """The numbers of labels that a run's dataset has room for, by the job that trains with them.

    Where nobody knows how many pictures are for training, all of them might be.
    """
    settings, row = settings_of(wildcards), DATASET_ROWS[wildcards.dataset]
    samples = row["train"] if row["train"] >= 0 else row["images"]
    labels = budgets.fitting(settings["labels"], samples)
    if not labels:
        refuse(
            f"the dataset {wildcards.dataset} has {samples} pictures for training, fewer than each of "
            f"`{PROTOCOL_ROWS[wildcards.protocol]['settings']}.labels`; add a smaller number there, or exclude "
            f"{wildcards.protocol} for it"
        )
    return budgets.jobs(labels, settings["together"])


def labels_of_job(wildcards) -> list[int]:
    """A param: the numbers of labels with which one job trains."""
    return jobs_of_run(wildcards)[wildcards.budgets]


def trainings_of_run(wildcards) -> list[str]:
    """The trainings with all numbers of labels of a run."""
    folder = f"<results>/{wildcards.protocol}/{wildcards.dataset}/{wildcards.model}{wildcards.at}"
    return [f"{folder}/labels-{job}.json" for job in jobs_of_run(wildcards)]


def training_settings(wildcards) -> dict:
    """A param: what one training with few labels depends on, of the settings of its protocol."""
    others = ("labels", "together", "freeze", "evaluated_on")
    settings = {name: value for name, value in settings_of(wildcards).items() if name not in others}
    return settings | ({"size": config["features"]["resolution"]} if settings["size"] == "study" else {})


localrules:
    collect_budgets,


rule train_budgets:
    """Trainings with some numbers of labels, one after the other (Newell and Deng 2020)."""
    input:
        backbone="<resources>/backbones/{model}.safetensors",
        dataset=dataset_folder,
    output:
        "<results>/{protocol}/{dataset}/{model}{at}/labels-{budgets}.json",
    log:
        "<logs>/train_budgets/{protocol}/{dataset}/{model}{at}/{budgets}.log",
    benchmark:
        "<benchmarks>/train_budgets/{protocol}/{dataset}/{model}{at}/{budgets}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="collect_budgets"),
        budgets="short|[0-9]+",
    conda:
        "../envs/main.yaml"
    threads: config["threads"]["extraction"]
    resources:
        **size_of("train_budgets"),
        gpu=0,
        checkpoint_steps=config["execution"]["checkpoint_steps"],
    params:
        run=run_facts,
        facts=dataset_facts,
        module=protocol_fact("module"),
        metric=dataset_fact("metric"),
        labels=labels_of_job,
        settings=training_settings,
    script:
        "../scripts/train_budgets.py"


rule collect_budgets:
    """The trainings with all numbers of labels as one result."""
    input:
        trainings_of_run,
    output:
        "<results>/{protocol}/{dataset}/{model}{at}.json",
    log:
        "<logs>/collect_budgets/{protocol}/{dataset}/{model}{at}.log",
    benchmark:
        "<benchmarks>/collect_budgets/{protocol}/{dataset}/{model}{at}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="collect_budgets"),
    conda:
        "../envs/main.yaml"
    params:
        run=run_facts,
        settings=settings_of,
    script:
        "../scripts/collect_budgets.py"
