"""A dataset on a disk of the node that reads it again and again."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def copied_to_scratch(folder: str | Path, scratch: str | None) -> Iterator[Path]:
    """The folder's copy on this node's own disk while the context lasts; where that cannot be, the folder.

    Args:
        scratch: a folder of the node, in which environment variables are expanded; None where there is none.
            One that is full or absent costs time, not the job: the log then tells.
    """
    folder = Path(folder)
    with ExitStack() as stack:
        if scratch:
            try:
                own = tempfile.TemporaryDirectory(dir=os.path.expandvars(scratch), ignore_cleanup_errors=True)
                copy = Path(stack.enter_context(own), folder.name)
                _copy(folder, copy)
                logging.info("reading %s from its copy in %s", folder, copy.parent)
                folder = copy
            except OSError as error:
                logging.warning(
                    "reading %s from where it lies, since scratch is of no use: %s", folder, error
                )
        yield folder


def _copy(folder: Path, copy: Path) -> None:
    # Asked first: a disk that others need is not to be filled to the brim.
    needed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    free = shutil.disk_usage(copy.parent).free
    if needed > free:
        raise OSError(f"{needed / 1e9:.3f} GB needed, {free / 1e9:.3f} GB free in {copy.parent}")
    shutil.copytree(folder, copy)
