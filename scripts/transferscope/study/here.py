"""What lies on this machine of a dataset: its pictures, and the contents that decide what is read again."""

import functools
from pathlib import Path

import pandas as pd

from transferscope.sources import index
from transferscope.sources.forms import is_local
from transferscope.study import own_sources


class Here:
    """The datasets' sources that are paths on this machine, each listed once, when it is first asked about.

    Args:
        datasets: the datasets table.
        resources: the folder with what users obtained by hand, and the indexes.
        look: whether to look at the disk. The Snakemake of a single job does not: what the one that plans
            saw stands in the indexes.
    """

    def __init__(self, datasets: pd.DataFrame, resources: str | Path, *, look: bool):
        self.resources, self.look = Path(resources), look
        self._rows = datasets[["origin", "source"]].to_dict("index")
        self._listing = functools.cache(lambda dataset: index.listing(self.sources(dataset)))
        self._contents = functools.cache(self._look_at)

    def sources(self, dataset: str) -> list[str]:
        """The paths that a dataset comes from, of one obtained by hand its folder; none if all is fetched."""
        row = self._rows[dataset]
        if row["origin"] == "manual":
            return [str(self.resources / "manual" / dataset)]
        if row["origin"] == "factors":
            return list(own_sources.stand_ins(row["source"][0]).values())
        if row["origin"] == "crops":
            path = own_sources.cropped_path(row["source"][0])
            return [path] if path else []
        return [] if row["origin"] == "render" else [source for source in row["source"] if is_local(source)]

    def index(self, dataset: str) -> Path:
        """Where the index of these lies (``sources.index``)."""
        return self.resources / "indexes" / f"{dataset}.tsv"

    def pictures(self, dataset: str) -> int:
        """How many pictures they hold.

        Raises:
            InputError: they may not be looked at.
        """
        if not self.look:
            return index.summary(self.index(dataset)).pictures
        return index.count_pictures(self._listing(dataset))

    def contents(self, dataset: str, *, write: bool) -> str:
        """Their contents, '' where there are none; unless it is to be written, the index stays as it is.

        Raises:
            InputError: they may not be looked at, or read.
        """
        return self._contents(dataset, write) if self.look else index.summary(self.index(dataset)).contents

    def _look_at(self, dataset: str, write: bool) -> str:
        listed = self._listing(dataset)
        return index.contents(listed, self.sources(dataset), self.index(dataset), write=write)
