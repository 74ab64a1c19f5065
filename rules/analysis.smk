"""From the results of all runs, or the published ones, to tables.

In: the results <results>/{protocol}/{dataset}/{model}{at}.json, or config/published/. Out: the rows of the tables of
models, datasets and protocols, and the long table, which everything after it reads (`results_from` chooses whether
measured.tsv or a published one); correlations, printed tables, a page a dataset.
"""

from transferscope.results import long_table, takeover
from transferscope.results.resolved import resolve

# Checked here and again in the job that writes their long table: before any job, and whenever the file changes.
try:
    PUBLISHED_ROWS = {
        name: long_table.published(placed(f"config/published/{name}.csv"), ALL_MODELS)
        for name in PUBLISHED
        if name in (config["results_from"], config["compare"])
    }
    REFERENCE = reference_of_study()
except InputError as error:
    raise WorkflowError(str(error))


# Curves are no settings; utility.smk and layer_figures.smk draw them.
HAS_SETTINGS = bool(families() - {*protocols.CURVED})

TABLES = [results_table()]
if HAS_SETTINGS:
    TABLES += expand(
        "<results>/tables/{name}", name=["correlations.tsv", "correlation_row.txt", "results.md", "tasks"]
    )


# A result of the layout before variants: said once, since Snakemake alone would only speak of changed params.
older = takeover.first_older(f"{RESULTS}/{runs.path_of(run)}.json" for run in RUNS.to_dict("records"))
if older and workflow.is_main_process:
    print(
        f"{RESULTS} holds results of an earlier version (such as {older}), which records settings otherwise; they "
        f"would all be computed again. To keep them, first run: python scripts/take_over.py {RESULTS}",
        file=sys.stderr,
    )


# Seconds each: on a cluster they would wait longer than they run.
localrules:
    resolve_study,
    collect_results,
    published_results,
    correlations,
    results_table,
    task_pages,


rule resolve_study:
    """The rows of the tables that analyses need, as they were read and checked."""
    output:
        "<results>/study.json",
    log:
        "<logs>/resolve_study.log",
    benchmark:
        "<benchmarks>/resolve_study.tsv"
    conda:
        "../envs/figures.yaml"
    params:
        rows=resolve(ALL_MODELS, ALL_DATASETS, PROTOCOLS),
    script:
        "../scripts/resolve_study.py"


rule collect_results:
    """The long table of everything measured; every planned run must be there once."""
    input:
        results_of(RUNS),
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
        "../envs/figures.yaml"
    params:
        expected=expected_results(),
    script:
        "../scripts/collect_results.py"


rule published_results:
    """The long table of published numbers."""
    input:
        published=published_numbers,
        study="<results>/study.json",
    output:
        "<results>/tables/{published}.tsv",
    log:
        "<logs>/published_results/{published}.log",
    benchmark:
        "<benchmarks>/published_results/{published}.tsv"
    conda:
        "../envs/figures.yaml"
    script:
        "../scripts/published_results.py"


rule correlations:
    """Correlation of transfer with the reference, such as ImageNet top-1 (Ericsson et al. 2021, section 4.5)."""
    input:
        table=results_table(),
        study="<results>/study.json",
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
        "../envs/figures.yaml"
    params:
        reference=REFERENCE,
    script:
        "../scripts/correlations.py"


rule results_table:
    """Models by datasets, best bold and second best underlined, published values beside if asked for."""
    input:
        table=results_table(),
        study="<results>/study.json",
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
        "../envs/figures.yaml"
    script:
        "../scripts/results_table.py"


rule task_pages:
    """A page a dataset: what it is, every model in every setting, what the reference says of each."""
    input:
        table=results_table(),
        study="<results>/study.json",
        correlations="<results>/tables/correlations.tsv",
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
        "../envs/figures.yaml"
    params:
        reference=REFERENCE,
        plot=config["plotting"],
    script:
        "../scripts/task_pages.py"
