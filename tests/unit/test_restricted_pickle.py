"""Pickles of strangers: what they may hold is read, and all else is refused before it does anything.

A reader that let one of these through could crash the process or run code.
"""

import io
import pickle
from collections import OrderedDict

import hostile
import numpy as np
import pytest
from hostile import FLOATS, NDARRAY, OBJECTS, POINTER, Made, Name, array, dtype, scalar

from transferscope import restricted_pickle
from transferscope.errors import InputError

MEMORY = {"data": (1 << 40, False), "shape": (4,), "typestr": "<f4", "version": 3}
"""What NumPy would believe of an object that has it as ``__array_interface__``."""


def read(content: bytes, **options) -> object:
    return restricted_pickle.load(io.BytesIO(content), "some.pkl", **options)


def values() -> list:
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 100, (2, 3))
    codes = ["?", "i1", "u2", "<i4", ">i4", "u8", "f2", "<f4", ">f8", "c8", "S3", "<U4", ">U4"]
    return [
        *(numbers.astype(code) for code in codes),
        np.asfortranarray(numbers),
        np.zeros((0, 4), np.float32),
        np.array(2.5),
        np.float32(1.5),
        np.bool_(True),
        np.str_("text"),
    ]


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("value", values(), ids=lambda value: f"{type(value).__name__}-{value.dtype.str}")
def test_arrays_and_scalars_come_back(protocol, value):
    found = read(pickle.dumps({"a": [value, (value,)]}, protocol=protocol))
    for one in (found["a"][0], found["a"][1][0]):
        np.testing.assert_array_equal(np.asarray(one), value)
        assert np.asarray(one).dtype.newbyteorder("=") == value.dtype.newbyteorder("=")


def test_plain_containers_come_back():
    content = OrderedDict(a=[1, 2.5, None, True], b=({1}, b"bytes", "text", 10**30))
    assert read(pickle.dumps(content, protocol=4)) == content
    # Python 2 pickles an array's bytes as a text.
    two = hostile.dumps({"a": array(FLOATS, (1,), "\0\0\x80?")})
    assert read(two)["a"] == [1.0]


REFUSED = {
    "objects": array(OBJECTS, (1,), [None]),
    "pointers": array(OBJECTS, (1,), POINTER),
    "a number that becomes a pointer": array(dtype("f8", 3, "|", None, ("a",), {}, 8, 8, 63), (1,), POINTER),
    "a scalar that is a pointer": scalar(OBJECTS, POINTER),
    "a field": dtype("f4", 3, "|", None, ("a",), {"a": (FLOATS, 0)}, 8, 8, 0),
    "arrays in an array": dtype("f4", 3, "|", (FLOATS, (2,)), None, None, 8, 8, 0),
    "anything": dtype("V8"),
    "dates": dtype("M8[s]"),
    "durations": dtype("m8"),
    "two types": dtype("f4,O"),
    "an alias": dtype("object"),
    "a state of a list": Made(Name("collections", "OrderedDict"), state={"__array_interface__": MEMORY}),
    "a state of a record": Made(Name("byol", "State"), state={"__array_interface__": MEMORY}),
    "a state of a scalar": Made(
        Name("numpy.core.multiarray", "scalar"), FLOATS, b"1234", state={"__array_interface__": MEMORY}
    ),
    "code": Made(Name("builtins", "eval"), "1"),
    "code of Python 2": Made(Name("__builtin__", "eval"), "1"),
    "a command": Made(Name("os", "system"), "true"),
    "a command elsewhere": Made(Name("posix", "system"), "true"),
    "a process": Made(Name("subprocess", "Popen"), ("true",)),
    "an attribute": Made(Name("builtins", "getattr"), "", "format"),
    "an attribute by operator": Made(Name("operator", "attrgetter"), "x"),
    "a class": Made(Name("builtins", "type"), "A", (), {}),
    "a partial call": Made(Name("functools", "partial"), 1),
    "a file": Made(Name("numpy", "fromfile"), "/etc/passwd"),
    "another pickle": Made(Name("numpy", "load"), "/etc/passwd"),
    "NumPy's own": Made(Name("numpy.core.multiarray", "fromfile"), "/etc/passwd"),
    "a map of memory": Made(Name("numpy", "memmap"), "/etc/passwd"),
    "a matrix": Made(Name("numpy", "matrix"), "1 2"),
    "code in NumPy": Made(Name("numpy.testing._private.utils", "runstring"), "1", {}),
    "a name with dots": Made(Name("numpy", "core.multiarray.scalar"), FLOATS, b"1234"),
    "an import": Made(Name("importlib", "import_module"), "os"),
    "a checkpoint": Made(Name("torch", "load"), "/etc/passwd"),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_what_could_run_code_is_refused(what, protocol):
    content = hostile.dumps({"a": REFUSED[what]}, protocol)
    with pytest.raises(InputError, match=r"^some\.pkl asks for .*, which could run code and was refused; "):
        read(content, stand_ins={"byol": lambda *_: lambda: None})


DAMAGED = {
    "too few bytes": array(FLOATS, (2,), b"1234"),
    "too many bytes": array(FLOATS, (1,), b"12345678"),
    "a negative length": array(FLOATS, (-1, -1), b"1234"),
    "a length of 30 digits": array(FLOATS, (10**30,), b"1234"),
    "a length that is no number": array(FLOATS, ("1",), b"1234"),
    "no type": array(None, (1,), b"1234"),
    "a list of bytes": array(FLOATS, (4,), [b"1234"]),
    "a text that is no bytes": array(FLOATS, (1,), "\u20ac234"),
    "a type of another size": dtype("f3"),
    "a type that is a number": dtype(4),
    "an order of bytes": dtype("f4", 3, "?", None, None, None, -1, -1, 0),
    "a short state": dtype("f4", 3),
    "an array by its class": Made(NDARRAY, (10**9,)),
    "a scalar of two": scalar(FLOATS, b"12345678"),
    "bytes in another encoding": Made(Name("_codecs", "encode"), "text", "rot13"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_what_does_not_fit_is_one_sentence(what):
    with pytest.raises(InputError, match=r"^some\.pkl (is truncated or no pickle; remove it|asks for)"):
        read(hostile.dumps({"a": DAMAGED[what]}))


@pytest.mark.parametrize(
    "content",
    {
        "empty": b"",
        "no pickle": b"hello",
        "no end": pickle.dumps([1, 2])[:-1],
        "another protocol": b"\x80\xff.",
        "an object elsewhere": b"\x80\x02U\x01aQ.",
        "a registered extension": b"\x80\x02\x82\x01.",
        "an empty stack": b"\x80\x02b.",
        "a memo that is not there": b"\x80\x02h\x05.",
        "a text of 4 GB": b"\x80\x02X\xff\xff\xff\xff.",
        "bytes of 2**62": b"\x80\x04\x8e" + (1 << 62).to_bytes(8, "little") + b".",
        "a number of many digits": b"I" + b"9" * 10_000 + b"\n.",
        "brackets in brackets": b"\x80\x02" + b"]" * 100 + b"a" * 200 + b".",
        "a call of a number": b"\x80\x02K\x01)R.",
        "an object of a number": b"\x80\x02K\x01)\x81.",
    }.values(),
)
def test_damage_is_one_sentence(content):
    with pytest.raises(InputError, match=r"^some\.pkl is truncated or no pickle; remove it and download it"):
        read(content)


def test_a_file_cut_anywhere_is_one_sentence():
    content = pickle.dumps({"a": np.arange(3.0), "b": [np.float32(1)]}, protocol=2)
    for kept in range(len(content)):
        with pytest.raises(InputError, match=r"^some\.pkl (is truncated or no pickle|asks for)"):
            read(content[:kept])
