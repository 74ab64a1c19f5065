"""Rendering of scenes with factors compared to that of the other scenes: `python benchmarks/scenes.py`.

CPU milliseconds a picture on one thread, mean over pictures of all classes; both in one run. `--lab 300`
prints instead the mean and the standard deviation of L, a and b over 300 training pictures of each of the
twelve single-object variants at 32 pixels, by which the networks of Newell and Deng (CVPR 2020) normalise.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain, islice
from pathlib import Path
from time import process_time

import numpy as np
from page import Row, report
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from transferscope.datasets.rendered import dataset, lab
from transferscope.datasets.rendered.buckets import Plan, draw_picture
from transferscope.study import catalogue, own_sources

CONFIG = Path(__file__).parents[1] / "config"
ROUNDS = 3


def pictures(plan: Plan, bucket: int) -> Iterator[np.ndarray]:
    """The pictures of a bucket, one after the other, as ``render_bucket`` makes them."""
    for places, labels, numbers in plan.blocks(bucket):
        meshes = [plan.stock.mesh(*one) for one in zip(labels, numbers, strict=True)]
        for place in places:
            yield draw_picture(plan, bucket, place, labels, meshes)["rgb"]


def others(plan: dataset.Plan) -> Iterator[np.ndarray]:
    """The pictures of the other scenes."""
    return (dataset.draw_picture(plan, index)[0] for index in range(plan.images))


def milliseconds(drawn: Callable[[], Iterator], count: int) -> float:
    """CPU time a picture, the fastest of ROUNDS over the same ones but the first, which loads textures."""
    times = []
    for _ in range(ROUNDS):
        pictures = drawn()
        next(pictures)
        started = process_time()
        for _ in islice(pictures, count):
            pass
        times.append(process_time() - started)
    return 1e3 * min(times) / count


def print_speed(count: int) -> None:
    for size, layout, objects in ((64, "single", 1), (32, "single", 1), (128, "multi", 4)):
        plan = dataset.Plan(images=12000, objects=objects, size=size, seed=0)
        before = milliseconds(partial(others, plan), count)
        for variant in ("0000", "1111"):
            plan = Plan(variant, layout, 12000, size, 0, models=40)
            ours = milliseconds(partial(pictures, plan, bucket=0), count)
            report(
                Row(
                    f"a picture of a scene with factors, {variant}, {layout}, {size} pixels",
                    "one of the other scenes",
                    f"{ours / before:.2f} of its time",
                    (1e-3 * ours, 1e-3 * before),
                )
            )


def print_lab(count: int) -> None:
    """All training pictures of small datasets."""
    rows = catalogue.read_datasets(CONFIG / "datasets-newell2020.tsv", CONFIG / "schemas")
    settings = [own_sources.factor_settings(sources[0]) for sources in rows["source"]]
    single = [one["variant"] for one in settings if one["layout"] == "single"]
    found = []
    for variant in single:
        plan = Plan(variant, "single", count // 10 * 12, 32, 0, models=40)
        found += chain(*(pictures(plan, bucket) for bucket in range(10)))
    mean, std = lab.moments(np.stack(found))
    print(f"{len(found)} pictures of {', '.join(single)}")
    print(f"  mean {np.round(mean, 2)}  standard deviation {np.round(std, 2)}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--lab", type=int, help="pictures of each variant, at least 100")
    arguments = parser.parse_args()
    with threadpool_limits(1):
        if arguments.lab:
            print_lab(arguments.lab)
        else:
            print_speed(arguments.pictures)


if __name__ == "__main__":
    main()
