"""A full disk is one sentence in every writer; a state that has no room on it warns."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from disk_writers import WRITERS, text
from mmengine.runner.checkpoint import save_checkpoint

from transferscope import job
from transferscope.training import resume
from transferscope.training.resume import Resume


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A disk of 256 KiB, which takes root to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("nobody but root can mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_writer_says_so_in_one_sentence_and_ends_in_good_order(disk, writer):
    # In a process of its own, since HDF5 may crash it long after.
    code = f"from tests.unit.disk_writers import *; check(Path({str(disk)!r}), WRITERS[{writer!r}])"
    root = Path(__file__).parents[2]
    environment = {"PYTHONPATH": f"{root}:{root / 'scripts'}", "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_state_that_has_no_room_warns_and_the_one_before_stays(disk, caplog):
    path = disk / "output.json.resume"
    Resume(path, {"seed": 0}).save_training({"step": 1})
    state = Resume(path, {"seed": 0})
    state.save_training({"step": 2, "network": torch.ones(1_000_000)})
    assert caplog.text.count("cannot be saved, and it goes on without: no space left") == 1
    assert state.training["step"] == 2
    assert Resume(path, {"seed": 0}).training == {"step": 1}
    assert list(disk.iterdir()) == [path]


def test_a_fault_of_ours_in_a_state_is_no_warning(tmp_path):
    with pytest.raises(AttributeError, match="lambda"):
        Resume(tmp_path / "state", {}).save_training({"step": lambda: None})


def test_a_toolbox_checkpoint_that_has_no_room_warns(disk, caplog):
    def save(path: Path) -> None:
        save_checkpoint({"state_dict": {"a": torch.ones(1_000_000)}}, str(path))

    resume.write(disk / "output.json.resume", save)
    assert "the state of the training cannot be saved" in caplog.text
    assert list(disk.iterdir()) == []


def test_a_job_whose_log_has_no_room_either_ends_with_its_sentence(disk, capsys):
    snakemake = SimpleNamespace(
        log=[str(disk / "rule.log")],
        output=[str(disk / "output.json")],
        config={"pathvars": {"resources": "resources"}},
        rule="some_rule",
        threads=1,
        params={},
        input=[],
    )
    with pytest.raises(SystemExit) as ended, job.logged(snakemake):
        (disk / "full").write_bytes(b"0" * 200_000)
        for _ in range(1000):
            logging.info("words that fill what is left of the disk, at last, and go on nevertheless")
        text(disk / "output.json")
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith(f"some_rule: no space left on the device for {disk / 'output.json'} (")
    assert said.count("\n") == 1
