"""Numbers of labels: which a dataset has room for, which job trains with them, and for how many steps.

The Snakefile imports this package, so nothing here is heavier than pandas.
"""

SHORT = "short"
"""The job that trains with all small numbers of labels, one after the other."""


def fitting(labels: list[int], samples: int) -> list[int]:
    """The numbers of labels, in ascending order, that ``samples`` training samples allow."""
    return sorted(count for count in labels if count <= samples)


def jobs(labels: list[int], together: int) -> dict[str, list[int]]:
    """The jobs that share ``labels``: SHORT for those up to ``together``, and one for each other number.

    Its name is that of the job in paths.
    """
    short = [count for count in labels if count <= together]
    shared = {SHORT: short} if short else {}
    return shared | {str(count): [count] for count in labels if count > together}


def steps(labels: int, schedule: list[dict[str, int]]) -> int:
    """How many steps a training with so many labels takes.

    Args:
        schedule: ascending; ``steps`` for up to so many ``labels``. The last is for more, too.
    """
    fits = (stage["steps"] for stage in schedule if labels <= stage["labels"])
    return next(fits, schedule[-1]["steps"])
