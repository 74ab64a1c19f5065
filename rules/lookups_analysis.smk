"""What tables and figures look up: what results have to say, what the study has results of, and what is published.

In: RUNS and the configuration; PUBLISHED_ROWS of analysis.smk. Out: functions, for analysis.smk and the rules of figures.
"""

from transferscope import made_from
from transferscope.study import reference


def expected_results() -> list[dict]:
    """What each planned run's result has to say of itself, and the digest of its protocol's settings."""
    settings = {}
    for protocol in RUNS["protocol"].unique():
        settings[protocol] = made_from.digest(settings_of(Wildcards(fromdict={"protocol": protocol})))
    return [
        {"model": run["model"], "dataset": run["dataset"], "settings": settings[run["protocol"]]}
        | run_facts(Wildcards(fromdict=run))
        for run in RUNS.to_dict("records")
    ]


def published_numbers(wildcards) -> str:
    """The published numbers of this name, as they were transcribed."""
    return placed(f"config/published/{wildcards.published}.csv")


def printed_correlations() -> str | list:
    """The coefficients that the paper prints whose results the study takes or compares with."""
    named = config["results_from"] if config["results_from"] in PUBLISHED else config["compare"]
    return placed(f"config/published/correlations/{named}.csv") if named in PRINTED else []


def compared_table(curves: str = "") -> str | list:
    """The long table of published results to show beside measured settings, or curves of a family, if it has any."""
    if config["compare"] == "none":
        return []
    found = families_of(PUBLISHED_ROWS[config["compare"]])
    shown = curves in found if curves else found - {*protocols.CURVED}
    return f"<results>/tables/{config['compare']}.tsv" if shown else []


def reference_of_study() -> dict[str, str]:
    """What the study holds transfer against, and what is said of it."""
    numbers = results_of_study()
    if MEASURED:
        numbers = reference.planned_numbers(RUNS, DATASETS, PROTOCOLS, config["fewshot"]["ways"])
    return reference.resolve(config["reference"], numbers, ALL_DATASETS, PROTOCOLS)


def families_of(results: pd.DataFrame) -> set[str]:
    """The families of the protocols that there are results of."""
    return set(results["protocol"].map(PROTOCOLS["family"]))


def results_of_study() -> pd.DataFrame:
    """What the study has results of: its runs, or the published rows that stand in for them."""
    return RUNS if MEASURED else PUBLISHED_ROWS[config["results_from"]]


def families() -> set[str]:
    """The families of the protocols that the study has results of."""
    return families_of(results_of_study())


def own_figures() -> list[str]:
    """The figures that the protocols' rows name (column `figure`), filled in for every planned run, each once."""
    patterns = PROTOCOLS["figure"]
    names = [patterns[run["protocol"]].format(**run) for run in RUNS.to_dict("records")]
    return [f"<results>/figures/{name}.pdf" for name in dict.fromkeys(names) if name]
