"""A copy of the project in which a reduced demo is run, once for all tests of this layer."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ["Snakefile", "rules", "scripts", "config", "envs", "profiles", "report"]


class Project:
    """A project folder, and Snakemake in it by the given Python."""

    def __init__(self, folder: Path, python: str | Path = sys.executable):
        self.folder = folder
        self.python = python

    def snakemake(self, *arguments: str, fails: bool = False) -> str:
        """Run Snakemake with the small study; return what it printed."""
        done = self.run("-m", "snakemake", "--configfile", "config/small.yaml", *arguments)
        output = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, output[-6000:]
        return output

    def planned(self, *arguments: str) -> Counter:
        """How often each rule would run, from the dry-run's job statistics; without the target rules."""
        return statistics(self.snakemake("-n", "--quiet", "rules", *arguments))

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run Python in the project's folder; the caller looks at the exit code."""
        return subprocess.run([self.python, *arguments], cwd=self.folder, capture_output=True, text=True)

    def overlay(self, text: str) -> list[str]:
        """Arguments that lay further settings over the small study."""
        (self.folder / "config" / "overlay.yaml").write_text(text)
        return ["--configfile", "config/small.yaml", "config/overlay.yaml"]

    @contextmanager
    def edited(self, table: str) -> Iterator[Path]:
        """Yield a table to edit; afterwards it is as it was, its time included."""
        path = self.folder / "config" / table
        text, before = path.read_text(), path.stat()
        try:
            yield path
        finally:
            path.write_text(text)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def append(self, table: str, row: dict[str, str]) -> None:
        """Add a row to one of the tables; columns that are not given stay empty."""
        path = self.folder / "config" / table
        header = path.read_text().splitlines()[0].split("\t")
        assert set(row) <= set(header)
        with path.open("a") as file:
            file.write("\t".join(row.get(column, "") for column in header) + "\n")


def statistics(output: str) -> Counter:
    """The jobs by rule in what a dry-run printed."""
    lines = output.splitlines()
    counts = Counter()
    if any(line.startswith("job") for line in lines):
        start = next(i for i, line in enumerate(lines) if line.startswith("job"))
        for line in lines[start + 2 :]:
            if not line.strip():
                break
            rule, count = line.split()
            if rule not in ("total", "all"):
                counts[rule] = int(count)
    return counts


SMALL = """\
pathvars:
  results: results/small
models:
  - mobilenetv2
  - efficientnet-lite0
  - efficientnet-lite1
  - random-vit
datasets: [digits, scenes-small, scenes-small-multi]
features: {resolution: 32}
execution: {batch_size: 64, shard_images: 1000, checkpoint_steps: 2, reconstructions: 1}
fewshot: {ways: 5, queries: 5, episodes: 30}
finetune:
  steps: 4
  batch_size: 8
  learning_rates: [1.0e-2, 1.0e-3]
  weight_decays: [1.0e-5]
  augmentations: [random_resized_crop]
  halvings: 1
exclude:
  - model: [efficientnet-lite0, efficientnet-lite1]
    protocol: [fewshot, finetune, calibration_linear, reconstruction, saliency, invariance]
    reason: time
  - {model: [efficientnet-lite0, efficientnet-lite1], dataset: scenes-small-multi, reason: time}
  - {dataset: digits, protocol: [finetune, reconstruction, saliency, invariance], reason: time}
  - {dataset: scenes-small-multi, protocol: detection_finetune, reason: time}
  - model: random-vit
    protocol: [detection_frozen, normals, segmentation]
    reason: a vision transformer has no pyramid
detection:
  iterations: 4
  batch_size: 2
  warmup_iterations: 1
  milestones: [3]
  train_scales: [48]
  test_scale: 48
  longest_side: 64
  proposals: 16
  test_proposals: 50
normals: {iterations: 4, channels: 8, train_scales: [48], test_scales: [48]}
segmentation: {iterations: 4, channels: 8, train_scales: [48], test_scales: [48]}
reconstruction: {resolution: 32, stage: 2, steps: 3, lpips: [], perceptual: [mobilenetv2]}
saliency: {resolution: 66, stride: 13}
invariance: {images: 10}
threads: {extraction: 1, probes: 1}
plotting: {dpi: 72}
"""

SCENES = {
    "task": "recognition",
    "loader": "scenes",
    "version": "1",
    "classes": "10",
    "split_rule": "official",
    "licence": "CC0",
}


def random_model(id: str, arch: str = "mobilenetv2_100") -> dict[str, str]:
    """A row of a model that needs no download."""
    return {
        "id": id,
        "name": id.capitalize(),
        "arch": arch,
        "source": "random",
        "normalisation": "imagenet",
        "method": "none",
        "pretraining_data": "none",
        "seed": "7",
    }


def copy_of_the_project(folder: Path, python: str | Path = sys.executable) -> Project:
    """The project with two smaller rendered datasets and a study on them."""
    folder.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)
    project = Project(folder, python)
    (folder / "config" / "small.yaml").write_text(SMALL)
    single = {
        "id": "scenes-small",
        "name": "Small scenes",
        "source": "render:images=300&objects=1&size=48&seed=0",
        "metric": "top1",
        "shots": "5",
    }
    several = {
        "id": "scenes-small-multi",
        "name": "Small scenes, several objects",
        "source": "render:images=200&objects=3&size=48&seed=1",
        "metric": "map11",
        "task": "recognition detection normals segmentation",
        "without": "finetune reconstruction saliency invariance",
    }
    for row in (single, several):
        project.append("datasets.tsv", SCENES | row)
    project.append("models.tsv", random_model("random-vit", "vit_tiny_patch16_224"))
    return project


@pytest.fixture(scope="session")
def project(tmp_path_factory, python) -> Project:
    """The project with the whole small study done."""
    project = copy_of_the_project(tmp_path_factory.mktemp("workflow") / "project", python)
    project.snakemake()
    return project


@pytest.fixture
def fresh(tmp_path, python) -> Project:
    """The project before anything is run."""
    return copy_of_the_project(tmp_path / "project", python)
