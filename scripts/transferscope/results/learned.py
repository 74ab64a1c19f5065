"""How what layers know depends on the pictures that networks learned from (Asano et al., ICLR 2020).

In: rows of single layers (``results.layers.read_rows``). The Snakefile imports this module.
"""

import pandas as pd

from transferscope.results.resolved import RANDOM, SUPERVISED, Study, means

TRAINING = ["method", "arch", "profile"]
"""How a network was trained, but for its seed."""
SERIES = [*TRAINING, "picture", "augment", "crops"]
"""Models that differ in the number of their pictures alone are a series."""
ABLATION = ["method", "arch", "picture", "pictures", "crops"]
"""Models that differ in augmentation alone; their method's own is in the ``profile``."""
MEASURED = ["protocol", "dataset", "metric"]


def learned_from(models: pd.DataFrame, datasets: pd.DataFrame) -> pd.DataFrame:
    """What the models that were pretrained here without labels saw: SERIES and ``pictures``, by ``model``.

    ``picture`` is the id of a dataset, or a name or path of a picture or several, and ``pictures`` how many
    there were of it, 0 where nobody knows. ``augment`` and ``crops`` say how crops were made of them, and are
    empty where the pictures themselves were seen.

    Args:
        models, datasets: of a study, with ``resolved.MODEL_FACTS`` and ``resolved.DATASET_FACTS``.
    """
    rows = models[(models["pretrained_on"] != "") & (models["supervision"] != SUPERVISED)]
    seen = datasets.loc[rows["pretrained_on"]].set_index(rows.index)
    cropped, some = seen["picture"] != "", rows["unlabelled"] > 0
    used = "&used=" + rows["unlabelled"].astype(str)
    whole = rows["unlabelled"].where(some, seen["train"].clip(lower=0))
    facts = {
        "picture": seen["picture"].where(cropped, rows["pretrained_on"]),
        "pictures": seen["pictures"].where(cropped, whole),
        "augment": seen["augment"],
        "crops": seen["crops"] + used.where(cropped & some, ""),
    }
    return rows[TRAINING].assign(**facts).rename_axis("model").reset_index()


def in_numbers(learned: pd.DataFrame) -> pd.DataFrame:
    """The models of ``learned_from`` whose training was tried with several numbers of pictures.

    Of sets of crops that differ in their augmentation alone those with most are taken. The pictures of a
    dataset themselves, all of them, are the end of each series of crops of fewer.
    """
    known = learned[learned["pictures"] > 0]
    known = known[~_with_less(known)]
    cropped = known["crops"] != ""
    series = known.loc[cropped, SERIES].drop_duplicates()
    ends = known[~cropped].drop(columns=["augment", "crops"])
    ends = ends.merge(series, on=[*TRAINING, "picture"], how="left").fillna({"augment": "", "crops": ""})
    places = known.loc[cropped, [*SERIES, "pictures"]].drop_duplicates()
    # Crops of all pictures are not the pictures: with both the latter stand for themselves.
    both = ends.merge(places, how="left", indicator=True)["_merge"].eq("both").to_numpy()
    ends.loc[both, ["augment", "crops"]] = ""
    found = pd.concat([known[cropped], ends], ignore_index=True).drop_duplicates()
    return found[found.groupby(TRAINING)["pictures"].transform("nunique") > 1]


def in_augmentations(learned: pd.DataFrame) -> pd.DataFrame:
    """The models of ``learned_from`` that saw crops which were tried with several augmentations."""
    cropped = learned[learned["augment"] != ""]
    return cropped[cropped.groupby(ABLATION)["augment"].transform("nunique") > 1]


def by_pictures(rows: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Accuracy by number of pictures: MEASURED, SERIES, ``pictures``, ``layer`` and those of ``means``."""
    found = in_numbers(_with_rows(rows, study))
    return means(rows.merge(found, on="model"), [*MEASURED, *SERIES, "pictures", "layer"])


def by_augmentation(rows: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Accuracy by augmentation: as ``by_pictures``, with ABLATION, ``augment`` and ``profile``."""
    found = in_augmentations(_with_rows(rows, study))
    return means(rows.merge(found, on="model"), [*MEASURED, *ABLATION, "augment", "profile", "layer"])


def levels(curves: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The curves of ``results.layers.by_layer`` between which others are: without training, and with labels.

    Of each architecture they are those of the first model of its kind; ``supervision`` says of which, and
    ``arch`` is a column too.
    """
    models = study.models[study.models.index.isin(curves["model"])]
    models = models[models["supervision"].isin([RANDOM, SUPERVISED])]
    first = models.drop_duplicates(["arch", "supervision"])[["arch", "supervision"]]
    return curves.merge(first, left_on="model", right_index=True)


def _with_rows(rows: pd.DataFrame, study: Study) -> pd.DataFrame:
    learned = learned_from(study.models, study.datasets)
    return learned[learned["model"].isin(rows["model"])]


def _with_less(learned: pd.DataFrame) -> pd.Series:
    """Whether other crops of the same picture have all augmentations of these, and more."""
    rest = [name for name in SERIES if name != "augment"]
    sets = learned["augment"].map(lambda names: set(names.split("+")) - {"none"})
    more = [
        any(mine < other for other in sets[(learned[rest] == row).all(axis=1)])
        for mine, (_, row) in zip(sets, learned[rest].iterrows(), strict=True)
    ]
    return pd.Series(more, learned.index, dtype=bool)
