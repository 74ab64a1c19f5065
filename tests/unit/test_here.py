"""What lies on this machine of a dataset, and what the Snakemake of a single job is told of it."""

import pandas as pd
import pytest

from transferscope.sources import index
from transferscope.study.here import Here

FACTORS = "render:variant=1111&layout=single&images=120&size=32&models=1&seed=0"

CROPS = "images=1&count=9&size=32&preset=paper&augment=none&seed=0"


def here(tmp_path, origin: str, *sources: str, look: bool = True) -> Here:
    datasets = pd.DataFrame({"origin": [origin], "source": [list(sources)]}, index=["mine"])
    return Here(datasets, tmp_path / "resources", look=look)


@pytest.mark.parametrize(
    ("origin", "sources", "paths"),
    [
        ("url", ["https://host/a.zip"], []),
        ("pypi", ["pypi:digits==1"], []),
        ("render", ["render:images=300&objects=1&size=48&seed=0"], []),
        ("factors", [FACTORS], []),
        ("factors", [f"{FACTORS}&textures=data/dtd"], ["data/dtd"]),
        ("crops", [f"crops:picture=china&{CROPS}"], []),
        ("crops", [f"crops:picture=scenes&{CROPS}"], []),
        ("crops", [f"crops:picture=data/my%20bridge.jpg&{CROPS}"], ["data/my bridge.jpg"]),
        ("local", ["data/pictures"], ["data/pictures"]),
        ("url", ["https://host/a.zip", "data/b.zip"], ["data/b.zip"]),
        ("archive", ["data/a.zip", "data/b.zip"], ["data/a.zip", "data/b.zip"]),
    ],
)
def test_what_of_a_dataset_lies_on_this_machine(tmp_path, origin, sources, paths):
    assert here(tmp_path, origin, *sources).sources("mine") == paths


def test_what_a_user_placed_lies_in_one_folder(tmp_path):
    placed = here(tmp_path, "manual", "manual")
    folder = tmp_path / "resources/manual/mine"
    assert placed.sources("mine") == [str(folder)]
    assert placed.contents("mine", write=True) == ""
    assert not placed.index("mine").exists()


@pytest.fixture
def pictures(tmp_path):
    for name in ("cat/0.jpg", "dog/0.jpg"):
        (tmp_path / "pictures" / name).parent.mkdir(parents=True)
        (tmp_path / "pictures" / name).write_text(name)
    return tmp_path / "pictures"


def test_a_folder_is_listed_once_and_not_before_it_is_asked_about(tmp_path, pictures, monkeypatch):
    listing, calls = index.listing, []
    monkeypatch.setattr(index, "listing", lambda sources: calls.append(sources) or listing(sources))
    planned = here(tmp_path, "local", str(pictures))
    assert not calls
    assert planned.pictures("mine") == 2
    assert planned.contents("mine", write=False) == planned.contents("mine", write=False)
    planned.contents("mine", write=True)
    assert len(calls) == 1


def test_a_job_is_told_by_the_index_and_lists_nothing(tmp_path, pictures, monkeypatch):
    job = here(tmp_path, "local", str(pictures), look=False)
    contents = here(tmp_path, "local", str(pictures)).contents("mine", write=True)
    (pictures / "cat/1.jpg").touch()
    monkeypatch.setattr(index, "listing", None)
    assert (job.contents("mine", write=True), job.pictures("mine")) == (contents, 2)
