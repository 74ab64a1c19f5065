"""What every model saves over its random baseline, from the curves over numbers of labels."""

from transferscope.job import logged
from transferscope.results import efficiency
from transferscope.results.resolved import read_study


def main(table: str, study: str, *, utility: str, saved: str, settings: dict) -> None:
    """Write the tables ``utility`` and ``saved`` (``results.efficiency``) of the long table ``table``.

    ``settings`` is the section ``utility`` of the configuration.
    """
    rows = read_study(study)
    runs = efficiency.read_runs(table, rows)
    targets = settings["targets"]
    others = {name: value for name, value in settings.items() if name != "targets"}
    efficiency.write(utility, efficiency.utility_table(runs, rows, **others))
    efficiency.write(saved, efficiency.saved_table(runs, rows, targets=targets, **others))


if __name__ == "__main__":
    with logged(snakemake):
        main(
            snakemake.input.table,
            snakemake.input.study,
            **dict(snakemake.output),
            settings=snakemake.params.settings,
        )
