"""The configuration, checked against its schema and the tables.

The Snakefile imports this module, so it imports nothing heavier than pandas.
"""

import difflib
from pathlib import Path

import pandas as pd

from transferscope.errors import InputError
from transferscope.places import WORKFLOW, placed
from transferscope.study import own_sources
from transferscope.study.catalogue import PRETRAINING, RECOGNITION, cropped
from transferscope.study.runs import listed
from transferscope.validation import first_error, read_schema, sentence

# Keys of earlier configurations, and where what they set is now.
MOVED = {
    "seed": "seeds: [0]",
    "features.batch_size": "execution.batch_size",
    "features.shard_images": "execution.shard_images",
    "detection.checkpoint_iterations": "execution.checkpoint_steps",
    "reconstruction.batch_size": "execution.reconstructions",
    "reconstruction.trunks": "trunks",
    "saliency.batch_size": "execution.occluders",
}
GONE = {
    "finetune.points_per_job": "a job trains as many points as there are weight decays",
    "normals.epochs": "normals.iterations says how long the network is trained",
    "segmentation.crop": "pictures are shown whole, at segmentation.train_scales",
    "correlation.resamples": "intervals of coefficients take no resamples",
}
TRAINING = ("sgd", "betas", "milestones", "hold")
"""What a profile of a pretraining may say of the training, beside what it has to."""


def check_config(config: dict, schema: str | Path) -> None:
    """Check the configuration against its JSON schema.

    Raises:
        InputError: names the key.
    """
    for key in (*MOVED, *GONE):
        section, _, name = key.rpartition(".")
        settings = config.get(section) if section else config
        if isinstance(settings, dict) and name in settings:
            if key in GONE:
                raise InputError(f"configuration, key {key}: leave it out: {GONE[key]}")
            raise InputError(f"configuration, key {key}: it moved; write {MOVED[key]} in its place")
    error = first_error(config, read_schema(schema))
    if error:
        key = ".".join(map(str, error.absolute_path)) or "(top level)"
        raise InputError(f"configuration, key {key}: {sentence(error)}")


def placed_tables(tables: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
    """The section ``tables``, with the paths where the tables lie."""
    return {
        name: placed(paths) if isinstance(paths, str) else [placed(path) for path in paths]
        for name, paths in tables.items()
    }


def published_names(folder: str) -> list[str]:
    """The published results there are: the names, without suffix, of the CSV files in the folder.

    In that of the working folder and in that of the workflow.
    """
    return sorted({path.stem for home in (Path(), WORKFLOW) for path in (home / folder).glob("*.csv")})


def check_published(config: dict, published: list[str]) -> None:
    """Check the two keys that may name published results, of which there are ``published``.

    Raises:
        InputError: names the key, and what it may be.
    """
    for key, otherwise in (("results_from", "measured"), ("compare", "none")):
        allowed = [otherwise, *published]
        if config[key] not in allowed:
            raise InputError(
                f"configuration, key {key}: {config[key]!r} is not one of {', '.join(allowed)}; "
                "published results are the files in config/published/"
            )


def choose(table: pd.DataFrame, ids: list[str]) -> pd.DataFrame:
    """The rows with these ids, in this order; all rows where there are none."""
    return table.loc[ids] if ids else table


def evaluated_on(datasets: pd.DataFrame, ids: list[str]) -> list[str]:
    """The datasets that a study evaluates on: those with these ids, or all that have labels.

    Raises:
        InputError: one of these has none.
    """
    unlabelled = datasets.index[[tasks == [PRETRAINING] for tasks in datasets["task"]]]
    for name in ids:
        if name in unlabelled:
            raise InputError(
                f"configuration, key datasets: {name} has no labels, so nothing can be evaluated on it; name "
                f"it in the source of a model that is pretrained on it (dataset={name}), and not here"
            )
    return ids or list(datasets.index.drop(unlabelled))


def check_episodes(runs: pd.DataFrame, datasets: pd.DataFrame, protocols: pd.DataFrame, ways: int) -> None:
    """Check that episodes of ``ways`` classes can be drawn wherever a run needs shots.

    Raises:
        InputError: a dataset with fewer classes.
    """
    episodic = protocols.index[["shots" in needs for needs in protocols["needs"]]]
    for name in runs.loc[runs["protocol"].isin(episodic), "dataset"].unique():
        if datasets.at[name, "classes"] < ways:
            raise InputError(
                f"the dataset {name} has {datasets.at[name, 'classes']} classes and few-shot episodes need "
                f"{ways}; lower `fewshot.ways`, or empty the column `shots` of its row"
            )


def check_layers(datasets: pd.DataFrame, settings: dict, limit_gb: float) -> None:
    """Check that the layers of a model on each of ``datasets`` (with ``images``) find room, at the most.

    What they really take is known when they are extracted, and checked again.

    Args:
        settings: the section ``layerwise``.
        limit_gb: gigabytes.

    Raises:
        InputError: a dataset whose number of images is known has too many.
    """
    for name, row in datasets.iterrows():
        most_gb = 2 * row["images"] * settings["taps"] * settings["values"] / 1e9  # float16
        if most_gb > limit_gb and not row["assumed"]:
            raise InputError(
                f"the dataset {name} has {row['images']} images, whose layers may take {most_gb:.1f} GB, and "
                f"`execution.layers_gb` allows {limit_gb:g}; raise that, lower `layerwise.values`, or take "
                "the protocol layerwise_online, which keeps none"
            )


def frozen(config: dict, protocols: pd.DataFrame) -> dict[str, list[int]]:
    """Of each protocol that varies in it, the stages of ``freeze`` in its settings, without ``none``.

    Raises:
        InputError: its settings have no such list.
    """
    found = {}
    for protocol, row in protocols[protocols["varies"].map(lambda axes: "freeze" in axes)].iterrows():
        lists = [config[section]["freeze"] for section in row["settings"] if "freeze" in config[section]]
        if not lists:
            raise InputError(
                f"the protocol {protocol}, column 'varies': freeze, and none of its settings "
                f"({', '.join(row['settings'])}) has a list `freeze`; name a section that has one"
            )
        found[protocol] = lists[-1][1:]
    return found


def check_names(config: dict, models: pd.DataFrame, datasets: pd.DataFrame, protocols: pd.DataFrame) -> None:
    """Check every id in the configuration, and those of protocols in the datasets table, against the tables.

    Of the runs an exclusion may match none. The model that measures perceptual distances need not be one of
    the study's. A protocol may be named by its group.

    Raises:
        InputError: an id that its table lacks; names the key.
    """
    of_protocols = [*protocols.index, *protocols["target"].unique()]
    known = {"model": list(models.index), "dataset": list(datasets.index), "protocol": of_protocols}
    for kind, names in known.items():
        _check_ids(config[f"{kind}s"], names, f"configuration, key {kind}s", kind)
        for exclusion in config["exclude"]:
            _check_ids(listed(exclusion.get(kind, [])), names, "configuration, key exclude", kind)
    for protocol, sections in protocols["settings"].items():
        for section in sections:
            if section not in config:
                raise InputError(
                    f"the protocol {protocol}, column 'settings': the configuration has no section "
                    f"{section!r}; add it to config/config.yaml, or leave the cell empty"
                )
    where = "configuration, key reconstruction.perceptual"
    _check_ids(config["reconstruction"]["perceptual"], known["model"], where, "model")
    check_pretraining(config["pretrain"], models, datasets)
    for dataset, names in datasets["without"].items():
        _check_ids(names, of_protocols, f"the dataset {dataset}, column 'without'", "protocol")


def check_pretraining(profiles: dict[str, dict], models: pd.DataFrame, datasets: pd.DataFrame) -> None:
    """Check the profiles, and what the sources of the models that are pretrained here name.

    Raises:
        InputError: a profile is of a method that there is not, or its rates do not fit its steps; a
            source names a dataset without a row, one that is pooled or lacks the labels that the method
            learns from, or a profile that there is not.
    """
    methods, labelled = own_sources.methods(), own_sources.labelled_methods()
    for name, profile in profiles.items():
        _check_rates(profile, f"pretrain.{name}")
        for method in profile["methods"]:
            if method not in methods:
                raise InputError(
                    f"configuration, key pretrain.{name}.methods: {method!r} is not one of "
                    f"{', '.join(sorted(methods))}, the modules of scripts/transferscope/pretraining/"
                )
            _check_rates(_resolved(profile, method)["training"], f"pretrain.{name}.methods.{method}")
    for model, source in models.loc[models["origin"] == "pretrain", "source"].items():
        where, plan = f"the model {model}, column 'source'", own_sources.pretrain_settings(source)
        _check_ids([plan["dataset"]], list(datasets.index), where, "dataset")
        if plan["profile"] not in profiles:
            raise InputError(
                f"{where}: {plan['profile']!r} is not one of {', '.join(profiles)}, the profiles under "
                "`pretrain` in the configuration"
            )
        if datasets.at[plan["dataset"], "split_rule"] == "pooled":
            raise InputError(
                f"{where}: the dataset {plan['dataset']} has no split to train on, since it is pooled; name "
                "another"
            )
        if plan["method"] in labelled and RECOGNITION not in datasets.at[plan["dataset"], "task"]:
            raise InputError(
                f"{where}: the method {plan['method']} learns from labels for {RECOGNITION}, and the dataset "
                f"{plan['dataset']} has none; name another dataset"
            )


def pretraining(profiles: dict[str, dict], source: str) -> dict:
    """How a model is pretrained whose source in the table is ``source``, resolved from the profiles.

    Returns:
        What the source says; ``training``, the profile with what it says otherwise for the method; and
        ``settings``, those of the method alone.
    """
    plan = own_sources.pretrain_settings(source)
    return plan | _resolved(profiles[plan["profile"]], plan["method"])


def _resolved(profile: dict, method: str) -> dict[str, dict]:
    common = {key: value for key, value in profile.items() if key != "methods"}
    of_method = profile["methods"].get(method, {})
    training = {key: of_method[key] for key in of_method if key in common or key in TRAINING}
    settings = {key: value for key, value in of_method.items() if key not in training}
    return {"training": common | training, "settings": settings}


def _check_rates(training: dict, key: str) -> None:
    """A rate that falls by steps or exponentially has to end above 0, and in one of the two ways."""
    milestones = training.get("milestones") or []
    if milestones != sorted(milestones) or any(step >= training["steps"] for step in milestones):
        raise InputError(
            f"configuration, key {key}.milestones: {milestones} has to rise and stay below the "
            f"{training['steps']} steps of the training"
        )
    for name in ("milestones", "hold"):
        if training.get(name) is not None and not training["last_learning_rate"]:
            raise InputError(
                f"configuration, key {key}.{name}: the rate falls by a factor, so last_learning_rate has to "
                "be above 0"
            )
    for one, other in (("milestones", "hold"), ("sgd", "betas")):
        if training.get(one) and other in training:
            raise InputError(
                f"configuration, key {key}: {one} and {other} exclude each other; leave one of them out"
            )


def pretraining_datasets(models: pd.DataFrame) -> list[str]:
    """The datasets that some models are pretrained on, each once."""
    sources = models.loc[models["origin"] == "pretrain", "source"]
    return list(dict.fromkeys(own_sources.pretrain_settings(source)["dataset"] for source in sources))


def with_cropped(datasets: pd.DataFrame, ids: list[str]) -> list[str]:
    """The datasets with these ids, and those that some of them are crops of."""
    made_of = cropped(datasets.loc[ids])
    return [*ids, *made_of.values()]


def _check_ids(ids: list[str], known: list[str], where: str, kind: str) -> None:
    for name in ids:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise InputError(f"{where}: {name!r} is no id of the table of {kind}s{hint}")
