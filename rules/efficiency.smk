"""Label efficiency: the network finetuned on n labels, for every n that the dataset has room for.

In: <resources>/backbones/{model}.safetensors, <resources>/datasets/{dataset}/. Out: per run the trainings, all with few
labels in one job and each with many in one of its own; then the result, a row a number of labels. A job that is killed
resumes from its last checkpoint.
"""


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
