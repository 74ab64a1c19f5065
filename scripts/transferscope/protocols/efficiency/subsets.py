"""Which samples of the training split are labelled: the same for all networks, tasks and seeds."""

import numpy as np

from transferscope.errors import InputError


def order(samples: int, subset_seed: int) -> np.ndarray:
    """The order of which every subset is a beginning, int64 [samples]; with the seed 0 the dataset's own."""
    if subset_seed == 0:
        return np.arange(samples)
    return np.random.default_rng([subset_seed, samples]).permutation(samples)


def prefix(count: int, samples: int, subset_seed: int) -> np.ndarray:
    """The first ``count`` of ``samples``, int64 [count]: subsets are nested, and not balanced.

    Raises:
        InputError: there are fewer samples.
    """
    if count > samples:
        raise InputError(
            f"{count} labels were asked for, where the training split has {samples} samples; leave {count} "
            "out of `labels`, or write the count into the column `train` of the dataset's row"
        )
    return order(samples, subset_seed)[:count]


def balanced(count: int, labels: np.ndarray, subset_seed: int) -> np.ndarray:
    """The first ``count // C`` of each of C classes, int64 [C * (count // C)], in the order of the samples.

    As in the authors' linear evaluation (their code, misc/save_network_output.py).

    Args:
        labels: of the training samples, int64 [N].

    Raises:
        InputError: a class has fewer samples, or ``count`` is less than the number of classes.
    """
    classes = np.unique(labels)
    each = count // len(classes)
    places = order(len(labels), subset_seed)
    members = [places[labels[places] == label] for label in classes]
    smallest = min(map(len, members))
    if not 1 <= each <= smallest:
        raise InputError(
            f"{count} labels are {each} of each of the {len(classes)} classes, which have {smallest} samples "
            f"or more; leave {count} out of `few_labels.labels`"
        )
    return np.sort(np.concatenate([member[:each] for member in members]))
