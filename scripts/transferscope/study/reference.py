"""The reference: what every correlation holds transfer against, checked before any job.

Here it is a choice and words, which the rules take as a param; ``results.reference`` has the values.
"""

import difflib
from collections.abc import Iterable, Mapping

import pandas as pd

from transferscope.errors import InputError
from transferscope.study import protocols
from transferscope.study.axes import AXES
from transferscope.study.metrics import METRICS, without_unit

IMAGENET = "imagenet_top1"
"""The column of the models table, which is the reference unless a study says otherwise."""
NUMBER = ["protocol", "dataset", "metric", *AXES]
"""What says which number of each model is meant."""


def planned_numbers(
    runs: pd.DataFrame, datasets: pd.DataFrame, protocol_rows: pd.DataFrame, ways: int
) -> pd.DataFrame:
    """The numbers of each model that runs will bring: NUMBER, each once.

    Args:
        runs: of ``study.runs.plan_runs``.
        datasets, protocol_rows: the tables.
        ways: of few-shot episodes.
    """
    numbers = []
    for run in runs.drop_duplicates(["protocol", "dataset", "freeze"]).to_dict("records"):
        row, dataset = protocol_rows.loc[run["protocol"]], datasets.loc[run["dataset"]]
        own = dataset["metric"] if row["metric"] == protocols.OWN else row["metric"]
        shots = dataset["shots"] if "shots" in row["needs"] else [""]
        for metric in filter(None, [own, *row["also"]]):
            for shot in shots:
                place = {"freeze": str(run["freeze"]), "ways": str(ways) if shot else "", "shots": shot}
                numbers.append(dict.fromkeys(AXES, "") | run | place | {"metric": metric})
    return pd.DataFrame(numbers, columns=NUMBER)


def resolve(
    chosen: str | dict, numbers: pd.DataFrame, datasets: pd.DataFrame, protocol_rows: pd.DataFrame
) -> dict[str, str]:
    """The reference that a study chooses, in what jobs and captions say of it.

    Args:
        chosen: the key ``reference`` of the configuration: IMAGENET, or which number.
        numbers: a table with NUMBER, of all that the study has results of.
        datasets, protocol_rows: the tables, for printed names.

    Returns:
        ``key``, the cell ``against`` of the correlations; ``name`` in a sentence; ``label`` of an axis;
        ``errors``, what the sign of an error's coefficient says; ``lacking``, who has no value, and
        ``unknown``, the same in a figure's key; ``metric``; and, empty for IMAGENET, ``setting`` and
        ``dataset``, by which the rows of the results are found, and ``dataset_name``.

    Raises:
        InputError: there is no such number, or nothing else; names the key and what it may be.
    """
    if chosen == IMAGENET:
        return {
            "key": IMAGENET,
            "name": "ImageNet top-1",
            "label": "ImageNet top-1 (%)",
            "errors": "a negative coefficient favours the better ImageNet models",
            "lacking": "models without an ImageNet top-1",
            "unknown": "ImageNet top-1 unknown",
            "metric": "top1",
            "setting": "",
            "dataset": "",
            "dataset_name": "",
        }
    protocol, dataset = chosen["protocol"], chosen["dataset"]
    numbers = numbers[~numbers["protocol"].map(protocol_rows["family"]).isin(protocols.CURVED)]
    there = _at(numbers, chosen, protocol_rows)
    metric = _metric(chosen, there, protocol_rows.at[protocol, "metric"])
    axes = _place(chosen, there[there["metric"] == metric])
    if not _others(numbers, protocol, dataset, axes):
        raise InputError(
            f"configuration, key reference: the study has nothing but {protocol} on {dataset}, so nothing is "
            "left to hold against it; add another dataset or protocol"
        )
    setting, title = protocols.setting(protocol, axes), protocols.title(protocol_rows, protocol, axes)
    dataset_name = datasets["name"].get(dataset, dataset)
    where = f"{title}, {dataset_name}"
    label = METRICS[metric].label
    label = label[0].lower() + label[1:] if label[1].islower() else label
    return {
        "key": f"{setting}/{dataset}/{metric}",
        "name": f"{without_unit(label)} ({where})",
        "label": f"{where}: {label}",
        "errors": _ERRORS[METRICS[metric].direction],
        "lacking": "models without this value",
        "unknown": "x unknown",
        "metric": metric,
        "setting": setting,
        "dataset": dataset,
        "dataset_name": dataset_name,
    }


_ERRORS = {
    1: "a negative coefficient favours the models that are better by the reference",
    -1: "a positive coefficient favours the models that are better by the reference",
    0: "a negative coefficient says that they fall as the reference rises",
}


def _at(numbers: pd.DataFrame, chosen: Mapping, protocol_rows: pd.DataFrame) -> pd.DataFrame:
    """The numbers of the chosen protocol on the chosen dataset, at least one."""
    protocol, dataset = chosen["protocol"], chosen["dataset"]
    families = protocol_rows["family"]
    if protocol not in families:
        raise _refused("protocol", protocol, "no id of the table of protocols", numbers["protocol"])
    if families[protocol] in protocols.CURVED:
        problem = "a protocol whose results are curves and no single numbers"
        raise _refused("protocol", protocol, problem, numbers["protocol"])
    if dataset not in set(numbers["dataset"]):
        raise _refused("dataset", dataset, "no dataset that this study has numbers of", numbers["dataset"])
    on_it = numbers[numbers["dataset"] == dataset]
    if protocol not in set(on_it["protocol"]):
        problem = f"a protocol that this study has no numbers of on {dataset}"
        raise _refused("protocol", protocol, problem, on_it["protocol"])
    return on_it[on_it["protocol"] == protocol]


def _metric(chosen: Mapping, there: pd.DataFrame, headline: str) -> str:
    """The metric that is named, or the one that the protocol stands for on the dataset."""
    metrics = list(there["metric"].unique())
    if "metric" in chosen:
        if chosen["metric"] not in metrics:
            problem = f"no metric of {chosen['protocol']} on {chosen['dataset']}"
            raise _refused("metric", chosen["metric"], problem, metrics)
        return chosen["metric"]
    own = headline == protocols.OWN
    standing = [metric for metric in metrics if (METRICS[metric].recognition if own else metric == headline)]
    if not standing:
        raise InputError(
            f"configuration, key reference: no metric of {chosen['protocol']} on {chosen['dataset']} stands "
            f"for the others; add `metric:` with one of {', '.join(metrics)}"
        )
    return standing[0]


def _place(chosen: Mapping, there: pd.DataFrame) -> dict[str, str]:
    """Where on the axes the number is: as chosen, and else at the only place, or the empty one."""
    places = there[list(AXES)].drop_duplicates()
    for axis in AXES:
        values = list(places[axis].unique())
        if axis in chosen:
            if str(chosen[axis]) not in values:
                known = [value for value in values if value]
                raise _refused(axis, chosen[axis], f"none of the {axis} of {chosen['protocol']} there", known)
            value = str(chosen[axis])
        elif len(values) == 1 or "" in values:
            value = "" if "" in values else values[0]
        else:
            raise InputError(
                f"configuration, key reference: {chosen['protocol']} has a number at each of the {axis} "
                f"{', '.join(values)}; add `{axis}:` with one of them"
            )
        places = places[places[axis] == value]
    return places.iloc[0].to_dict()


def _others(numbers: pd.DataFrame, protocol: str, dataset: str, axes: dict[str, str]) -> bool:
    """Whether there is any other number than those of this protocol, at this place, on this dataset."""
    this = pd.Series({"protocol": protocol, "dataset": dataset} | axes)
    return not (numbers[this.index] == this).all(axis=1).all()


def _refused(key: str, value: object, problem: str, known: Iterable[str]) -> InputError:
    known = list(dict.fromkeys(known))
    close = difflib.get_close_matches(str(value), known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    remedy = f"name one of {', '.join(known)}" if known else "leave it out"
    return InputError(
        f"configuration, key reference.{key}: {value!r} is {problem}; {hint}{remedy}, or write "
        f"`reference: {IMAGENET}`"
    )
