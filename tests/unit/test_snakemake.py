"""The installed Snakemake and SLURM plugin have what events.py and patches.py rely on."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import snakemake_executor_plugin_slurm as plugin

from transferscope.cluster import events, patches, progress

SCRIPTS = Path(__file__).parents[2] / "scripts"
SNAKEFILE = """\
from pathlib import Path
from transferscope.cluster import events, patches
events.record(Path("events.jsonl"))
{more}
rule all:
    input: "made.txt"
rule make:
    output: "made.txt"
    benchmark: "make.tsv"
    threads: 8
    resources: gpu=1, mem_mb=400, runtime=30
    shell: "{shell}"
"""
MAKE = {
    "rule": "make",
    "protocol": "",
    "output": "made.txt",
    "benchmark": "make.tsv",
    "threads": 2,
    "gpu": 1,
    "mem_mb": 400,
    "runtime": 30,
}
ALL = MAKE | {
    "rule": "all",
    "output": None,
    "benchmark": None,
    "threads": 1,
    "gpu": 0,
    "mem_mb": 0,
    "runtime": 0,
}
JOB = {"event": "job_info", "jobid": 1, **MAKE}
TARGET = {"event": "job_info", "jobid": 0, **ALL}

# A SLURM that does each job while it takes it.
SLURM = {
    "sbatch": "touch made.txt make.tsv; echo 17",
    "squeue": "echo '17|COMPLETED'",
    "scontrol": "echo 'MinJobAge = 300 sec'",
    "sacctmgr": "",
    "sshare": "",
}


def recorded(
    python: str | Path,
    folder: Path,
    *arguments: str,
    shell: str = "touch {output}",
    more: str = "",
    ends: int = 0,
) -> list[dict]:
    """The events of a Snakemake with two cores, which ends with this code."""
    (folder / "Snakefile").write_text(SNAKEFILE.replace("{shell}", shell).replace("{more}", more))
    command = [python, "-m", "snakemake", "--cores", "2", *arguments]
    path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS), "PATH": path}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == ends, done.stdout + done.stderr
    return list(events.read(folder / "events.jsonl"))


def test_a_dry_run_logs_what_each_job_asks_for(python, tmp_path):
    found = recorded(python, tmp_path, "--dry-run")
    assert found == [JOB, TARGET]
    assert list(progress.planned(found)) == ["made.txt"]


def test_a_quiet_run_logs_a_failure_the_next_attempt_and_its_end(python, tmp_path):
    fails_once = "test -e tried || {{ touch tried; false; }}; touch {output}"
    found = recorded(python, tmp_path, "--retries", "1", "--quiet", "all", shell=fails_once)
    job = [JOB, {"event": "job_error", "jobid": 1}, {"event": "restarted", "jobid": 1}, JOB]
    finished = {"event": "job_finished", "jobid": 1}
    assert found == [*job, finished, TARGET, {"event": "job_finished", "jobid": 0}]
    assert progress.states(found) == {"made.txt": ("finished", None)}


def test_a_killed_run_keeps_the_events_before(tmp_path):
    assert recorded(sys.executable, tmp_path, shell="kill -KILL $PPID", ends=-signal.SIGKILL) == [JOB]


def test_the_slurm_plugin_logs_the_number_of_a_submitted_job(python, tmp_path):
    (tmp_path / "bin").mkdir()
    for name, body in SLURM.items():
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
    # As with profiles/slurm.
    options = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1"]
    resources = ["--default-resources", "slurm_account=none", "slurm_partition=none"]
    found = recorded(python, tmp_path, "--executor", "slurm", "--jobs", "1", *options, *resources)
    assert found[:2] == [JOB, {"event": "submitted", "jobid": 1, "slurm": "17"}]
    assert progress.states(found) == {"made.txt": ("finished", "17")}


@pytest.mark.parametrize(("more", "threads"), [("", 2), ("patches.lift_core_limit(workflow)", 8)])
def test_a_job_on_a_cluster_may_have_more_cores_than_this_machine(python, tmp_path, more, threads):
    job, _ = recorded(python, tmp_path, "--dry-run", more=more)
    assert job["threads"] == threads


def test_the_slurm_plugin_is_told_min_job_age_once(monkeypatch):
    answers = iter([300])
    monkeypatch.setattr(plugin, "get_min_job_age", lambda: next(answers))
    patches.ask_once_for_min_job_age()
    assert [plugin.get_min_job_age(), plugin.get_min_job_age()] == [300, 300]
    # And this is what it asks before each look at its jobs.
    assert "get_min_job_age" in plugin.Executor.check_active_jobs.__code__.co_names


WITH_PARAMS = """\
from transferscope.cluster import patches
patches.ask_files_without_record(lambda job: {changes} if job.output else None)
onstart:
    if workflow.touch:
        patches.touch_times_alone(workflow)
rule make:
    output: "made.txt"
    params: steps={steps}
    shell: "touch {{output}}"
"""


def reasons(python: Path, folder: Path, *arguments: str, changes: str, steps: int) -> str:
    """What Snakemake prints of one rule, whose files say that these are the changes."""
    (folder / "Snakefile").write_text(WITH_PARAMS.format(changes=changes, steps=steps))
    command = [python, "-m", "snakemake", "--cores", "1", *arguments]
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_file_without_record_is_asked_and_one_with_a_record_is_not(python, tmp_path):
    changed = '[("settings.steps", 5, 6)]'
    reasons(python, tmp_path, changes=changed, steps=5)
    assert "Nothing to be done" in reasons(python, tmp_path, "-n", changes=changed, steps=5)
    shutil.rmtree(tmp_path / ".snakemake")
    said = reasons(python, tmp_path, "-n", changes=changed, steps=5)
    assert "before: settings.steps: 5 now: settings.steps: 6" in said
    for unchanged in ("[]", "None"):
        assert "Nothing to be done" in reasons(python, tmp_path, "-n", changes=unchanged, steps=6)


def test_to_touch_is_no_record(python, tmp_path):
    reasons(python, tmp_path, changes="None", steps=5)
    reasons(python, tmp_path, "--touch", "--force", changes="None", steps=6)
    assert "Params have changed" in reasons(python, tmp_path, "-n", changes="None", steps=6)
    assert "Nothing to be done" in reasons(python, tmp_path, "-n", changes="None", steps=5)
