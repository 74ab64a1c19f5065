"""A protocol on features, on each layer of a backbone in turn."""

import logging
from collections.abc import Callable

from transferscope.features.layers import Layer
from transferscope.results.run import Evaluation


def evaluate(layers: list[Layer], one: Callable[..., Evaluation], **arguments) -> Evaluation:
    """Evaluate each layer; its number is its place on the axis ``layer``.

    Args:
        layers: of one backbone and dataset; one is in memory at a time.
        one: a protocol's ``evaluate``.
        arguments: of ``one``, beside the features.
    """
    found = []
    for layer in layers:
        found.append(one(layer, **arguments))
        values = ", ".join(f"{each['metric']} {each['value']:.2f}" for each in found[-1].measurements)
        logging.info("%s: %s", layer.facts["name"], values)
    return Evaluation(
        mode=found[0].mode,
        n_test=found[0].n_test,
        measurements=[
            measured | {"layer": layer.number}
            for layer, evaluation in zip(layers, found, strict=True)
            for measured in evaluation.measurements
        ],
        details={
            "layers": [
                layer.facts | evaluation.details for layer, evaluation in zip(layers, found, strict=True)
            ]
        },
    )
