"""MATLAB files: what SciPy writes is read, and what is damaged ends in a sentence and not the process."""

import io
import struct
import zlib

import numpy as np
import pytest
from scipy.io import savemat

from transferscope.datasets.matlab import read_matlab
from transferscope.errors import InputError

PERSONS = np.array([("ann", 3.5), ("bo", 7.0)], dtype=[("name", object), ("size", object)])
CONTENT = {
    "labels": np.arange(1, 9, dtype=np.uint8),
    "table": np.arange(6.0).reshape(2, 3),
    "single": np.array([[0.5, -1]], dtype=np.float32),
    "one": np.array([[7]], dtype=np.int16),
    "truth": np.array([True, False]),
    "words": np.array(["one", "zwölf", "三"], dtype=object),
    "word": "text",
    "rows": np.array(["ab", "cd"]),
    "persons": PERSONS,
    "nested": {"inner": {"values": np.array([1, 2, 3])}},
}


def written(compressed: bool = False, **content: object) -> bytes:
    file = io.BytesIO()
    savemat(file, content or CONTENT, do_compression=compressed)
    return file.getvalue()


def read(folder, content: bytes, *keys: str, **options) -> np.ndarray:
    (folder / "a.mat").write_bytes(content)
    return read_matlab(folder / "a.mat", *keys, **options)


@pytest.mark.parametrize("compressed", [False, True])
def test_variables_come_back_without_dimensions_of_one(tmp_path, compressed):
    content = written(compressed)
    assert read(tmp_path, content, "labels").tolist() == list(range(1, 9))
    assert read(tmp_path, content, "labels").dtype == np.uint8
    assert read(tmp_path, content, "table", dimensions=2).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read(tmp_path, content, "single").tolist() == [0.5, -1]
    assert read(tmp_path, content, "single").dtype == np.float32
    assert read(tmp_path, content, "one").tolist() == [7]
    assert read(tmp_path, content, "truth").tolist() == [1, 0]
    assert read(tmp_path, content, "words", texts=True).tolist() == ["one", "zwölf", "三"]
    assert read(tmp_path, content, "word", texts=True).tolist() == ["text"]
    assert read(tmp_path, content, "rows", texts=True).tolist() == ["ab", "cd"]
    assert read(tmp_path, content, "persons", "name", texts=True).tolist() == ["ann", "bo"]
    assert read(tmp_path, content, "persons", "size").tolist() == [3.5, 7]
    assert read(tmp_path, content, "nested", "inner", "values").tolist() == [1, 2, 3]


def element(order: str, kind: int, data: bytes) -> bytes:
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(order: str, kind: int, shape: tuple, *parts: bytes, flags: int = 0, name: bytes = b"a") -> bytes:
    """A variable of a class, with the elements ``parts``; not by SciPy, which writes one byte order."""
    head = element(order, 6, struct.pack(f"{order}II", kind | flags, 0))
    head += element(order, 5, struct.pack(f"{order}{len(shape)}i", *shape)) + element(order, 1, name)
    return element(order, 14, head + b"".join(parts))


def file_of(*variables: bytes, order: str = "<") -> bytes:
    version = struct.pack(f"{order}H", 0x100) + {"<": b"IM", ">": b"MI"}[order]
    return b"MATLAB 5.0".ljust(124) + version + b"".join(variables)


@pytest.mark.parametrize("order", "<>")
def test_both_orders_of_bytes(tmp_path, order):
    numbers = matrix(order, 6, (1, 2), element(order, 4, struct.pack(f"{order}2H", 1, 300)))
    assert read(tmp_path, file_of(numbers, order=order), "a").tolist() == [1, 300]
    text = matrix(order, 4, (1, 2), element(order, 4, struct.pack(f"{order}2H", ord("b"), ord("ü"))))
    assert read(tmp_path, file_of(text, order=order), "a", texts=True).tolist() == ["bü"]


ONE = element("<", 9, struct.pack("<d", 1))
BAD = {
    "empty": b"",
    "no MATLAB file": b"hello" * 40,
    "a web page": b"<html>" * 40,
    "MATLAB 7.3": b"MATLAB 7.3 MAT-file".ljust(126) + b"IM" + b"\x89HDF" * 100,
    "another variable": file_of(matrix("<", 6, (1, 1), ONE, name=b"b")),
    "an object": file_of(matrix("<", 3, (1, 1), ONE)),
    "a sparse matrix": file_of(matrix("<", 5, (1, 1), ONE)),
    "a function": file_of(matrix("<", 16, (1, 1), ONE)),
    "something opaque": file_of(matrix("<", 17, (1, 1), ONE)),
    "complex numbers": file_of(matrix("<", 6, (1, 1), ONE, ONE, flags=0x800)),
    "fewer numbers": file_of(matrix("<", 6, (1, 2), ONE)),
    "more numbers": file_of(matrix("<", 6, (0, 0), ONE)),
    "a negative length": file_of(matrix("<", 6, (-1, -1), ONE)),
    "no numbers": file_of(matrix("<", 6, (1, 1))),
    "an unknown type": file_of(matrix("<", 6, (1, 1), element("<", 99, bytes(8)))),
    "half a number": file_of(matrix("<", 6, (1, 1), element("<", 9, bytes(5)))),
    "a text": file_of(matrix("<", 4, (1, 2), element("<", 16, b"ab"))),
    "no text": file_of(matrix("<", 4, (1, 2), element("<", 16, b"\xff\xfe"))),
    "texts that do not fit": file_of(matrix("<", 4, (2, 2), element("<", 16, b"abc"))),
    "a cell of 2**31 cells": file_of(matrix("<", 1, (1 << 30, 2))),
    "a cell of other lengths": written(a=np.array([np.ones(2), np.ones(3)], dtype=object)),
    "an empty struct": file_of(matrix("<", 2, (1 << 30, 2), element("<", 5, bytes(4)), element("<", 1, b""))),
    "a struct": written(a={"b": 1}),
    "a table": written(a=np.ones((2, 2))),
    "damaged compression": file_of(element("<", 15, b"x\x9cdamaged")),
    "two in one": file_of(element("<", 15, zlib.compress(2 * matrix("<", 6, (1, 1), ONE)))),
    "none in one": file_of(element("<", 15, zlib.compress(b""))),
    "a length beyond the file": file_of(struct.pack("<II", 14, 1 << 31)),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_read_is_one_sentence(tmp_path, what):
    with pytest.raises(InputError, match=r"^\S+a\.mat has no a \(.+\); fetch the dataset again$"):
        read(tmp_path, BAD[what], "a")


def test_cells_in_cells_are_no_end_of_the_process(tmp_path):
    inner = matrix("<", 6, (1, 1), ONE)
    for _ in range(2000):
        inner = matrix("<", 1, (1, 1), inner)
    with pytest.raises(InputError, match="has no a"):
        read(tmp_path, file_of(inner), "a")


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_cut_anywhere_lacks_its_last_variable(tmp_path, compressed):
    content = written(compressed, labels=CONTENT["labels"], persons=PERSONS)
    for kept in range(0, len(content) - 8, 3):
        with pytest.raises(InputError, match=r"has no persons\.size"):
            read(tmp_path, content[:kept], "persons", "size")


@pytest.mark.parametrize("seed", range(3))
def test_flipped_bytes_are_read_or_one_sentence(tmp_path, seed):
    """Of such files SciPy 1.17 ends the process."""
    rng, content = np.random.default_rng(seed), written()
    for _ in range(500):
        damaged = bytearray(content)
        for place in rng.integers(124, len(content), 3):
            damaged[place] = rng.integers(256)
        for keys in (["labels"], ["persons", "size"], ["nested", "inner", "values"]):
            try:
                read(tmp_path, damaged, *keys)
            except InputError as error:
                assert "\n" not in str(error)
