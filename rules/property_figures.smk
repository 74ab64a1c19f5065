"""From the long table, single pictures and pairs of models to figures of what the features keep.

In: the long table, reconstructions, saliency maps, <results>/similarity/. Out: properties.pdf, reconstructions.pdf,
saliency.pdf, invariance.pdf and similarity/ in <results>/figures/. Pictures and maps are of the default variant.
"""


localrules:
    plot_properties,
    plot_reconstructions,
    plot_saliency,
    plot_invariance,
    plot_similarity,


rule plot_properties:
    """What the features keep, by kind of model (figure 4 of the paper)."""
    input:
        table=results_table(),
        study="<results>/study.json",
    output:
        pdf="<results>/figures/properties.pdf",
        png=report(
            "<results>/figures/properties.png",
            caption="../report/properties.rst",
            category="Figures",
            labels={"figure": "Figure 4: what the features keep"},
        ),
    log:
        "<logs>/plot_properties.log",
    benchmark:
        "<benchmarks>/plot_properties.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_properties.py"


rule plot_reconstructions:
    """One picture of every dataset, reconstructed from every model's features (figure 8 of the paper)."""
    input:
        study="<results>/study.json",
        reconstructions=expand(
            "<results>/reconstructions/{model}.h5",
            model=runs_of(figure="reconstructions")["model"].unique(),
        ),
    output:
        pdf="<results>/figures/reconstructions.pdf",
        png=report(
            "<results>/figures/reconstructions.png",
            caption="../report/reconstructions.rst",
            category="Figures",
            labels={"figure": "Figure 8: reconstructions"},
        ),
    log:
        "<logs>/plot_reconstructions.log",
    benchmark:
        "<benchmarks>/plot_reconstructions.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_reconstructions.py"


rule plot_saliency:
    """Where every model attends, on one picture of every dataset (figure 9 of the paper)."""
    input:
        study="<results>/study.json",
        maps=expand(
            "<results>/{run.protocol}/{run.dataset}/{run.model}.h5",
            run=runs_of(figure="saliency").query("at == ''").itertuples(),
        ),
    output:
        pdf="<results>/figures/saliency.pdf",
        png=report(
            "<results>/figures/saliency.png",
            caption="../report/saliency.rst",
            category="Figures",
            labels={"figure": "Figure 9: saliency maps"},
        ),
    log:
        "<logs>/plot_saliency.log",
    benchmark:
        "<benchmarks>/plot_saliency.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_saliency.py"


rule plot_invariance:
    """How much of a feature outlives each change of the picture, by model."""
    input:
        table=results_table(),
        study="<results>/study.json",
    output:
        pdf="<results>/figures/invariance.pdf",
        png=report(
            "<results>/figures/invariance.png",
            caption="../report/invariance.rst",
            category="Figures",
            labels={"figure": "Invariance (beyond the paper)"},
        ),
    log:
        "<logs>/plot_invariance.log",
    benchmark:
        "<benchmarks>/plot_invariance.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        reference=REFERENCE,
        plot=config["plotting"],
    script:
        "../scripts/plot_invariance.py"


rule plot_similarity:
    """How alike the models are on one dataset."""
    input:
        table="<results>/similarity/{dataset}.tsv",
        study="<results>/study.json",
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
        "../envs/figures.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_similarity.py"
