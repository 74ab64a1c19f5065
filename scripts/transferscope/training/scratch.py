"""Copy a dataset to node-local scratch."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def copied_to_scratch(folder: str | Path, scratch: str | None) -> Iterator[Path]:
    """Temporary copy of a folder in ``scratch``; falls back to the folder itself.

    Args:
        folder: the folder to copy.
        scratch: node-local folder; environment variables are expanded. None disables the copy. If it is full
            or missing, a warning is logged.
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
                    "reading %s from where it lies, since it cannot be copied to scratch: %s", folder, error
                )
        yield folder


def _copy(folder: Path, copy: Path) -> None:
    # Check first, to avoid filling a shared disk.
    needed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    free = shutil.disk_usage(copy.parent).free
    if needed > free:
        raise OSError(f"{needed / 1e9:.3f} GB needed, {free / 1e9:.3f} GB free in {copy.parent}")
    shutil.copytree(folder, copy)
