"""Similarity of layers: which layers of one backbone or of two tell the pictures of a dataset apart alike?"""

import numpy as np
import pandas as pd

from transferscope import files
from transferscope.errors import InputError
from transferscope.features.layers import Layer, read_attributes, read_layers
from transferscope.job import logged
from transferscope.protocols import canonical


def main(layer_files: list[str], output: str, *, split: str, version: int) -> None:
    """Write the measures of every pair of layers: one row an ordered pair, tab separated.

    Of a layer each channel's mean over the grid is compared, so that layers with other grids can be.
    """
    places, found, ids = [], [], None
    for path in layer_files:
        model = read_attributes(path)["model"]
        for layer in read_layers(path):
            values, theirs = _means(layer, split)
            if ids is not None and not np.array_equal(theirs, ids):
                raise InputError(f"{path} and {layer_files[0]} hold other samples; remove both and rerun")
            ids = theirs
            places.append((model, layer.number))
            found.append(canonical.decompose(values))
    alike = canonical.table(found)
    one, other = (
        pd.DataFrame([places[index] for index in alike[side]], columns=columns)
        for side, columns in (("one", ["model", "layer"]), ("other", ["other", "other_layer"]))
    )
    table = pd.concat([one, other, alike.drop(columns=["one", "other"])], axis=1)
    with files.atomic_path(output) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.6f", lineterminator="\n")


def _means(layer: Layer, split: str) -> tuple[np.ndarray, np.ndarray]:
    """The means [N, C] of the channels, and the ids [N] of the pictures."""
    read = layer.read(split)[split]
    channels = layer.facts["channels"]
    return read.features.reshape(len(read.ids), channels, -1).mean(axis=2, dtype=np.float64), read.ids


if __name__ == "__main__":
    with logged(snakemake):
        main(list(snakemake.input), snakemake.output[0], **dict(snakemake.params))
