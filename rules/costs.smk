"""What a study took, by protocol and model.

In: the benchmark files of its finished jobs. Out: <results>/tables/costs.tsv, <results>/figures/costs.pdf.
"""


# Seconds each: on a cluster they would wait longer than they run.
localrules:
    collect_costs,
    plot_costs,


rule collect_costs:
    """What the study took, by protocol and model, once everything is measured."""
    input:
        table=results_table(),
        study="<results>/study.json",
        sizes=placed("config/job_sizes.tsv"),
    output:
        report(
            "<results>/tables/costs.tsv",
            caption="../report/costs.rst",
            category="Tables",
            labels={"table": "Costs"},
        ),
    log:
        "<logs>/collect_costs.log",
    benchmark:
        "<benchmarks>/collect_costs.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        benchmarks=workflow.pathvars.apply("<benchmarks>"),
        models=list(MODELS.index),
        datasets=list(DATASETS.index),
    script:
        "../scripts/collect_costs.py"


rule plot_costs:
    """What each model took, protocol by protocol."""
    input:
        costs="<results>/tables/costs.tsv",
        study="<results>/study.json",
    output:
        pdf="<results>/figures/costs.pdf",
        png=report(
            "<results>/figures/costs.png",
            caption="../report/costs.rst",
            category="Figures",
            labels={"figure": "Costs"},
        ),
    log:
        "<logs>/plot_costs.log",
    benchmark:
        "<benchmarks>/plot_costs.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        plot=config["plotting"],
    script:
        "../scripts/plot_costs.py"
