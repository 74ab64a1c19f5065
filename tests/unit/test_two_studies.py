"""Two Snakemakes in folders of their own that share one with resources: what both want is made once."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
SNAKEFILE = """\
import os, time
from transferscope.cluster import patches
if workflow.is_main_process:
    os.environ[patches.PLANNED] = str(time.time())
patches.keep_what_others_made(config["pathvars"]["resources"])
rule all:
    input: config["pathvars"]["resources"] + "/set"
rule first:
    output: "first.txt"
    shell: "while [ -e {hold} ]; do sleep 0.1; done; touch {{output}}"
rule make:
    input: "first.txt" if {first} else []
    output: directory(config["pathvars"]["resources"] + "/set")
    log: "make.log"
    script: "make.py"
"""
MAKE = """\
import os
import time
from pathlib import Path
from transferscope.files import atomic_path
from transferscope.job import logged
with logged(snakemake):
    output = Path(snakemake.output[0])
    with output.with_name("made").open("a") as made:
        made.write(os.getcwd() + "\\n")
    while output.with_name("hold").exists():
        time.sleep(0.1)
    with atomic_path(output) as folder:
        folder.mkdir()
        (folder / "content").write_text(os.getcwd())
"""


@pytest.fixture
def resources(tmp_path) -> Path:
    """The shared folder; while `hold` is in it, whatever is made there is not done."""
    folder = tmp_path / "resources"
    folder.mkdir()
    return folder


def study(python: Path, folder: Path, resources: Path, *, first: bool = False) -> subprocess.Popen:
    """Start a Snakemake that makes `set`; where ``first``, a job that waits for `wait` to go comes before."""
    folder.mkdir(exist_ok=True)
    (folder / "Snakefile").write_text(SNAKEFILE.format(hold=resources / "wait", first=first))
    (folder / "make.py").write_text(MAKE)
    command = [
        python,
        "-m",
        "snakemake",
        "--cores",
        "1",
        "--config",
        f"pathvars={{resources: {resources}}}",
    ]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(SCRIPTS), "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for(condition, process: subprocess.Popen) -> None:
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)


def finish(process: subprocess.Popen) -> None:
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said


def log(folder: Path) -> str:
    path = folder / "make.log"
    return path.read_text() if path.exists() else ""


def makers(resources: Path) -> list[str]:
    return (resources / "made").read_text().split()


def test_the_second_waits_for_the_first_and_finds_the_work_done(python, tmp_path, resources):
    (resources / "hold").touch()
    one = study(python, tmp_path / "one", resources)
    wait_for((resources / "made").exists, one)
    two = study(python, tmp_path / "two", resources)
    wait_for(lambda: "waiting for the process" in log(tmp_path / "two"), two)
    (resources / "hold").unlink()
    finish(one)
    finish(two)
    assert makers(resources) == [str(tmp_path / "one")]
    assert "another study has made" in log(tmp_path / "two")
    assert sorted(path.name for path in resources.iterdir()) == ["made", "set"]


def test_what_was_made_before_the_second_began_is_not_made_again(python, tmp_path, resources):
    (resources / "wait").touch()
    two = study(python, tmp_path / "two", resources, first=True)
    # It has planned, and has yet to come to it.
    wait_for(lambda: list((tmp_path / "two/.snakemake/locks").glob("*")), two)
    finish(study(python, tmp_path / "one", resources))
    made = (resources / "set").stat().st_ino
    (resources / "wait").unlink()
    finish(two)
    assert makers(resources) == [str(tmp_path / "one")]
    assert (resources / "set").stat().st_ino == made


def test_what_is_outdated_is_made_again(python, tmp_path, resources):
    finish(study(python, tmp_path / "one", resources))
    (tmp_path / "one/Snakefile").write_text("")
    again = study(python, tmp_path / "one", resources, first=True)  # its input is new
    finish(again)
    assert len(makers(resources)) == 2
