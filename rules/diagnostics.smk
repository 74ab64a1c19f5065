"""From single results to figures that show how a run went: reliability, finetuning, what was predicted of pictures.

In: results <results>/{protocol}/{dataset}/{model}{at}.json and examples beside them. Out: the figures below
<results>/figures/ that the column `figure` of the protocols' table names. A figure of several runs is of the default variant.
"""


# Seconds each: on a cluster they would wait longer than they run.
localrules:
    plot_reliability,
    plot_finetuning,
    plot_detections,
    plot_examples,


rule plot_reliability:
    """Accuracy against confidence of one model's predictions, before and after temperature scaling."""
    input:
        study="<results>/study.json",
        results=collect(
            "<results>/{run.protocol}/{run.dataset}/{{model}}.json",
            run=lookup("model == '{model}' and at == ''", within=runs_of(figure="reliability/{model}")),
        ),
    output:
        pdf="<results>/figures/reliability/{model}.pdf",
        png=report(
            "<results>/figures/reliability/{model}.png",
            caption="../report/reliability.rst",
            category="Reliability",
            labels={"figure": "{model}"},
        ),
    log:
        "<logs>/plot_reliability/{model}.log",
    benchmark:
        "<benchmarks>/plot_reliability/{model}.tsv"
    conda:
        "../envs/main.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_reliability.py"


rule plot_finetuning:
    """Losses and all settings tried on one dataset, for every model."""
    input:
        study="<results>/study.json",
        results=collect(
            "<results>/{run.protocol}/{{dataset}}/{run.model}.json",
            run=lookup("dataset == '{dataset}' and at == ''", within=runs_of(figure="finetuning/{dataset}")),
        ),
    output:
        pdf="<results>/figures/finetuning/{dataset}.pdf",
        png=report(
            "<results>/figures/finetuning/{dataset}.png",
            caption="../report/finetuning.rst",
            category="Finetuning",
            labels={"figure": "{dataset}"},
        ),
    log:
        "<logs>/plot_finetuning/{dataset}.log",
    benchmark:
        "<benchmarks>/plot_finetuning/{dataset}.tsv"
    conda:
        "../envs/main.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_finetuning.py"


rule plot_detections:
    """What one model's detector found in some pictures of the test."""
    input:
        examples="<results>/{protocol}/{dataset}/{model}{at}.examples.json",
        dataset=dataset_folder,
    output:
        pdf="<results>/figures/{protocol}/{dataset}/{model}{at}.pdf",
        png=report(
            "<results>/figures/{protocol}/{dataset}/{model}{at}.png",
            caption="../report/detections.rst",
            category="Detections",
            subcategory="{protocol}",
            labels={"dataset": "{dataset}", "model": "{model}{at}"},
        ),
    log:
        "<logs>/plot_detections/{protocol}/{dataset}/{model}{at}.log",
    benchmark:
        "<benchmarks>/plot_detections/{protocol}/{dataset}/{model}{at}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="train_detector"),
    conda:
        "../envs/main.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_detections.py"


rule plot_examples:
    """A few test pictures with the truth and the prediction for every pixel."""
    input:
        "<results>/{protocol}/{dataset}/{model}{at}.examples.h5",
    output:
        pdf="<results>/figures/{protocol}/{dataset}/{model}{at}.pdf",
        png=report(
            "<results>/figures/{protocol}/{dataset}/{model}{at}.png",
            caption="../report/examples.rst",
            category="Examples",
            subcategory="{protocol}",
            labels={"dataset": "{dataset}", "model": "{model}{at}"},
        ),
    log:
        "<logs>/plot_examples/{protocol}/{dataset}/{model}{at}.log",
    benchmark:
        "<benchmarks>/plot_examples/{protocol}/{dataset}/{model}{at}.tsv"
    wildcard_constraints:
        protocol=ids_of(rule="train_dense"),
    conda:
        "../envs/main.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_examples.py"
