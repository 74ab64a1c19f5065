"""From single results to figures that show how a run went: reliability, finetuning, what was predicted of pictures.

In: results <results>/{protocol}/{dataset}/{model}{at}.json and examples beside them. Out: the figures below
<results>/figures/ that the column `figure` of the protocols' table names. A figure of several runs is of the default variant.
"""


# Seconds each: on a cluster they would wait longer than they run.
localrules:
    plot_reliability,
    plot_finetuning,


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
        "../envs/figures.yaml"
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
        "../envs/figures.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_finetuning.py"


include: "property_figures.smk"
