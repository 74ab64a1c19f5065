"""Small datasets of scenes with factors, for tests of whatever reads them."""

from pathlib import Path

from transferscope.datasets.rendered.buckets import Plan, join_buckets, render_bucket


def scenes_with_factors(folder: Path, variant: str, layout: str, **settings) -> Path:
    """Render all buckets into ``folder``, as ``0.h5`` and so on, and the dataset into its folder ``set``."""
    plan = Plan(variant, layout, **settings)
    parts = [folder / f"{bucket}.h5" for bucket in range(12)]
    for bucket, part in enumerate(parts):
        render_bucket(plan, bucket, part)
    join_buckets(parts, folder / "set")
    return folder
