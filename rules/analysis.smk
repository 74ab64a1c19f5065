"""From the results of all runs, or the published ones, to tables.

In: the results <results>/{protocol}/{dataset}/{model}.json, or config/published/. Out: the long table, which everything
after it reads (`results_from` chooses whether measured.tsv or a published one), correlations, printed
tables, a page a dataset.
"""

TABLES = [
    results_table(),
    "<results>/tables/correlations.tsv",
    "<results>/tables/correlation_row.txt",
    "<results>/tables/results.md",
    "<results>/tables/tasks",
]


# Seconds each: on a cluster they would wait longer than they run.
localrules:
    collect_results,
    published_results,
    correlations,
    results_table,
    task_pages,


rule collect_results:
    """The long table of everything measured; every planned run must be there once."""
    input:
        results_of(*RUNS["protocol"].unique()),
    output:
        report(
            "<results>/tables/measured.tsv",
            caption="../report/measured.rst",
            category="Tables",
            labels={"table": "Long table"},
        ),
    log:
        "<logs>/collect_results.log",
    benchmark:
        "<benchmarks>/collect_results.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        expected=RUNS.to_dict("records"),
    script:
        "../scripts/collect_results.py"


rule published_results:
    """The long table of published numbers."""
    input:
        published="config/published/{published}.csv",
        models=config["tables"]["models"],
    output:
        "<results>/tables/{published}.tsv",
    log:
        "<logs>/published_results/{published}.log",
    benchmark:
        "<benchmarks>/published_results/{published}.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    script:
        "../scripts/published_results.py"


rule correlations:
    """Correlation of transfer with ImageNet top-1 (Ericsson et al. 2021, section 4.5)."""
    input:
        table=results_table(),
        models=config["tables"]["models"],
        printed=printed_correlations(),
    output:
        table=report(
            "<results>/tables/correlations.tsv",
            caption="../report/correlations.rst",
            category="Tables",
            labels={"table": "Correlations"},
        ),
        row=report(
            "<results>/tables/correlation_row.txt",
            caption="../report/correlation_row.rst",
            category="Tables",
            labels={"table": "Correlations of the text"},
        ),
    log:
        "<logs>/correlations.log",
    benchmark:
        "<benchmarks>/correlations.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        resamples=config["correlation"]["resamples"],
        seed=config["seed"],
    script:
        "../scripts/correlations.py"


rule results_table:
    """Models by datasets, best bold and second best underlined, published values beside if asked for."""
    input:
        table=results_table(),
        models=config["tables"]["models"],
        datasets=config["tables"]["datasets"],
        compare=compared_table(),
    output:
        markdown="<results>/tables/results.md",
        latex="<results>/tables/results.tex",
        folder=report(
            directory("<results>/tables/by_setting"),
            patterns=["{name}.tsv"],
            caption="../report/results_table.rst",
            category="Tables",
            labels={"table": "{name}"},
        ),
    log:
        "<logs>/results_table.log",
    benchmark:
        "<benchmarks>/results_table.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    script:
        "../scripts/results_table.py"


rule task_pages:
    """A page a dataset: what it is, every model in every setting, what ImageNet top-1 says of each."""
    input:
        table=results_table(),
        correlations="<results>/tables/correlations.tsv",
        models=config["tables"]["models"],
        datasets=config["tables"]["datasets"],
        compare=compared_table(),
    output:
        report(
            directory("<results>/tables/tasks"),
            patterns=["{dataset}.html"],
            caption="../report/task_pages.rst",
            category="Tasks",
            labels={"dataset": "{dataset}"},
        ),
    log:
        "<logs>/task_pages.log",
    benchmark:
        "<benchmarks>/task_pages.tsv"
    conda:
        "../envs/main.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        plot=config["plotting"],
    script:
        "../scripts/task_pages.py"
