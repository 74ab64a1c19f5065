"""Unpack the authors' archives without trusting them."""

import errno
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from transferscope.errors import InputError

ZIP_SUFFIXES = (".zip", ".whl")
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
SUFFIXES = ZIP_SUFFIXES + TAR_SUFFIXES

# What the standard library raises on a damaged archive. Without a number, OSError is gzip's or bz2's word for
# it; an encrypted zip is a RuntimeError, an unknown compression a NotImplementedError, which is one too.
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
)


def unpack(archive: str | Path, folder: str | Path) -> None:
    """Unpack a zip, a wheel or a tar (.gz, .xz, .bz2) into a folder; copy any other file there.

    A zip is known by its suffix, or by its content where the name has none: a saved .npz or .pt is a zip too,
    and stays whole. A tar is known by suffix or content. An archive inside the archive, known by its suffix,
    is unpacked where it lies and removed; what lies deeper stays.

    Args:
        archive: the file.
        folder: an existing folder; after an error it holds a part, so discard it (as ``atomic_path`` does).

    Raises:
        InputError: an entry that would land or point outside the folder, a device, a truncated or damaged
            archive, a full disk.
    """
    folder = Path(folder)
    with full_disk_named(folder):
        for name in _unpack_one(Path(archive), folder):
            inner = folder / name
            # A hidden one is none: macOS stores a file's attributes in `._file`, suffix and all.
            if inner.name.lower().endswith(SUFFIXES) and not inner.name.startswith("."):
                _unpack_one(inner, inner.parent)
                inner.unlink()


def is_archive(path: Path) -> bool:
    """Whether ``unpack`` would unpack this file and not copy it."""
    return _unpacker(path) is not _copy


def _unpack_one(archive: Path, folder: Path) -> list[str]:
    """Unpack ``archive`` without looking into it; return the names of the files that it gave."""
    try:
        return _unpacker(archive)(archive, folder)
    except _DAMAGE as error:
        if getattr(error, "errno", None) is not None:
            raise
        raise InputError(
            f"{archive} cannot be unpacked ({error}): it is truncated, damaged or encrypted; "
            "remove it and fetch it again"
        ) from error


def _unpacker(archive: Path) -> Callable[[Path, Path], list[str]]:
    name = archive.name.lower()
    if name.endswith(ZIP_SUFFIXES) or (not archive.suffix and zipfile.is_zipfile(archive)):
        return _unpack_zip
    if name.endswith(TAR_SUFFIXES) or tarfile.is_tarfile(archive):
        return _unpack_tar
    return _copy


def _unpack_zip(archive: Path, folder: Path) -> list[str]:
    with zipfile.ZipFile(archive) as file:
        entries = file.infolist()
        for entry in entries:
            _check_name(entry.filename, archive)
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise InputError(f"{archive} holds {entry.filename!r}, a link or device; use another archive")
        # zipfile never writes more than an entry declares, so their sum bounds what this can take.
        needed, free = sum(entry.file_size for entry in entries), shutil.disk_usage(folder).free
        if needed > free:
            raise OSError(
                errno.ENOSPC, f"{archive} needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
            )
        file.extractall(folder)
    return [entry.filename for entry in entries if not entry.is_dir()]


def _unpack_tar(archive: Path, folder: Path) -> list[str]:
    # Not by extractall: its filters are missing in Python before 3.11.4, which many systems have.
    names = []
    with tarfile.open(archive) as file:
        for member in file:
            _check_name(member.name, archive)
            target = folder / member.name
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with _content(file, member, archive) as content, target.open("wb") as output:
                shutil.copyfileobj(content, output)
            names.append(member.name)
    return names


def _content(file: tarfile.TarFile, member: tarfile.TarInfo, archive: Path) -> IO[bytes]:
    """What a file holds, or the file that a link points to, so that no entry can write through a link."""
    try:
        content = file.extractfile(member)
    except KeyError:  # a link to what is not in the archive
        content = None
    if content is None:
        raise InputError(
            f"{archive} holds an unsafe entry ({member.name!r} is a device, or a link to a folder or out of "
            "the archive); use another archive"
        )
    return content


def _copy(archive: Path, folder: Path) -> list[str]:
    shutil.copyfile(archive, folder / archive.name)
    return []


def _check_name(name: str, archive: Path) -> None:
    # Some zips are written with backslashes, which would hide a '..'.
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{archive} holds {name!r}, which lies outside its own folder; use another archive")


@contextmanager
def full_disk_named(path: str | Path) -> Iterator[None]:
    """Say which ``path`` was being written when the disk was full or the quota used up.

    Raises:
        InputError: instead of the OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InputError(
            f"no space left on the device for {path} ({error.strerror}); free some, or keep the resources "
            "on another disk"
        ) from error
