"""Rendering of scenes with factors compared to that of the other scenes: `python benchmarks/scenes.py`.

CPU milliseconds a picture on one thread, mean over pictures of all classes; both in one run. `--lab 300`
prints instead the mean and the standard deviation of L, a and b over 300 training pictures of each of the
twelve single-object variants at 32 pixels, by which the networks of Newell and Deng (CVPR 2020) normalise.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from time import process_time

import numpy as np
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from transferscope.datasets.rendered import dataset, lab
from transferscope.datasets.rendered.buckets import Plan, draw_picture
from transferscope.study import catalogue

CONFIG = Path(__file__).parents[1] / "config"


def pictures(plan: Plan, bucket: int) -> Iterator[np.ndarray]:
    """The pictures of a bucket, one after the other, as ``render_bucket`` makes them."""
    for places, labels, numbers in plan.blocks(bucket):
        meshes = [plan.stock.mesh(*one) for one in zip(labels, numbers, strict=True)]
        for place in places:
            yield draw_picture(plan, bucket, place, labels, meshes)["rgb"]


def milliseconds(count: int, draw: Callable[[int], object]) -> float:
    """CPU time of each of ``count`` pictures but the first, which loads textures."""
    draw(0)
    started = process_time()
    for index in range(1, count + 1):
        draw(index)
    return 1e3 * (process_time() - started) / count


def speed(count: int) -> None:
    for size, layout, objects in ((64, "single", 1), (32, "single", 1), (128, "multi", 4)):
        plain = dataset.Plan(images=12000, objects=objects, size=size, seed=0)
        before = milliseconds(count, lambda index, plan=plain: dataset.draw_picture(plan, index))
        print(f"{size:3d} pixels, up to {objects} objects: the other scenes {before:6.1f} ms a picture")
        for variant in ("0000", "1111"):
            drawn = pictures(Plan(variant, layout, 12000, size, 0, models=40), bucket=0)
            ours = milliseconds(count, lambda _, drawn=drawn: next(drawn))
            print(f"{'':28s}variant {variant}  {ours:6.1f} ms, ratio {ours / before:.2f}")


def print_lab(count: int) -> None:
    """All training pictures of small datasets."""
    rows = catalogue.read_datasets(CONFIG / "datasets-newell2020.tsv", CONFIG / "schemas")
    settings = [catalogue.factor_settings(sources[0]) for sources in rows["source"]]
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
            speed(arguments.pictures)


if __name__ == "__main__":
    main()
