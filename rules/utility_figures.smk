"""Label efficiency seen from other sides: architectures, tasks, frozen depths, where and on how much was pretrained.

In: <results>/tables/utility.tsv. Out: architectures/, frozen/, transfer_matrix/ and unlabelled/ with a figure a protocol,
and utility_tasks.pdf, in <results>/figures/, as far as the study has the runs for them. UTILITY is all that the plain
target `utility` makes.
"""

UNTRAINED = MODELS["supervision"] == "random"
PRETRAINED_HERE = MODELS[MODELS["pretrained_on"] != ""]
FROZEN = CURVES.loc[CURVES["freeze"] != "", "protocol"].unique()
ELSEWHERE = CURVES[CURVES["model"].isin(PRETRAINED_HERE.index)]
ELSEWHERE = ELSEWHERE[ELSEWHERE["model"].map(MODELS["pretrained_on"]) != ELSEWHERE["dataset"]]

if MODELS.loc[UNTRAINED, "arch"].nunique() > 1:
    UTILITY_FIGURES += expand("architectures/{protocol}", protocol=WITH_CURVES.index)
if WITH_CURVES["task"].nunique() > 1:
    UTILITY_FIGURES += ["utility_tasks"]
UTILITY_FIGURES += expand("frozen/{protocol}", protocol=FROZEN)
UTILITY_FIGURES += expand("transfer_matrix/{protocol}", protocol=ELSEWHERE["protocol"].unique())
if (PRETRAINED_HERE.groupby(["method", "arch", "pretrained_on"])["unlabelled"].nunique() > 1).any():
    UTILITY_FIGURES += expand("unlabelled/{protocol}", protocol=WITH_CURVES.index)

UTILITY_FIGURES = expand("<results>/figures/{figure}.pdf", figure=UTILITY_FIGURES)
FIGURES += UTILITY_FIGURES
UTILITY = [*UTILITY_TABLES, *UTILITY_FIGURES]


localrules:
    plot_architectures,
    plot_frozen,
    plot_utility_tasks,
    plot_transfer_matrix,
    plot_unlabelled,


use rule plot_label_efficiency as plot_architectures with:
    output:
        pdf="<results>/figures/architectures/{protocol}.pdf",
        png=report(
            "<results>/figures/architectures/{protocol}.png",
            caption="../report/architectures.rst",
            category="Label efficiency",
            labels={"result": "Architectures: {protocol}"},
        ),
    log:
        "<logs>/plot_architectures/{protocol}.log",
    benchmark:
        "<benchmarks>/plot_architectures/{protocol}.tsv"
    params:
        figure="architectures",
        plot=config["plotting"],


use rule plot_label_efficiency as plot_frozen with:
    output:
        pdf="<results>/figures/frozen/{protocol}.pdf",
        png=report(
            "<results>/figures/frozen/{protocol}.png",
            caption="../report/frozen.rst",
            category="Label efficiency",
            labels={"result": "Frozen depths: {protocol}"},
        ),
    log:
        "<logs>/plot_frozen/{protocol}.log",
    benchmark:
        "<benchmarks>/plot_frozen/{protocol}.tsv"
    params:
        figure="frozen",
        plot=config["plotting"],


rule plot_utility_tasks:
    """Utility for one task beside that for another."""
    input:
        utility="<results>/tables/utility.tsv",
        study="<results>/study.json",
    output:
        pdf="<results>/figures/utility_tasks.pdf",
        png=report(
            "<results>/figures/utility_tasks.png",
            caption="../report/utility_tasks.rst",
            category="Label efficiency",
            labels={"result": "Utility by task"},
        ),
    log:
        "<logs>/plot_utility_tasks.log",
    benchmark:
        "<benchmarks>/plot_utility_tasks.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_utility_tasks.py"


use rule plot_label_efficiency as plot_transfer_matrix with:
    output:
        pdf="<results>/figures/transfer_matrix/{protocol}.pdf",
        png=report(
            "<results>/figures/transfer_matrix/{protocol}.png",
            caption="../report/transfer_matrix.rst",
            category="Label efficiency",
            labels={"result": "Transfer matrix: {protocol}"},
        ),
    log:
        "<logs>/plot_transfer_matrix/{protocol}.log",
    benchmark:
        "<benchmarks>/plot_transfer_matrix/{protocol}.tsv"
    params:
        figure="transfer_matrix",
        plot=config["plotting"],


use rule plot_label_efficiency as plot_unlabelled with:
    output:
        pdf="<results>/figures/unlabelled/{protocol}.pdf",
        png=report(
            "<results>/figures/unlabelled/{protocol}.png",
            caption="../report/unlabelled.rst",
            category="Label efficiency",
            labels={"result": "Unlabelled pictures: {protocol}"},
        ),
    log:
        "<logs>/plot_unlabelled/{protocol}.log",
    benchmark:
        "<benchmarks>/plot_unlabelled/{protocol}.tsv"
    params:
        figure="unlabelled",
        plot=config["plotting"],
