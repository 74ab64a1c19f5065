"""From single pictures and pairs of models to figures of what the features are like.

In: saliency maps, <results>/similarity/, the long table. Out: <results>/figures/saliency.pdf, invariance.pdf,
similarity/. PROPERTY_FIGURES lists what the study's results allow.
"""

PROPERTY_FIGURES = []
if MEASURED:
    PROPERTY_FIGURES += [
        f"<results>/figures/{protocol}.pdf"
        for protocol in ("saliency", "invariance")
        if protocol in set(RUNS["protocol"])
    ]
    PROPERTY_FIGURES += expand(
        "<results>/figures/similarity/{dataset}.pdf", dataset=COMPARED["dataset"].unique()
    )


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


rule plot_invariance:
    """How much of a feature outlives each change of the picture, by model."""
    input:
        table=results_table(),
        models=config["tables"]["models"],
    output:
        pdf="<results>/figures/invariance.pdf",
        png=report(
            "<results>/figures/invariance.png",
            caption="../report/invariance.rst",
            category="Figures",
            labels={"figure": "Invariance"},
        ),
    log:
        "<logs>/plot_invariance.log",
    benchmark:
        "<benchmarks>/plot_invariance.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_invariance.py"


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
