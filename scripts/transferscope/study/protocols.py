"""The table of protocols, and what follows from a row: its group, the datasets that admit it, its title."""

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from transferscope import arguments
from transferscope.errors import InputError
from transferscope.study.axes import AXES
from transferscope.study.metrics import METRICS
from transferscope.study.tables import place, read_table

OWN = "dataset"
"""Stands in the column ``metric`` where a dataset's own metric of recognition is meant."""
CURVED = ("efficiency", "layers")
"""Families whose results are curves, over numbers of labels and over layers, and no settings."""
IN_FIGURES = ("protocol", "dataset", "model", "at")
_FORMAT_ERRORS = (LookupError, ValueError, AttributeError, TypeError)
MODULES = Path(__file__).parents[1] / "protocols"


def read_protocols(path: str | Path, schemas: str | Path) -> pd.DataFrame:
    """The table of protocols, indexed by id, in its order.

    ``needs``, ``varies``, ``also`` and ``settings`` become lists, ``arguments`` a dict, ``version`` an
    integer; ``target`` is the id where the row leaves it empty.

    Raises:
        InputError: names the file, row and column.
    """
    table = read_table(path, Path(schemas) / "protocols.schema.yaml")
    for protocol, row in table.iterrows():
        where = place(path, table, protocol)
        for column, names in (("metric", {row["metric"]} - {"", OWN}), ("also", row["also"].split())):
            for name in names:
                if name not in METRICS:
                    raise InputError(f"{where}, column {column!r}: {name!r} is not in study/metrics.py")
        if bool(row["head"]) != (row["reads"] == "predictions") or row["head"] not in ("", *table.index):
            raise InputError(
                f"{where}, column 'head': {row['head']!r}; name the protocol whose predictions are read, "
                "where `reads` is predictions, else nothing"
            )
        if row["module"] and not MODULES.joinpath(*row["module"].split(".")).with_suffix(".py").is_file():
            raise InputError(
                f"{where}, column 'module': scripts/transferscope/protocols/ has no {row['module']}"
            )
        try:
            title(table, protocol, dict.fromkeys(AXES, ""))
        except InputError as error:
            raise InputError(f"{where}, column 'title': {error}") from error
        try:
            row["figure"].format(**dict.fromkeys(IN_FIGURES, ""))
        except _FORMAT_ERRORS as error:
            raise InputError(
                f"{where}, column 'figure': {row['figure']!r} has other braces than those of "
                f"{', '.join(IN_FIGURES)} ({error}); correct it"
            ) from error
    table["target"] = table["target"].mask(table["target"] == "", table.index.to_series())
    for column in ("needs", "varies", "also", "settings"):
        table[column] = table[column].str.split()
    table["arguments"] = table["arguments"].map(arguments.parse)
    table["version"] = table["version"].astype(int)
    return table


def expand(names: Iterable[str], protocols: pd.DataFrame) -> list[str]:
    """Ids of protocols, once each in the order of the table, from ids and names of groups (``target``)."""
    named = set(names)
    return list(protocols.index[protocols.index.isin(named) | protocols["target"].isin(named)])


def settings(protocol: Mapping, config: dict) -> dict:
    """What a row's runs depend on: its sections of the configuration and its arguments, over each other.

    Stages up to which networks are frozen (``freeze``) are other runs, and change none.
    """
    found = functools.reduce(dict.__or__, [*map(config.get, protocol["settings"]), protocol["arguments"]])
    return {name: value for name, value in found.items() if name != "freeze"}


def admits(dataset: pd.Series, protocol: pd.Series) -> bool:
    """Whether a row of the datasets table can be evaluated by a row of the protocols table.

    It has labels for the task, of the right kind, the splits and the shots that are needed, and does not
    switch the protocol off.
    """
    kind = "multi" if dataset["metric"] and METRICS[dataset["metric"]].multilabel else "single"
    has = {"splits": dataset["split_rule"] != "pooled", "shots": bool(dataset["shots"])}
    return (
        protocol["task"] in dataset["task"]
        and protocol["labels"] in ("any", kind)
        and all(has[need] for need in protocol["needs"])
        and not {protocol.name, protocol["target"]} & set(dataset["without"])
    )


def setting(protocol: str, axes: Mapping[str, object]) -> str:
    """The id, for files and groups, of a protocol at a place on the axes; parsed nowhere."""
    return "_".join([protocol, *(f"{axis}{place}" for axis, place in axes.items() if place)])


def title(protocols: pd.DataFrame, protocol: str, axes: dict[str, object]) -> str:
    """Printed name of a protocol at a place on the axes; its id where the table lacks it.

    The row's title may name axes, as in ``{ways}-way``; those that it does not name follow it.

    Raises:
        InputError: the title names something that is no axis.
    """
    template = protocols["title"].get(protocol, protocol)
    try:
        text = template.format(**axes)
    except _FORMAT_ERRORS as error:
        raise InputError(
            f"the title {template!r} of the protocol {protocol} names no axis ({error}); "
            f"use {', '.join(AXES)} in braces"
        ) from error
    others = [
        AXES[name].format(value)
        for name, value in axes.items()
        if value not in ("", None) and f"{{{name}}}" not in template
    ]
    return ", ".join([text, *others])
