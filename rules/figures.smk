"""From tables to figures, each as PDF and PNG.

In: the long table and the correlations. Out: <results>/figures/. FIGURES lists all that the study's results allow, those
of rules/layer_figures.smk, diagnostics.smk, property_figures.smk and costs.smk too.
"""

# What the results of each family of protocols allow; of efficiency, see utility_figures.smk.
OF_FAMILY = {
    "transfer": ["correlation_scatter", "rank_radar"],
    "calibration": ["calibration_scatter"],
    "features": ["properties"],
}


FIGURES = []
if HAS_SETTINGS:
    FIGURES += ["<results>/figures/correlation_bars.pdf", "<results>/figures/datasets"]
for family, names in OF_FAMILY.items():
    if family in families():
        FIGURES += expand("<results>/figures/{name}.pdf", name=names)
if MEASURED:
    FIGURES += own_figures()
    FIGURES += expand("<results>/figures/similarity/{dataset}.pdf", dataset=COMPARED["dataset"].unique())
    FIGURES += ["<results>/figures/costs.pdf"]
    FIGURES += ["<results>/figures/pretraining.pdf"] if PRETRAINING else []
    FIGURES += ["<results>/figures/crops.pdf"] if CROP_SETS else []


# Seconds each: on a cluster they would wait longer than they run.
localrules:
    plot_correlation_scatter,
    plot_correlation_bars,
    plot_calibration_scatter,
    plot_dataset_scatter,
    plot_rank_radar,


rule plot_correlation_scatter:
    """Transfer against the reference, a panel a setting (figure 1 of the paper)."""
    input:
        table=results_table(),
        study="<results>/study.json",
    output:
        pdf="<results>/figures/correlation_scatter.pdf",
        png=report(
            "<results>/figures/correlation_scatter.png",
            caption="../report/correlation_scatter.rst",
            category="Figures",
            labels={"figure": f"Figure 1: transfer against {REFERENCE['name']}"},
        ),
    log:
        "<logs>/plot_correlation_scatter.log",
    benchmark:
        "<benchmarks>/plot_correlation_scatter.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        reference=REFERENCE,
        plot=config["plotting"],
    script:
        "../scripts/plot_correlation_scatter.py"


rule plot_correlation_bars:
    """Pearson and Spearman coefficients of every dataset (figure 2 of the paper)."""
    input:
        correlations="<results>/tables/correlations.tsv",
        study="<results>/study.json",
    output:
        pdf="<results>/figures/correlation_bars.pdf",
        png=report(
            "<results>/figures/correlation_bars.png",
            caption="../report/correlation_bars.rst",
            category="Figures",
            labels={"figure": f"Figure 2: correlation with {REFERENCE['name']}"},
        ),
    log:
        "<logs>/plot_correlation_bars.log",
    benchmark:
        "<benchmarks>/plot_correlation_bars.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        reference=REFERENCE,
        plot=config["plotting"],
    script:
        "../scripts/plot_correlation_bars.py"


rule plot_calibration_scatter:
    """Calibration error against the reference (figure 3 of the paper)."""
    input:
        table=results_table(),
        study="<results>/study.json",
    output:
        pdf="<results>/figures/calibration_scatter.pdf",
        png=report(
            "<results>/figures/calibration_scatter.png",
            caption="../report/calibration_scatter.rst",
            category="Figures",
            labels={"figure": f"Figure 3: calibration against {REFERENCE['name']}"},
        ),
    log:
        "<logs>/plot_calibration_scatter.log",
    benchmark:
        "<benchmarks>/plot_calibration_scatter.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        reference=REFERENCE,
        plot=config["plotting"],
    script:
        "../scripts/plot_calibration_scatter.py"


rule plot_dataset_scatter:
    """Every dataset against the reference, a figure a setting (figures 5 and 6 of the paper)."""
    input:
        table=results_table(),
        study="<results>/study.json",
    output:
        report(
            directory("<results>/figures/datasets"),
            patterns=["{name}.png"],
            caption="../report/dataset_scatter.rst",
            category="Figures by dataset",
            labels={"figure": "{name}"},
        ),
    log:
        "<logs>/plot_dataset_scatter.log",
    benchmark:
        "<benchmarks>/plot_dataset_scatter.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        reference=REFERENCE,
        plot=config["plotting"],
    script:
        "../scripts/plot_dataset_scatter.py"


rule plot_rank_radar:
    """Every model's rank in every setting (figure 7 of the paper)."""
    input:
        table=results_table(),
        study="<results>/study.json",
    output:
        pdf="<results>/figures/rank_radar.pdf",
        png=report(
            "<results>/figures/rank_radar.png",
            caption="../report/rank_radar.rst",
            category="Figures",
            labels={"figure": "Figure 7: ranks over the settings"},
        ),
    log:
        "<logs>/plot_rank_radar.log",
    benchmark:
        "<benchmarks>/plot_rank_radar.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_rank_radar.py"


include: "layer_figures.smk"
