"""`make profile`: what is given, asked for, or said by a pretended cluster; and what a run looks at first."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import snakemake.common
import yaml
from snakemake.cli import get_profile_dir

from transferscope.cluster import profile
from transferscope.errors import InputError

ROOT = Path(__file__).parents[2]
SINFO = """\
debug*|30:00|64000|16|(null)
cpu|2-00:00:00|180000+|48|(null)
gpu|1-00:00:00|360000|64|gpu:a100:4(S:0-1),gpu:h100:2
gpu|1-00:00:00|720000|32|gpu:h100:8
long|infinite|180000|48|gpu:1
"""
SACCTMGR = "vision\n"


@pytest.fixture
def user(tmp_path, monkeypatch) -> Path:
    """A user's folder of profiles; programs of SLURM that are put into `bin` are on the path."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    (tmp_path / "bin").mkdir()
    tools = [Path("/bin"), Path("/usr/bin")]
    for name in ("sh", "cat", "which", "make", "env"):
        found = next((tool / name for tool in tools if (tool / name).exists()), None)
        if found:
            (tmp_path / "bin" / name).symlink_to(found)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{Path(sys.executable).parent}")
    monkeypatch.chdir(ROOT)
    return tmp_path / "home/snakemake/slurm"


def program(user: Path, name: str, said: str, code: int = 0) -> None:
    path = user.parents[2] / "bin" / name
    (path.parent / f"{name}.said").write_text(said)
    path.write_text(f"#!/bin/sh\ncat {path}.said\nexit {code}\n")
    path.chmod(0o755)


@pytest.fixture
def cluster(user) -> Path:
    program(user, "sinfo", SINFO)
    program(user, "sacctmgr", SACCTMGR)
    return user


def make(*given: str, stdin=subprocess.DEVNULL) -> subprocess.CompletedProcess:
    """`make profile` as a user with an environment that is set up calls it."""
    command = ["make", "--old-file=.venv/main.done", "profile", *given]
    return subprocess.run(command, stdin=stdin, capture_output=True, text=True)


def written(user: Path) -> tuple[dict, dict]:
    config = yaml.safe_load((user / "config.yaml").read_text())
    assert config["slurm-partition-config"] == str(user / "partitions.yaml")
    return config, yaml.safe_load((user / "partitions.yaml").read_text())["partitions"]


def test_without_a_word_it_is_what_the_cluster_says(cluster):
    done = make()
    assert done.returncode == 0, done.stderr
    config, partitions = written(cluster)
    assert config["default-resources"]["slurm_account"] == "vision"
    assert "scratch" not in config["default-resources"]
    assert partitions == {
        "debug": {"max_mem_mb": 64000, "max_threads": 16, "max_runtime": "30:00"},
        "gpu": {"max_mem_mb": 720000, "max_threads": 64, "max_gpu": 8, "max_runtime": "1-00:00:00"},
        "long": {"max_mem_mb": 180000, "max_threads": 48, "max_gpu": 1},
    }
    template = yaml.safe_load((ROOT / profile.TEMPLATE).read_text())
    own = {"default-resources", "slurm-partition-config"}
    assert {key: value for key, value in config.items() if key not in own} == {
        key: value for key, value in template.items() if key not in own
    }


def test_what_is_given_stands(cluster):
    done = make("ACCOUNT=mine", "PARTITION=cpu,long", "GPU_PARTITION=gpu", "SCRATCH=$$TMPDIR")
    assert done.returncode == 0, done.stderr
    config, partitions = written(cluster)
    assert config["default-resources"]["slurm_account"] == "mine"
    assert config["default-resources"]["scratch"] == "$TMPDIR"
    assert list(partitions) == ["cpu", "long", "gpu"]
    assert "max_gpu" not in partitions["long"]  # its GPUs are left to others


def test_what_the_environment_says_is_not_meant(cluster, monkeypatch):
    monkeypatch.setenv("SCRATCH", "/a/disk/that/nodes/share")
    assert make().returncode == 0
    assert "scratch" not in written(cluster)[0]["default-resources"]


def test_it_is_made_from_any_folder(cluster, monkeypatch):
    make()
    before = [path.read_text() for path in sorted(cluster.iterdir())]
    monkeypatch.chdir(cluster)
    done = subprocess.run([sys.executable, ROOT / "scripts/make_profile.py"], stdin=subprocess.DEVNULL)
    assert done.returncode == 0
    assert [path.read_text() for path in sorted(cluster.iterdir())] == before


def test_the_next_time_what_was_given_is_still_known(cluster):
    make("ACCOUNT=mine", "PARTITION=cpu", "GPU_PARTITION=gpu", "SCRATCH=/scratch")
    before = [path.read_text() for path in sorted(cluster.iterdir())]
    assert make().returncode == 0
    assert [path.read_text() for path in sorted(cluster.iterdir())] == before


def test_an_edit_of_the_users_is_kept_beside(cluster):
    make()
    path = cluster / "config.yaml"
    edited = path.read_text().replace("jobs: 100", "jobs: 7")
    path.write_text(edited)
    assert f"what you had before is in {path}.old" in make().stdout
    assert (cluster / "config.yaml.old").read_text() == edited


def test_a_terminal_is_asked(cluster):
    leader, follower = pty.openpty()
    os.write(leader, b"mine\n\n\n/scratch\n")
    done = make(stdin=follower)
    assert done.returncode == 0, done.stderr
    config, partitions = written(cluster)
    assert "account for your jobs [vision]: " in done.stdout
    assert config["default-resources"]["slurm_account"] == "mine"
    assert config["default-resources"]["scratch"] == "/scratch"
    assert list(partitions) == ["debug", "gpu", "long"]


def test_a_cluster_without_accounts_or_gpus(user):
    program(user, "sinfo", "only*|infinite|64000|16|(null)\n")
    program(user, "sacctmgr", "You are not running a supported accounting_storage plugin\n", code=1)
    assert make().returncode == 0
    config, partitions = written(user)
    assert "slurm_account" not in config["default-resources"]
    assert partitions == {"only": {"max_mem_mb": 64000, "max_threads": 16}}
    assert {rule["gpu"] for rule in config["set-resources"].values()} == {0}


def test_without_slurm_partitions_have_to_be_named(user):
    done = make("GPU_PARTITION=gpu")
    assert done.returncode != 0
    assert "name yours, as in `make profile PARTITION=NAME`" in done.stderr
    assert "Traceback" not in done.stderr
    assert not user.exists()
    assert make("PARTITION=cpu", "GPU_PARTITION=gpu").returncode == 0
    assert written(user)[1] == {"cpu": {}, "gpu": {"max_gpu": 1}}


def test_a_partition_that_is_not_there_is_said(cluster):
    done = make("GPU_PARTITION=gup")
    assert "GPU_PARTITION: gup is no partition; `sinfo` has debug, cpu, gpu, long" in done.stderr
    assert not cluster.exists()


def test_a_template_is_refused_before_any_job(user):
    program(user, "sbatch", "")
    partitions = ROOT / "profiles/slurm/partitions.yaml"
    with pytest.raises(InputError, match=r"is a template, .* run `make profile` once"):
        profile.check(["slurm_account=mine"], partitions)
    with pytest.raises(InputError, match=r"is a template, .* run `make profile` once"):
        profile.check(["tmpdir=system_tmpdir", f"slurm_account={profile.MARK}"], None)


def test_a_machine_without_sbatch_is_refused_before_any_job(user):
    with pytest.raises(InputError, match="there is no `sbatch` on the path"):
        profile.check(["slurm_account=mine"], None)


def test_a_profile_of_another_template_is_outdated(cluster, monkeypatch, tmp_path):
    make()
    partitions = cluster / "partitions.yaml"
    program(cluster, "sbatch", "")
    profile.check(["slurm_account=vision"], partitions)
    assert not profile.outdated(partitions)
    changed = tmp_path / "config.yaml"
    changed.write_text((ROOT / profile.TEMPLATE).read_text() + "# more\n")
    monkeypatch.setattr(profile, "TEMPLATE", changed)
    assert profile.outdated(partitions)
    assert not profile.outdated(ROOT / "profiles/slurm/partitions.yaml")


def test_snakemake_finds_the_profile_by_its_name(cluster, monkeypatch):
    monkeypatch.setattr(snakemake.common, "APPDIRS", None)
    make()
    assert get_profile_dir(profile.NAME) == (cluster, cluster / "config.yaml")
