"""The index of a dataset: which of its files lie here, and what is in them.

A dataset's *contents* are a digest of the names, sizes and SHA-256 of its files, so neither a copy nor the
order in which a disk lists them makes others of them.

An index is a tab separated table, a row a file, sorted by ``name``, with its ``size`` in bytes, the ``time``
of its last change in nanoseconds, and its ``sha256``. A line above it, ``# `` and JSON, is its ``Summary``. A
file whose size and time are those of its row is not read again, and where all are, the summary is all that is
read. An index that is gone or damaged costs a look into every file, and nothing else.

The Snakefile asks this module, so it imports nothing heavy.
"""

import csv
import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from transferscope import files
from transferscope.errors import InputError
from transferscope.folders import SUFFIXES, is_clutter

READERS = 8  # at a time: on a shared disk a small file is mostly waited for
COLUMNS = ("name", "size", "time", "sha256")

log = logging.getLogger(__name__)


class File(NamedTuple):
    """A file: its name below the folder of the dataset, its size in bytes and its time of change in ns."""

    name: str
    size: int
    time: int


class Summary(NamedTuple):
    """The contents, a digest of the names, sizes and times of the files, and how many pictures they are."""

    contents: str
    listing: str
    pictures: int


def listing(sources: Iterable[str | Path]) -> list[File]:
    """The files in folders, at any depth and without clutter, and files themselves, sorted by name.

    Links are followed; what is not there has no files. A name is a path below the folder where that is the
    only source; else, and where the source is a file, it is the whole path.

    Raises:
        InputError: something may not be looked at.
    """
    found, sources = [], [Path(source) for source in sources]
    try:
        for source in sources:
            if source.is_dir():
                above = "" if len(sources) == 1 else f"{source}/"
                found += [_file(above + name, entry.stat()) for name, entry in _entries(source)]
            elif source.is_file():
                found.append(_file(str(source), source.stat()))
    except OSError as error:
        raise InputError(
            f"{error.filename} cannot be looked at ({error.strerror}); correct what is there, or move it away"
        ) from error
    return sorted(set(found))


def count_pictures(listed: Iterable[File]) -> int:
    """How many files have a picture's name, in whatever layout."""
    return sum(file.name.lower().endswith(SUFFIXES) for file in listed)


def contents(
    listed: list[File], sources: Iterable[str | Path], index: str | Path, *, write: bool = True
) -> str:
    """The contents of what ``listing`` found in ``sources``; the index is brought up to date. '' for nothing.

    Without ``write`` no more is read than it takes to say whether the contents are still those of the index:
    other names or sizes give a digest of these and of the times, which is that of no contents.

    Raises:
        InputError: a file cannot be read.
    """
    if not listed:
        return ""
    seen, stated = _digest((file, str(file.time)) for file in listed), summary(index)
    if seen == stated.listing:
        return stated.contents
    known = _known(index)
    if not write and _without_times(known) != _without_times(listed):
        return seen
    checksums = known | _read([file for file in listed if file not in known], _folder(sources))
    rows = [(file, checksums[file]) for file in listed]
    found = _digest(rows)
    if write:
        _write(index, Summary(found, seen, count_pictures(listed)), rows)
    return found


def summary(index: str | Path) -> Summary:
    """The contents and the number of pictures that an index states; none where there is no whole index."""
    try:
        with Path(index).open(encoding="utf-8", errors="surrogateescape") as file:
            return Summary(**json.loads(file.readline().removeprefix("# ")))
    except (FileNotFoundError, ValueError, TypeError):
        return Summary("", "", 0)


def _file(name: str, found: os.stat_result) -> File:
    return File(name, found.st_size, found.st_mtime_ns)


def _entries(folder: str | Path, above: str = "") -> Iterator[tuple[str, os.DirEntry]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_clutter(entry.name):
                continue
            if entry.is_dir():
                yield from _entries(entry.path, f"{above}{entry.name}/")
            elif entry.is_file():
                yield above + entry.name, entry


def _folder(sources: Iterable[str | Path]) -> Path:
    """What the names of a listing are below."""
    first, *others = map(Path, sources)
    return first if first.is_dir() and not others else Path()


def _without_times(listed: Iterable[File]) -> list[tuple[str, int]]:
    return [(file.name, file.size) for file in listed]


def _read(unknown: list[File], folder: Path) -> dict[File, str]:
    """The SHA-256 of each file."""
    if unknown:
        size = sum(file.size for file in unknown) / 1e6
        first = folder / unknown[0].name
        log.warning(
            "reading %d new or changed files (%.0f MB) for their checksums, beginning with %s",
            len(unknown),
            size,
            first,
        )
    try:
        with ThreadPoolExecutor(READERS) as readers:
            paths = [folder / file.name for file in unknown]
            return dict(zip(unknown, readers.map(files.sha256, paths), strict=True))
    except OSError as error:
        raise InputError(
            f"{error.filename} cannot be read ({error.strerror}); correct the file, or move it away"
        ) from error


def _digest(rows: Iterable[tuple[File, str]]) -> str:
    digest = hashlib.sha256()
    for file, checksum in rows:
        digest.update(os.fsencode(f"{file.name}\0{file.size}\0{checksum}\n"))
    return digest.hexdigest()


def _write(index: str | Path, stated: Summary, rows: list[tuple[File, str]]) -> None:
    with (
        files.atomic_path(index) as temporary,
        temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        file.write(f"# {json.dumps(stated._asdict())}\n")
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows((*listed, checksum) for listed, checksum in rows)


def _known(index: str | Path) -> dict[File, str]:
    """The files of an index, in its order, and their SHA-256; none where there is no whole index."""
    try:
        with Path(index).open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            file.readline()
            rows = csv.reader(file, delimiter="\t")
            next(rows, None)  # the header
            known = {File(name, int(size), int(time)): checksum for name, size, time, checksum in rows}
    except (FileNotFoundError, ValueError, csv.Error):
        return {}
    return known if _digest(known.items()) == summary(index).contents else {}
