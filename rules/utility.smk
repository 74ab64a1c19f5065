"""From the curves over numbers of labels to what each model saves (Newell and Deng, CVPR 2020).

In: the long table. Out: utility.tsv, labels_saved.tsv, linear_rank.tsv in <results>/tables/, and label_efficiency/, utility/
with a figure a protocol and linear_rank.pdf in <results>/figures/. CURVES are the planned runs.
"""

CURVES = runs_of(family="efficiency") if MEASURED else RUNS.iloc[:0]
WITH_CURVES = PROTOCOLS.loc[CURVES["protocol"].unique()]
SIDES = WITH_CURVES.groupby("task")["reads"].agg(set)

UTILITY_FIGURES = expand(
    "{figure}/{protocol}", figure=["label_efficiency", "utility"], protocol=WITH_CURVES.index
)
if any({"features", "pictures"} <= reads for reads in SIDES):
    UTILITY_FIGURES += ["linear_rank"]

UTILITY_TABLES = expand(
    "<results>/tables/{name}.tsv", name=["utility", "labels_saved"] if len(CURVES) else []
)
TABLES += UTILITY_TABLES


# Seconds each: on a cluster they would wait longer than they run.
localrules:
    measure_utility,
    plot_label_efficiency,
    plot_utility,
    plot_linear_rank,


rule measure_utility:
    """Accuracies, utility, and labels saved at target accuracies."""
    input:
        table=results_table(),
        study="<results>/study.json",
    output:
        utility=report(
            "<results>/tables/utility.tsv",
            caption="../report/utility_table.rst",
            category="Label efficiency",
            labels={"result": "Table of accuracies and utility"},
        ),
        saved=report(
            "<results>/tables/labels_saved.tsv",
            caption="../report/labels_saved.rst",
            category="Label efficiency",
            labels={"result": "Table of labels saved"},
        ),
    log:
        "<logs>/measure_utility.log",
    benchmark:
        "<benchmarks>/measure_utility.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        settings=config["utility"],
    script:
        "../scripts/measure_utility.py"


rule plot_label_efficiency:
    """Accuracy against numbers of labels, of every model and its baseline."""
    input:
        utility="<results>/tables/utility.tsv",
        study="<results>/study.json",
    output:
        pdf="<results>/figures/label_efficiency/{protocol}.pdf",
        png=report(
            "<results>/figures/label_efficiency/{protocol}.png",
            caption="../report/label_efficiency.rst",
            category="Label efficiency",
            labels={"result": "Accuracy: {protocol}"},
        ),
    log:
        "<logs>/plot_label_efficiency/{protocol}.log",
    benchmark:
        "<benchmarks>/plot_label_efficiency/{protocol}.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        figure="label_efficiency",
        plot=config["plotting"],
    script:
        "../scripts/plot_curves.py"


use rule plot_label_efficiency as plot_utility with:
    output:
        pdf="<results>/figures/utility/{protocol}.pdf",
        png=report(
            "<results>/figures/utility/{protocol}.png",
            caption="../report/utility.rst",
            category="Label efficiency",
            labels={"result": "Utility: {protocol}"},
        ),
    log:
        "<logs>/plot_utility/{protocol}.log",
    benchmark:
        "<benchmarks>/plot_utility/{protocol}.tsv"
    params:
        figure="utility",
        plot=config["plotting"],


rule plot_linear_rank:
    """Linear probes against finetuning on the same labels."""
    input:
        utility="<results>/tables/utility.tsv",
        study="<results>/study.json",
    output:
        pdf="<results>/figures/linear_rank.pdf",
        png=report(
            "<results>/figures/linear_rank.png",
            caption="../report/linear_rank.rst",
            category="Label efficiency",
            labels={"result": "Linear and finetuned order"},
        ),
        table=report(
            "<results>/tables/linear_rank.tsv",
            caption="../report/linear_rank.rst",
            category="Label efficiency",
            labels={"result": "Table of linear and finetuned order"},
        ),
    log:
        "<logs>/plot_linear_rank.log",
    benchmark:
        "<benchmarks>/plot_linear_rank.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_linear_rank.py"


include: "utility_figures.smk"
