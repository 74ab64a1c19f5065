"""What the rules of rendering, crops, pretraining and label efficiency look up, as lookups.smk for the others.

In: the tables and the settings. Out: functions, in the order of the rule files that use them; PRETRAINING, CROP_SETS.
"""

from transferscope.cluster import sizes
from transferscope.study import budgets


def factor_settings(wildcards) -> dict:
    """A param: what the pictures of scenes with factors depend on, beside the folders that they come from."""
    settings = own_sources.factor_settings(DATASET_ROWS[wildcards.dataset]["source"][0])
    return {name: value for name, value in settings.items() if name not in own_sources.STAND_INS}


def stand_ins(wildcards) -> dict:
    """The folders on this machine whose models or textures take the place of those made here."""
    dataset = wildcards.dataset
    folders = own_sources.stand_ins(DATASET_ROWS[dataset]["source"][0])
    if folders:
        contents(dataset)  # written into the index, where jobs look for it
    what = f"the dataset {dataset} has no folder"
    return {name: ancient(present(path, Path.is_dir, what)) for name, path in folders.items()}


# Of each of the study's models that is pretrained here: its method, dataset and seed, and all settings.
PRETRAINING = {
    model: configuration.pretraining(config["pretrain"], source)
    for model, source in MODELS.loc[MODELS["origin"] == "pretrain", "source"].items()
}


def of_its_dataset(function):
    """An input or param: what follows from the wildcard `dataset`, for the one that the model is pretrained on."""

    def of(wildcards):
        return function(Wildcards(fromdict={"dataset": PRETRAINING[wildcards.model]["dataset"]}))

    return of


def task_of_loader(wildcards) -> str:
    """A param: with which labels a dataset is loaded; those for recognition tell how pretraining goes."""
    tasks = DATASET_ROWS[wildcards.dataset]["task"]
    return catalogue.RECOGNITION if catalogue.RECOGNITION in tasks else tasks[0]


def plan_of_pretraining(wildcards) -> dict:
    """A param: what the row's source says, with all settings."""
    return PRETRAINING[wildcards.model]


def work_of_pretraining(wildcards) -> sizes.Work:
    """The pictures that a model is pretrained on, and for how many steps."""
    row = DATASET_ROWS[PRETRAINING[wildcards.model]["dataset"]]
    return sizes.Work(row["images"], row["classes"], PRETRAINING[wildcards.model]["training"])


def crop_settings(wildcards) -> dict:
    """A param: what a set of crops depends on; where its picture is a path, what lies there is among the inputs."""
    source = DATASET_ROWS[wildcards.dataset]["source"][0]
    settings = own_sources.crop_settings(source)
    return settings | ({"picture": ""} if own_sources.cropped_path(source) else {})


def cropped(wildcards) -> dict:
    """What a set of crops is made of: the folder of a dataset, a path of this machine, or nothing but packages."""
    dataset = wildcards.dataset
    source = DATASET_ROWS[dataset]["source"][0]
    if own_sources.cropped_dataset(source):
        return {"dataset": of_cropped_dataset(dataset_folder)(wildcards)}
    if not HERE.sources(dataset):
        return {}
    contents(dataset)  # written into the index, where jobs look for it
    path = own_sources.cropped_path(source)
    return {"pictures": ancient(present(path, Path.exists, f"the dataset {dataset} has no picture"))}


def of_cropped_dataset(function):
    """An input or param: what follows from the dataset that the wildcard's crops are made of; none without one."""

    def of(wildcards):
        named = own_sources.cropped_dataset(DATASET_ROWS[wildcards.dataset]["source"][0])
        return function(Wildcards(fromdict={"dataset": named})) if named else {}

    return of


def loaded_for_crops(wildcards) -> dict:
    """A param: how the pictures of a dataset are loaded of which crops are made."""
    return {"task": task_of_loader(wildcards), "seed": config["seeds"][0]} | dataset_facts(wildcards)


# The sets of crops that the study's models are pretrained on.
CROP_SETS = [
    dataset
    for dataset in dict.fromkeys(plan["dataset"] for plan in PRETRAINING.values())
    if DATASET_ROWS[dataset]["origin"] == "crops"
]


def jobs_of_run(wildcards) -> dict[str, list[int]]:
    """The numbers of labels that a run's dataset has room for, by the job that trains with them.

    Where nobody knows how many pictures are for training, all of them might be.
    """
    row = DATASET_ROWS[wildcards.dataset]
    samples = row["train"] if row["train"] >= 0 else row["images"]
    labels = budgets.fitting(config["few_labels"]["labels"], samples)
    if not labels:
        refuse(
            f"the dataset {wildcards.dataset} has {samples} pictures for training, fewer than each of "
            f"`few_labels.labels`; add a smaller number there, or exclude {wildcards.protocol} for it"
        )
    return budgets.jobs(labels, config["execution"]["labels_together"])


def labels_of_job(wildcards) -> list[int]:
    """A param: the numbers of labels with which one job trains."""
    return jobs_of_run(wildcards)[wildcards.budgets]


def trainings_of_run(wildcards) -> list[str]:
    """The trainings with all numbers of labels of a run."""
    folder = f"<results>/{wildcards.protocol}/{wildcards.dataset}/{wildcards.model}{wildcards.at}"
    return [f"{folder}/labels-{job}.json" for job in jobs_of_run(wildcards)]


def training_settings(wildcards) -> dict:
    """A param: what one training with few labels depends on, of the settings of its protocol."""
    others = ("labels", "evaluated_on")
    settings = {name: value for name, value in settings_of(wildcards).items() if name not in others}
    return settings | ({"size": config["features"]["resolution"]} if settings["size"] == "study" else {})


def results_table() -> str:
    """The long table that all analyses read."""
    return f"<results>/tables/{config['results_from']}.tsv"
