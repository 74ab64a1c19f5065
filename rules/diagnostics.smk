"""From single results to figures that show how a run went: reliability diagrams, finetuning curves.

In: results <results>/{protocol}/{dataset}/{model}.json. Out: <results>/figures/reliability/, finetuning/. DIAGNOSTICS
lists what the study measures.
"""


# Seconds each: on a cluster they would wait longer than they run.
localrules:
    plot_reliability,
    plot_finetuning,


DIAGNOSTICS = []
if MEASURED:
    DIAGNOSTICS += expand(
        "<results>/figures/reliability/{model}.pdf",
        model=RUNS.loc[RUNS["protocol"].str.startswith("calibration"), "model"].unique(),
    )
    DIAGNOSTICS += expand(
        "<results>/figures/finetuning/{dataset}.pdf",
        dataset=RUNS.loc[RUNS["protocol"] == "finetune", "dataset"].unique(),
    )


rule plot_reliability:
    """Accuracy against confidence of one model's predictions, before and after temperature scaling."""
    input:
        datasets=config["tables"]["datasets"],
        results=collect(
            "<results>/{run.protocol}/{run.dataset}/{{model}}.json",
            run=lookup("model == '{model}' and protocol.str.startswith('calibration')", within=RUNS),
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
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_reliability.py"


rule plot_finetuning:
    """Losses and all settings tried on one dataset, for every model."""
    input:
        models=config["tables"]["models"],
        results=collect(
            "<results>/finetune/{{dataset}}/{run.model}.json",
            run=lookup("dataset == '{dataset}' and protocol == 'finetune'", within=RUNS),
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
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_finetuning.py"
