"""TensorFlow V2 checkpoints ("tensor bundles"), read from a zip archive without TensorFlow.

The archive contains NAME.index and its NAME.data-XXXXX-of-XXXXX, optionally in a folder. The index is a
sorted table in LevelDB format that maps variable names to protocol-buffer entries; an entry locates a
tensor's bytes in the data files.

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

# Floating-point types of tensorflow/core/framework/types.proto; counters and strings are not weights.
DTYPES = {1: "<f4", 2: "<f8", 19: "<f2"}


def read(path: str | Path) -> dict[str, Tensor]:
    """Read all floating-point variables by name, sorted by name.

    Raises:
        InputError: the file is damaged or not a zip archive of one checkpoint.
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
    # variables/variables.index belongs to a TF-Hub module stored beside the checkpoint.
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
    """Keys and values of a LevelDB table, sorted by key."""
    if table[-8:] != TABLE_MAGIC:
        raise ValueError("its index is not a table")
    footer = table[-FOOTER_LENGTH:]
    _, position = _varint(footer, 0)  # the meta-index block, empty in TensorFlow
    _, position = _varint(footer, position)
    for _, handle in _block_entries(_block(table, footer[position:])):
        yield from _block_entries(_block(table, handle))


def _block(table: bytes, handle: bytes) -> bytes:
    offset, position = _varint(handle, 0)
    length, _ = _varint(handle, position)
    block = table[offset : offset + length + BLOCK_TRAILER_LENGTH]
    if len(block) != length + BLOCK_TRAILER_LENGTH or block[length] != 0:
        raise ValueError("its index is cut short or compressed")
    return block[:length]


def _block_entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    position, key = 0, b""
    while position < end:
        shared, position = _varint(block, position)
        unshared, position = _varint(block, position)
        length, position = _varint(block, position)
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + length]
        position += length


def _tensors(entries: dict[bytes, bytes], data: list[bytes]) -> Iterator[tuple[str, Tensor]]:
    for key, entry in entries.items():
        fields = dict(_fields(entry))
        dtype = DTYPES.get(fields.get(1, 0))
        if dtype is None:
            continue
        # Field 2 of the shape is a dimension, whose field 1 is its size (omitted if 0).
        shape = [dict(_fields(size)).get(1, 0) for number, size in _fields(fields.get(2, b"")) if number == 2]
        offset, length = fields.get(4, 0), fields.get(5, 0)
        values = np.frombuffer(data[fields.get(3, 0)][offset : offset + length], dtype).reshape(shape)
        yield key.decode(), torch.from_numpy(values.copy())


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values of a protocol-buffer message; nested messages remain bytes."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            value, position = _varint(message, position)
        else:
            if wire_type == 2:
                length, position = _varint(message, position)
            else:
                length = {1: 8, 5: 4}[wire_type]
            value = message[position : position + length]
            position += length
        yield number, value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Decode a varint (7 bits per byte, little-endian); return the value and the position after it."""
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
