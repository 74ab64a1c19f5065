"""Results come into the working folder, wherever the workflow lies and however it is started."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.workflow.conftest import Project, copy_of_the_project, random_model, statistics

TABLE = "results/published/tables/correlation_row.txt"
FIGURE = "results/published/figures/correlation_scatter.png"
OUTER = """\
module transferscope:
    snakefile: "{clone}/Snakefile"
    config: config["transferscope"]
    {more}

use rule * from transferscope exclude all

rule mine:
    default_target: True
    input: "results/published/tables/correlation_row.txt"
    output: "mine.txt"
    shell: "cp {{input:q}} {{output:q}}"
"""
DEPLOYED = """\
configfile: "config/config.yaml"

module transferscope:
    snakefile: "{clone}/Snakefile"
    config: config

use rule * from transferscope
"""


def content(folder: Path) -> dict[Path, int]:
    """All files in a folder, with their times, without what Python keeps of modules."""
    paths = (path for path in folder.rglob("*") if "__pycache__" not in path.parts)
    return {path: path.lstat().st_mtime_ns for path in paths if not path.is_dir()}


@pytest.fixture(scope="module")
def clone(tmp_path_factory, python) -> Project:
    """The project in a folder with a blank in its name, in which nothing changes."""
    project = copy_of_the_project(tmp_path_factory.mktemp("places") / "a clone", python)
    before = content(project.folder)
    yield project
    assert content(project.folder) == before


@pytest.fixture
def elsewhere(tmp_path, python) -> Project:
    """An empty working folder with a blank in its name, whose `results` lie on another disk."""
    folder, disk = tmp_path / "working folder", tmp_path / "disk"
    folder.mkdir()
    disk.mkdir()
    (folder / "results").symlink_to(disk)
    return Project(folder, python)


def started(project: Project, *arguments: str, fails: bool = False) -> str:
    """What Snakemake prints, started in the project's folder."""
    done = project.run("-m", "snakemake", *map(str, arguments))
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


def planned(project: Project, *arguments: str) -> Counter:
    return statistics(started(project, "-n", "-q", "rules", *arguments))


def test_started_elsewhere(clone, elsewhere):
    snakefile, study = clone.folder / "Snakefile", clone.folder / "config/published.yaml"
    started(elsewhere, "-s", snakefile, "--configfile", study, "--", TABLE)
    assert "5-way 5-shot" in (elsewhere.folder / TABLE).read_text()
    assert {path.name for path in elsewhere.folder.iterdir()} == {".snakemake", "results"}
    assert (elsewhere.folder / "results").is_symlink()
    said = started(
        clone, "--directory", elsewhere.folder, "--configfile", "config/published.yaml", "--", TABLE
    )
    assert "Nothing to be done" in said
    done = elsewhere.run(clone.folder / "scripts/status.py", "--configfile", study)
    assert "this study has no job for a cluster" in done.stderr, done.stderr


def test_a_study_names_tables_in_the_working_folder_and_in_the_workflows(clone, elsewhere):
    (elsewhere.folder / "my").mkdir()
    header = (clone.folder / "config/models.tsv").read_text().splitlines()[0]
    row = random_model("mine")
    line = "\t".join(row.get(column, "") for column in header.split("\t"))
    (elsewhere.folder / "my/models.tsv").write_text(f"{header}\n{line}\n")
    (elsewhere.folder / "study.yaml").write_text(
        "{models: [mine, random-mobilenetv2], datasets: [digits], protocols: [knn],\n"
        "tables: {models: [config/models.tsv, my/models.tsv]}}\n"
    )
    study = ["-s", clone.folder / "Snakefile", "--configfile", "study.yaml", "--", "backbones"]
    assert planned(elsewhere, *study) == {"initialise_backbone": 2, "backbones": 1}
    # The working folder's own goes before the workflow's.
    (elsewhere.folder / "config").mkdir()
    shutil.copy(elsewhere.folder / "my/models.tsv", elsewhere.folder / "config/models.tsv")
    assert "the id 'mine' is in config/models.tsv and in my/models.tsv" in started(
        elsewhere, "-n", *study, fails=True
    )


def outer(project: Project, clone: Project, *, more: str = 'pathvars: results="results/published"') -> None:
    """A workflow that has the clone as a module; ``more`` of its statement."""
    (project.folder / "workflow").mkdir(exist_ok=True)
    text = OUTER.format(clone=clone.folder, more=more)
    (project.folder / "workflow/Snakefile").write_text(text)
    (project.folder / "study.yaml").write_text("{own: 1, transferscope: {results_from: ericsson2021}}\n")


def test_as_a_module_of_another_workflow(clone, elsewhere):
    outer(elsewhere, clone)
    started(elsewhere, "--configfile", "study.yaml", "--cores", "2")
    assert (elsewhere.folder / "mine.txt").read_text() == (elsewhere.folder / TABLE).read_text()
    # The run was prepared and recorded, although Snakemake leaves out a module's `onstart`.
    assert list((elsewhere.folder / ".snakemake/transferscope/events").iterdir())
    # Without records tables are made again: it is known where they are, by the statement's `pathvars`.
    shutil.rmtree(elsewhere.folder / ".snakemake")
    assert planned(elsewhere, "--configfile", "study.yaml")["correlations"] == 1


def test_a_module_with_a_prefix_is_refused(clone, elsewhere):
    outer(elsewhere, clone, more='prefix: "out"')
    said = started(elsewhere, "-n", "--configfile", "study.yaml", fails=True)
    assert "module transferscope: a prefix would not reach" in said


def test_a_module_that_is_fetched_file_by_file_is_refused(clone, elsewhere):
    """As from `github(...)`, tried with a repository on this disk."""
    repository = elsewhere.folder.parent / "repository"
    shutil.copytree(clone.folder / "rules", repository / "rules")
    shutil.copy(clone.folder / "Snakefile", repository)
    git = ["git", "-C", repository, "-c", "user.name=test", "-c", "user.email=test"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *command], check=True)
    outer(elsewhere, clone)
    snakefile = elsewhere.folder / "workflow/Snakefile"
    address = f"git+file://{repository}/Snakefile@HEAD"
    snakefile.write_text(snakefile.read_text().replace(f"{clone.folder}/Snakefile", address))
    said = started(elsewhere, "-n", "--configfile", "study.yaml", fails=True)
    assert "is no folder on this machine" in said
    assert "name the Snakefile of the clone" in said


def test_as_snakedeploy_lays_it_out(clone, elsewhere):
    """The configuration beside the working folder is the user's, with published results of their own."""
    for part in ("config", "profiles"):
        shutil.copytree(clone.folder / part, elsewhere.folder / part)
    (elsewhere.folder / "workflow").mkdir()
    (elsewhere.folder / "workflow/Snakefile").write_text(DEPLOYED.format(clone=clone.folder))
    published = elsewhere.folder / "config/published"
    (published / "ericsson2021.csv").rename(published / "own.csv")
    said = started(elsewhere, "-n", "--configfile", "config/published.yaml", "--config", "results_from=own")
    assert "input: config/published/own.csv, results/published/study.json" in said
    assert statistics(said)["plot_correlation_scatter"] == 1


def test_a_clone_and_a_home_that_cannot_be_written(clone, tmp_path):
    """With Python itself: what is preloaded has found its caches already."""
    for name in ("work", "home", "cache", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "home").chmod(0o500)
    sources = [clone.folder, *clone.folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in sources}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    # Else root may write everywhere.
    restricted = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    study = ["--configfile", clone.folder / "config/published.yaml", "--", FIGURE]
    environment = os.environ | {
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "TMPDIR": str(tmp_path / "tmp"),
    }
    done = subprocess.run(
        [*restricted, sys.executable, "-m", "snakemake", "-s", clone.folder / "Snakefile", *study],
        cwd=tmp_path / "work",
        env=environment,
        capture_output=True,
        text=True,
    )
    for path, mode in modes.items():
        path.chmod(mode)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "work" / FIGURE).exists()
    assert not list((tmp_path / "home").iterdir())
    assert (tmp_path / "cache/snakemake").is_dir()
