"""What each layer knows, and how alike the layers are.

In: the long table, published results to show beside it, and <results>/similarity/{dataset}-layers.tsv. Out: in
<results>/figures/, layers/ (heat maps), layer_curves/ and layer_gaps/ with a figure a protocol, and
similarity/{dataset}-layers.pdf.
"""

BY_LAYER = [
    name for name in results_of_study()["protocol"].unique() if name in protocols_with(family="layers")
]

FIGURES += expand(
    "<results>/figures/{figure}/{protocol}.pdf",
    figure=["layers", "layer_curves", "layer_gaps"],
    protocol=BY_LAYER,
)
if MEASURED:
    FIGURES += expand(
        "<results>/figures/similarity/{dataset}-layers.pdf", dataset=LAYERED["dataset"].unique()
    )


# Seconds each: on a cluster they would wait longer than they run.
localrules:
    plot_layers,
    plot_layer_curves,
    plot_layer_gaps,
    plot_layer_similarity,


rule plot_layers:
    """The accuracy of each layer of each model."""
    input:
        table=results_table(),
        study="<results>/study.json",
        compare=compared_table(curves="layers"),
    output:
        pdf="<results>/figures/layers/{protocol}.pdf",
        png=report(
            "<results>/figures/layers/{protocol}.png",
            caption="../report/layers.rst",
            category="Layers",
            labels={"result": "Models by layers: {protocol}"},
        ),
    log:
        "<logs>/plot_layers/{protocol}.log",
    benchmark:
        "<benchmarks>/plot_layers/{protocol}.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        figure="heat",
        plot=config["plotting"],
    script:
        "../scripts/plot_layers.py"


use rule plot_layers as plot_layer_curves with:
    output:
        pdf="<results>/figures/layer_curves/{protocol}.pdf",
        png=report(
            "<results>/figures/layer_curves/{protocol}.png",
            caption="../report/layer_curves.rst",
            category="Layers",
            labels={"result": "Accuracy by depth: {protocol}"},
        ),
    log:
        "<logs>/plot_layer_curves/{protocol}.log",
    benchmark:
        "<benchmarks>/plot_layer_curves/{protocol}.tsv"
    params:
        figure="by_depth",
        plot=config["plotting"],


use rule plot_layers as plot_layer_gaps with:
    output:
        pdf="<results>/figures/layer_gaps/{protocol}.pdf",
        png=report(
            "<results>/figures/layer_gaps/{protocol}.png",
            caption="../report/layer_gaps.rst",
            category="Layers",
            labels={"result": "Beside random and labels: {protocol}"},
        ),
    log:
        "<logs>/plot_layer_gaps/{protocol}.log",
    benchmark:
        "<benchmarks>/plot_layer_gaps/{protocol}.tsv"
    params:
        figure="gaps",
        plot=config["plotting"],


rule plot_layer_similarity:
    """How alike the layers of all models are on one dataset."""
    input:
        table="<results>/similarity/{dataset}-layers.tsv",
        study="<results>/study.json",
    output:
        pdf="<results>/figures/similarity/{dataset}-layers.pdf",
        png=report(
            "<results>/figures/similarity/{dataset}-layers.png",
            caption="../report/layer_similarity.rst",
            category="Layers",
            labels={"result": "Similarity: {dataset}"},
        ),
    log:
        "<logs>/plot_layer_similarity/{dataset}.log",
    benchmark:
        "<benchmarks>/plot_layer_similarity/{dataset}.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_layer_similarity.py"


include: "picture_figures.smk"
