"""TensorFlow's checkpoints (the V2 "tensor bundle"), read without TensorFlow from one zip archive.

The archive holds NAME.index and its NAME.data-XXXXX-of-XXXXX, in a folder or not. The index is a sorted
table in LevelDB's format, from variable names to entries in protocol-buffer encoding; an entry says where in
the data a tensor's bytes lie.

Sources: tensorflow/core/util/tensor_bundle/tensor_bundle.h, tensorflow/core/protobuf/tensor_bundle.proto and
https://github.com/google/leveldb/blob/main/doc/table_format.md.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from torch import Tensor

from transferscope.errors import InputError

TABLE_MAGIC = bytes.fromhex("57fb808b247547db")
FOOTER_LENGTH = 48
BLOCK_TRAILER_LENGTH = 5  # one byte for the compression, four for the checksum

# Numbers of tensorflow/core/framework/types.proto; a checkpoint's counters and strings are no weights.
DTYPES = {1: "<f4", 2: "<f8", 19: "<f2"}


def read(path: str | Path) -> dict[str, Tensor]:
    """All variables of floating point by name, in the order of their names.

    Raises:
        InputError: the file is no zip archive of one checkpoint, or is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            index = _index_name(archive, path)
            entries = dict(_entries(archive.read(index)))
            header = dict(_fields(entries.pop(b"")))
            shards = header[1]
            stem = index.removesuffix(".index")
            data = [archive.read(f"{stem}.data-{shard:05d}-of-{shards:05d}") for shard in range(shards)]
            return dict(_tensors(entries, data))
    except zipfile.BadZipFile as error:
        raise InputError(
            f"{path} is truncated or no zip archive of a TensorFlow checkpoint (its .index and .data files); "
            "download it again, or zip the checkpoint's folder"
        ) from error
    except (KeyError, IndexError, ValueError, OverflowError, TypeError) as error:
        raise InputError(
            f"{path} holds a damaged TensorFlow checkpoint ({error}); remove it and download it again"
        ) from error


def _index_name(archive: zipfile.ZipFile, path: str | Path) -> str:
    # A hub module beside the checkpoint keeps its own variables in variables/variables.index.
    found = [
        name
        for name in archive.namelist()
        if name.endswith(".index") and PurePosixPath(name).name != "variables.index"
    ]
    if len(found) != 1:
        listed = ", ".join(found) if found else "none"
        raise InputError(
            f"{path} should hold one TensorFlow checkpoint with one .index file; it holds {listed}"
        )
    return found[0]


def _entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a LevelDB table in the order of the keys."""
    if table[-8:] != TABLE_MAGIC:
        raise ValueError("its index is no table")
    footer = table[-FOOTER_LENGTH:]
    _, at = _varint(footer, 0)  # the meta-index block, which TensorFlow leaves empty
    _, at = _varint(footer, at)
    for _, handle in _block_entries(_block(table, footer[at:])):
        yield from _block_entries(_block(table, handle))


def _block(table: bytes, handle: bytes) -> bytes:
    offset, at = _varint(handle, 0)
    length, _ = _varint(handle, at)
    block = table[offset : offset + length + BLOCK_TRAILER_LENGTH]
    if len(block) != length + BLOCK_TRAILER_LENGTH or block[length] != 0:
        raise ValueError("its index is cut short or compressed")
    return block[:length]


def _block_entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at)
        unshared, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + unshared]
        at += unshared
        yield key, block[at : at + length]
        at += length


def _tensors(entries: dict[bytes, bytes], data: list[bytes]) -> Iterator[tuple[str, Tensor]]:
    for key, entry in entries.items():
        fields = dict(_fields(entry))
        dtype = DTYPES.get(fields.get(1, 0))
        if dtype is None:
            continue
        # Dimensions are field 2 of the shape, and a dimension's size its field 1; a size of 0 is not written.
        shape = [dict(_fields(size)).get(1, 0) for number, size in _fields(fields.get(2, b"")) if number == 2]
        offset, length = fields.get(4, 0), fields.get(5, 0)
        values = np.frombuffer(data[fields.get(3, 0)][offset : offset + length], dtype).reshape(shape)
        yield key.decode(), torch.from_numpy(values.copy())


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values of a protocol-buffer message; nested messages stay bytes."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            value, at = _varint(message, at)
        else:
            if wire_type == 2:
                length, at = _varint(message, at)
            else:
                length = {1: 8, 5: 4}[wire_type]
            value = message[at : at + length]
            at += length
        yield number, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A little-endian number of seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
