"""Unpack untrusted archives safely."""

import errno
import io
import lzma
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from transferscope.errors import InputError
from transferscope.files import disk_full_as_input_error
from transferscope.folders import CLUTTER

ZIP_SUFFIXES = (".zip", ".whl")
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
SUFFIXES = ZIP_SUFFIXES + TAR_SUFFIXES

# Exceptions of the standard library for damaged archives: gzip and bz2 raise OSError without errno; zipfile
# raises RuntimeError for encryption and its subclass NotImplementedError for an unknown compression.
_UNPACK_ERRORS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    OverflowError,
    struct.error,
)
# Of the system, for names that an archive alone can hold.
_NAME_ERRORS = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL)


def unpack(archive: str | Path, folder: str | Path) -> None:
    """Unpack a zip, a wheel or a tar (.gz, .xz, .bz2) into a folder; copy any other file there.

    Zips are detected by suffix, or by content if the name has no suffix: .npz and .pt files are zips too but
    must not be unpacked. Tars are detected by suffix or content. Archives inside the archive (by suffix) are
    unpacked in place and removed, one level deep. What a file manager put there is passed over.

    Args:
        archive: the file.
        folder: an existing folder; discard it after an error (as ``atomic_path`` does), it may be incomplete.

    Raises:
        InputError: an entry or link outside the folder, a device, a truncated or damaged archive, or a full
            disk.
    """
    folder = Path(folder)
    with disk_full_as_input_error(folder):
        # An archive may hold a name twice, and spelled in two ways.
        for inner in dict.fromkeys(folder / name for name in _unpack_one(Path(archive), folder)):
            # Skip hidden files: macOS stores attributes in `._NAME.zip`, which is not an archive.
            if inner.name.lower().endswith(SUFFIXES) and not inner.name.startswith("."):
                # Under another name, since it may hold its own.
                packed = inner.replace(inner.with_name(f".packed-{inner.name}"))
                _unpack_one(packed, inner.parent)
                packed.unlink()


def is_archive(path: Path) -> bool:
    """Whether ``unpack`` unpacks this file (instead of copying it)."""
    return _unpacker(path) is not _copy


def _unpack_one(archive: Path, folder: Path) -> list[str]:
    """Unpack one archive without recursion; return the names of the extracted files."""
    try:
        return _unpacker(archive)(archive, folder)
    except _UNPACK_ERRORS as error:
        if getattr(error, "errno", None) in _NAME_ERRORS:
            name = str(error.filename)
            raise InputError(
                f"{archive} holds a name that cannot be unpacked ({error.strerror}: {name[-80:]!r}), such as "
                "one that is both a file and a folder, or too long; use another archive"
            ) from error
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
        entries = [entry for entry in file.infolist() if not _is_clutter(entry.filename)]
        for entry in entries:
            _check_name(entry.filename, archive)
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise InputError(f"{archive} holds {entry.filename!r}, a link or device; use another archive")
        # zipfile never writes more than an entry declares, so the sum is an upper bound.
        _check_space(sum(entry.file_size for entry in entries), archive, folder)
        file.extractall(folder, entries)
    return [entry.filename for entry in entries if not entry.is_dir()]


def _unpack_tar(archive: Path, folder: Path) -> list[str]:
    # Not extractall: its filters require Python 3.11.4, which many systems lack.
    names = []
    with tarfile.open(archive) as file:
        for member in file:
            if _is_clutter(member.name):
                continue
            _check_name(member.name, archive)
            target = folder / member.name
            if member.isdir():
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with _content(file, member, archive) as content:
                # What it declares, or of a link its target; the members before have taken their part.
                _check_space(content.seek(0, io.SEEK_END), archive, folder)
                content.seek(0)
                with target.open("wb") as output:
                    shutil.copyfileobj(content, output)
            names.append(member.name)
    return names


def _is_clutter(name: str) -> bool:
    """Whether an entry is a file manager's. Hidden ones may be the authors', so they are unpacked."""
    return not CLUTTER.isdisjoint(part.lower() for part in PurePosixPath(name).parts)


def _content(file: tarfile.TarFile, member: tarfile.TarInfo, archive: Path) -> IO[bytes]:
    """Content of a file or of a link's target: links are copied, so no entry can write through one."""
    try:
        content = file.extractfile(member)
    except KeyError:  # link target not in the archive
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


def _check_space(needed: int, archive: Path, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(errno.ENOSPC, f"{archive} needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free")


def _check_name(name: str, archive: Path) -> None:
    # Backslashes, which some zips use as separators, would hide '..'.
    path = PurePosixPath(name.replace("\\", "/"))
    if not name:
        raise InputError(f"{archive} holds a file without a name; use another archive")
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{archive} holds {name!r}, which lies outside its own folder; use another archive")
