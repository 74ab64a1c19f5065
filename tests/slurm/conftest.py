"""A study of few jobs, run on this machine for reference and then by `--profile slurm` on a real SLURM."""

import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.slurm.cluster import SCRATCH, Cluster, install
from tests.workflow.conftest import ROOT, SCENES, Project, copy_of_the_project, random_model

# Two networks, and two datasets: one is unpacked by a local rule, the other rendered by a job.
STUDY = """\
pathvars: {results: results/small}
models: [random-mobilenetv2, random-convnext]
datasets: [pictures, scenes-few]
protocols: [linear, knn, finetune, calibration]
features: {resolution: 48}
execution: {batch_size: 64, checkpoint_steps: 250}
finetune:
  steps: 200
  batch_size: 8
  learning_rates: [1.0e-2]
  weight_decays: [1.0e-5]
  augmentations: [random_resized_crop]
exclude:
  - {model: random-convnext, protocol: finetune, reason: time}
  - {model: random-mobilenetv2, protocol: calibration, reason: time}
threads: {extraction: 1, probes: 1}
"""
DATASETS = [
    {
        "id": "pictures",
        "name": "Pictures",
        "task": "recognition",
        "loader": "image_folder",
        "version": "1",
        "source": "data/pictures.zip",
        "classes": "3",
        "metric": "top1",
        "split_rule": "stratified",
        "without": "finetune calibration",
        "licence": "CC0",
    },
    SCENES
    | {
        "id": "scenes-few",
        "name": "Few scenes",
        "source": "render:images=150&objects=1&size=48&seed=0",
        "metric": "top1",
        "without": "knn",
    },
]
RESULTS = Path("results/small")
TABLE = RESULTS / "tables/measured.tsv"


def pictures(path: Path) -> None:
    """Write an archive of 20 pictures of each of three classes, noise that one channel stands out of."""
    rng = np.random.default_rng(0)
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for channel, name in enumerate("abc"):
            for number in range(20):
                pixels = rng.integers(0, 200, (40, 48, 3), dtype=np.uint8)
                pixels[..., channel] += 50
                file = BytesIO()
                Image.fromarray(pixels).save(file, "PNG")
                archive.writestr(f"{name}/{number}.png", file.getvalue())


class OnCluster(Project):
    """A project folder whose Snakemake runs on the login node of a cluster, with a user's profile in it."""

    def __init__(self, folder: Path, cluster: Cluster):
        super().__init__(folder)
        self.cluster = cluster
        self.profile = folder / "user/snakemake/slurm/config.yaml"
        self.environment = os.environ | {"TRANSFERSCOPE_DEVICE": "cpu", "SCRATCH": str(SCRATCH)}
        self.environment |= {"XDG_CONFIG_HOME": str(folder / "user")}

    def make_profile(self) -> None:
        """As the user does, once; the environment of the tests stands for that of `make setup`."""
        # On this cluster every node has a GPU.
        given = ["PARTITION=cpu", "GPU_PARTITION=gpu", "SCRATCH=$$SCRATCH"]
        command = ["make", "--old-file=.venv/main.done", "profile", *given]
        inside = self.cluster.inside(command, self.folder)
        subprocess.run(inside, env=self.environment, stdin=subprocess.DEVNULL, check=True)

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start Snakemake; what it prints is appended to `snakemake.log`."""
        command = [sys.executable, "-m", "snakemake", "--profile", "slurm"]
        # Asked more often than a real cluster should be, no network file system, and two cores in all.
        command += ["--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "5", "--jobs", "4"]
        command += ["--configfile", "config/small.yaml", *arguments]
        with (self.folder / "snakemake.log").open("a") as log:
            return subprocess.Popen(
                self.cluster.inside(command, self.folder),
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        """Kill Snakemake itself, as a login node that is rebooted does; its SLURM jobs go on."""
        self.cluster.kill(f"{sys.executable} -m snakemake --profile")

    def finish(self, process: subprocess.Popen) -> str:
        """Wait until Snakemake has ended as it should; return what it printed."""
        code = process.wait(timeout=400)
        said = (self.folder / "snakemake.log").read_text()
        assert code == 0, f"{said[-5000:]}\n{self.cluster.log()}"
        return said

    def snakemake(self, *arguments: str) -> str:
        """Run Snakemake to its end."""
        return self.finish(self.start(*arguments))

    def status(self) -> str:
        """What scripts/status.py prints."""
        command = [sys.executable, "scripts/status.py", "--profile", "slurm"]
        inside = self.cluster.inside([*command, "--configfile", "config/small.yaml"], self.folder)
        return subprocess.run(
            inside, env=self.environment, stdout=subprocess.PIPE, text=True, check=True
        ).stdout

    def forget(self, *outputs: str) -> None:
        """Remove some results, as if they had not been made yet, and the tables made of them."""
        for output in (*outputs, "tables"):
            path = self.folder / RESULTS / output
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def running(self, rule: str) -> str | None:
        """The SLURM job in which a rule's own process has begun its work, if there is one."""
        for job, comment in self.cluster.jobs("%i %k", "running"):
            if comment.startswith(f"rule_{rule}"):
                for log in (self.folder / RESULTS / "logs" / rule).rglob("*.log"):
                    if f"SLURM job {job} " in log.read_text():
                        return job
        return None

    def wait_for(self, condition: Callable, seconds: float = 120):
        """What ``condition`` answers, as soon as that is true."""
        end = time.monotonic() + seconds
        while not (answer := condition()):
            assert time.monotonic() < end, (self.folder / "snakemake.log").read_text()[-5000:]
            time.sleep(0.1)
        return answer

    def table(self) -> bytes:
        """The long table of results."""
        return (self.folder / TABLE).read_bytes()


@pytest.fixture(scope="session")
def untouched(tmp_path_factory) -> Project:
    """The project with the small study, before anything is run."""
    project = copy_of_the_project(tmp_path_factory.mktemp("slurm") / "project")
    shutil.copy(ROOT / "Makefile", project.folder)
    (project.folder / "config/small.yaml").write_text(STUDY)
    project.append("models.tsv", random_model("random-convnext", "convnext_atto"))
    for row in DATASETS:
        project.append("datasets.tsv", row)
    pictures(project.folder / "data/pictures.zip")
    return project


@pytest.fixture(scope="session")
def reference(untouched, tmp_path_factory) -> Project:
    """The small study done on this machine, without SLURM."""
    project = Project(tmp_path_factory.mktemp("reference") / "project")
    shutil.copytree(untouched.folder, project.folder)
    project.snakemake()
    return project


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running SLURM."""
    install()
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def submitted(untouched, cluster, tmp_path_factory) -> OnCluster:
    """The small study done by `--profile slurm`."""
    project = OnCluster(tmp_path_factory.mktemp("submitted") / "project", cluster)
    shutil.copytree(untouched.folder, project.folder)
    project.make_profile()
    project.snakemake()
    return project


@pytest.fixture
def drilled(submitted, tmp_path) -> OnCluster:
    """A copy of the finished study, to which something is done."""
    project = OnCluster(tmp_path / "project", submitted.cluster)
    shutil.copytree(submitted.folder, project.folder)
    (project.folder / "snakemake.log").unlink()
    yield project
    submitted.cluster.wait_until_idle()
