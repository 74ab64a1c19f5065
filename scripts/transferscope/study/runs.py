"""The runs of a study: (model, dataset, protocol, variant), and the one key that everything shares.

A variant is a row of facts, which are looked up and never parsed from its name: ``seed``, and the places on
``axes.RUN_AXES``. The variant ``default`` is what a study without further seeds has.
"""

from collections.abc import Iterable, Mapping

import pandas as pd

from transferscope.errors import InputError
from transferscope.study.axes import RUN_AXES
from transferscope.study.catalogue import DRAWN
from transferscope.study.protocols import admits, expand

RUN_KEY = ["model", "dataset", "protocol", "variant"]
DEFAULT = "default"
FACTS = ["seed", *RUN_AXES]
ALWAYS = ("seed", "labels", "layer")
"""What params and results always state of a run; an axis that came later only where it has a place on it, so
that what was made before it stays what it is."""
ANY, SAME = "any", "same"
"""On which datasets a backbone is evaluated that this workflow pretrained: on all, or on that one alone."""


def variants(seeds: list[int], frozen: Iterable[int] = ()) -> pd.DataFrame:
    """The variants that seeds and stages make, indexed by ``id``, with FACTS and ``at``.

    ``at`` is the variant's part of a path. The first seed, with nothing frozen, is that of ``default``, whose
    part of a path is empty: its files are called as if there were no variants.

    Args:
        seeds: of the study.
        frozen: stages up to which a network may be frozen.
    """
    rows = {}
    for stage in ("", *frozen):
        for seed in seeds:
            parts = [] if stage == "" else [f"frozen-{stage}"]
            name = "-".join(parts if seed == seeds[0] else [*parts, f"seed-{seed}"])
            rows[name or DEFAULT] = {"at": name and f"@{name}", "seed": seed, "freeze": stage}
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.assign(id=table.index, **dict.fromkeys(RUN_AXES.keys() - set(table.columns), ""))


def stated(facts: Mapping[str, object]) -> dict[str, object]:
    """Of the FACTS in ``facts`` those that params and results state."""
    return {name: facts[name] for name in FACTS if name in ALWAYS or facts[name] != ""}


def path_of(run: Mapping[str, str] | pd.Series) -> str:
    """A run's place below the folder of results, without a suffix: ``protocol/dataset/model@variant``."""
    return f"{run['protocol']}/{run['dataset']}/{run['model']}{run['at']}"


def sentence(run: Mapping[str, str]) -> str:
    """A run in an error message."""
    return ", ".join(f"{column} {run[column]}" for column in RUN_KEY)


def plan_runs(
    models: pd.DataFrame,
    datasets: pd.DataFrame,
    protocols: pd.DataFrame,
    chosen: list[str],
    exclude: list[dict],
    variants: pd.DataFrame,
    pretrained_on: str = ANY,
    frozen: Mapping[str, Iterable[int]] | None = None,
) -> pd.DataFrame:
    """Every run of a study: RUN_KEY, FACTS and ``at``, where the dataset admits the protocol.

    A protocol that reads predictions has a run where the study has the run of its head; where it has none of
    the heads of a group, the first of these is taken.

    Args:
        chosen: ids of protocols, or names of groups (``target``); nothing for all that need not be named.
        exclude: declared exclusions; each a dict with some of ``model``, ``dataset``, ``protocol``, of which
            each is one name or a list, and a ``reason``. A run that agrees with all of these is left out.
        variants: the table of ``variants``.
        pretrained_on: ANY or SAME.
        frozen: of protocols that vary in it, the stages up to which a network is frozen besides.

    Raises:
        InputError: no run is left.
    """
    named = protocols.loc[expand(chosen or protocols.index[protocols["when"] == ""], protocols)]
    excluded = [_resolved(exclusion, protocols) for exclusion in exclude]
    runs = [
        (model, dataset, protocol)
        for dataset, facts in datasets.iterrows()
        for protocol, row in named.iterrows()
        if admits(facts, row)
        for model, learned_from in models["pretrained_on"].items()
        if pretrained_on == ANY or learned_from in ("", dataset)
        if not any(_excludes(exclusion, model, dataset, protocol) for exclusion in excluded)
    ]
    runs = _with_heads(runs, protocols, set(chosen))
    if not runs:
        raise InputError(
            "the study has no run: no dataset of it admits one of its protocols, or `exclude` leaves none; "
            "add a dataset with labels for them (the column `task` of its table), or another protocol"
        )
    planned = set(runs)
    first = variants.at[DEFAULT, "seed"]
    places = list(zip(variants.index, variants["freeze"], variants["seed"], strict=True))
    rows = []
    for run in runs:
        draws = len(variants) > 1 and _draws(run, planned, datasets, protocols)
        stages = {"", *(frozen or {}).get(run[2], ())}
        rows += [
            (*run, variant) for variant, stage, seed in places if stage in stages and (draws or seed == first)
        ]
    table = pd.DataFrame(rows, columns=RUN_KEY)
    return table.join(variants[["at", *FACTS]], on="variant")


def _with_heads(
    runs: list[tuple[str, str, str]], protocols: pd.DataFrame, chosen: set[str]
) -> list[tuple[str, str, str]]:
    """The runs, but of those that read predictions only where there are any to be read."""
    planned = set(runs)
    heads, targets = protocols["head"].to_dict(), protocols["target"].to_dict()
    rivals = {
        target: [heads[other] for other in heads if targets[other] == target] for target in targets.values()
    }
    kept, served = [], set()
    for model, dataset, protocol in runs:
        head, group = heads[protocol], (model, dataset, targets[protocol])
        if head and protocol not in chosen and (model, dataset, head) not in planned:
            others = {(model, dataset, rival) for rival in rivals[targets[protocol]]}
            if group in served or planned & others:
                continue
            served.add(group)
        kept.append((model, dataset, protocol))
    return kept


def _draws(
    run: tuple[str, str, str],
    planned: set[tuple[str, str, str]],
    datasets: pd.DataFrame,
    protocols: pd.DataFrame,
) -> bool:
    """Whether another seed gives another number: of the protocol's draws, or of the dataset's splits."""
    model, dataset, protocol = run
    draws = protocols.at[protocol, "draws"]
    if draws == "head":
        head = (model, dataset, protocols.at[protocol, "head"])
        return head in planned and _draws(head, planned, datasets, protocols)
    return draws == "run" or (draws == "split" and datasets.at[dataset, "split_rule"] in DRAWN)


def listed(value: str | Iterable[str]) -> list[str]:
    """One name, or several, as a list."""
    return [value] if isinstance(value, str) else list(value)


def _resolved(exclusion: dict, protocols: pd.DataFrame) -> dict[str, set[str]]:
    """An exclusion as sets of ids, the groups of protocols spelled out."""
    sets = {key: set(listed(exclusion[key])) for key in ("model", "dataset") if key in exclusion}
    if "protocol" in exclusion:
        sets["protocol"] = set(expand(listed(exclusion["protocol"]), protocols))
    return sets


def _excludes(exclusion: dict[str, set[str]], model: str, dataset: str, protocol: str) -> bool:
    run = {"model": model, "dataset": dataset, "protocol": protocol}
    return all(run[key] in ids for key, ids in exclusion.items())
