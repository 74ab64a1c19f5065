"""From single results to figures: reliability diagrams, finetuning curves, saliency maps, the similarity of models.

In: results <results>/{protocol}/{dataset}/{model}.json, saliency maps, <results>/similarity/. Out:
<results>/figures/reliability/, finetuning/, similarity/ and saliency.pdf. DIAGNOSTICS lists what the study measures.
"""

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
    DIAGNOSTICS += expand("<results>/figures/similarity/{dataset}.pdf", dataset=COMPARED["dataset"].unique())
    if "saliency" in set(RUNS["protocol"]):
        DIAGNOSTICS.append("<results>/figures/saliency.pdf")


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


rule plot_saliency:
    """Where every model attends, on one picture of every dataset (figure 9 of the paper)."""
    input:
        models=config["tables"]["models"],
        datasets=config["tables"]["datasets"],
        maps=expand(
            "<results>/saliency/{run.dataset}/{run.model}.h5",
            run=RUNS[RUNS["protocol"] == "saliency"].itertuples(),
        ),
    output:
        pdf="<results>/figures/saliency.pdf",
        png=report(
            "<results>/figures/saliency.png",
            caption="../report/saliency.rst",
            category="Figures",
            labels={"figure": "Saliency maps"},
        ),
    log:
        "<logs>/plot_saliency.log",
    benchmark:
        "<benchmarks>/plot_saliency.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_saliency.py"


rule plot_similarity:
    """How alike the models are on one dataset."""
    input:
        models=config["tables"]["models"],
        table="<results>/similarity/{dataset}.tsv",
    output:
        pdf="<results>/figures/similarity/{dataset}.pdf",
        png=report(
            "<results>/figures/similarity/{dataset}.png",
            caption="../report/similarity.rst",
            category="Similarity of models",
            labels={"figure": "{dataset}"},
        ),
    log:
        "<logs>/plot_similarity/{dataset}.log",
    benchmark:
        "<benchmarks>/plot_similarity/{dataset}.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_similarity.py"
