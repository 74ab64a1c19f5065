"""What goes wrong on a cluster, done on purpose; each drill ends with the same results table."""

import pandas as pd
import pytest
from tests.slurm.cluster import SCRATCH
from tests.slurm.conftest import TABLE

TO_TABLE = ("--", str(TABLE))

REFIT = "finetune/scenes-few/random-mobilenetv2"
LOG = f"results/small/logs/finetune_refit/{REFIT}.log"


class Drill:
    """The study with a training to be done again, and what became of SLURM's jobs for it."""

    def __init__(self, project):
        self.project, self.cluster = project, project.cluster
        self.before = {job for (job,) in self.cluster.jobs("%i")}
        project.forget(f"{REFIT}.json", f"{REFIT}.predictions.h5")

    def training(self) -> str:
        """The SLURM job that trains, once it does."""
        return self.project.wait_for(lambda: self.project.running("finetune_refit"))

    def states(self) -> list[str]:
        """How the jobs of the training ended, in the order of submission."""
        rows = self.cluster.jobs("%i %T %k")
        return [
            state
            for job, state, comment in rows
            if job not in self.before and comment.startswith("rule_finetune_refit")
        ]

    def ask(self, **sizes: int) -> None:
        """Change what the training asks for."""
        path = self.project.folder / "config/job_sizes.tsv"
        table = pd.read_csv(path, sep="\t", comment="#")
        table.loc[table["rule"] == "finetune_refit", list(sizes)] = list(sizes.values())
        table.to_csv(path, sep="\t", index=False)


@pytest.fixture
def drill(drilled, submitted):
    """Checks at its end that the table is that of the run in which nothing went wrong."""
    drill = Drill(drilled)
    yield drill
    assert drilled.table() == submitted.table()
    assert (drilled.folder / f"results/small/{REFIT}.json").exists()
    assert not list((drilled.folder / "results").rglob("*.resume"))


def test_a_job_over_its_memory_is_tried_again_with_more(drill, drilled):
    # Snakemake's own and half of what a training takes.
    drill.ask(mem_mb=450, mem_mb_per_thread=0)
    drilled.snakemake(*TO_TABLE)
    *failed, last = drill.states()
    # With cgroups SLURM calls it OUT_OF_MEMORY.
    assert set(failed) == {"FAILED"}
    assert last == "COMPLETED"
    logs = [path.read_text() for path in (drilled.folder / "slurm_logs/rule_finetune_refit").rglob("*.log")]
    assert sum("memory limit" in log for log in logs) == len(failed)


def test_a_job_at_its_time_limit_goes_on_where_it_was(drill, drilled):
    drill.ask(minutes=1, minutes_per_unit=0)
    profile = drilled.profile
    # As late as can be: two minutes ahead, it would be told before it trains.
    profile.write_text(profile.read_text().replace("--signal=TERM@120", "--signal=TERM@1"))
    process = drilled.start(*TO_TABLE)
    job = drill.training()
    drilled.wait_for(lambda: drill.cluster.answers_to_its_end(job))
    drill.cluster.pause(job)
    drilled.finish(process)
    failed, last = drill.states()
    assert failed in ("TIMEOUT", "FAILED")  # whether it ended at its limit or just before
    assert last == "COMPLETED"
    assert "going on at step" in (drilled.folder / LOG).read_text()


def test_a_running_job_is_cancelled_by_hand(drill, drilled):
    process = drilled.start(*TO_TABLE)
    job = drill.training()
    drill.cluster.pause(job)
    (row,) = [line for line in drilled.status().splitlines() if " finetune_refit " in line]
    jobs, done, running = row.split()[2:5]
    assert (jobs, done, running) == ("1", "0", "1")
    drill.cluster.run(["scancel", job])
    drilled.finish(process)
    assert drill.states() == ["CANCELLED", "COMPLETED"]


def test_a_node_goes_down(drill, drilled):
    process = drilled.start(*TO_TABLE)
    job = drill.training()
    (node,) = [where for number, where in drill.cluster.jobs("%i %N", "running") if number == job]
    drill.cluster.kill_node(node)
    drilled.finish(process)
    drill.cluster.start_node(node)
    assert drill.states() == ["NODE_FAIL", "COMPLETED"]


def test_the_controller_is_restarted(drill, drilled):
    process = drilled.start(*TO_TABLE)
    drill.training()
    drill.cluster.kill_controller()
    # Long enough that the job ends, and Snakemake asks, while nobody answers.
    drilled.wait_for(lambda: (drilled.folder / f"results/small/{REFIT}.json").exists())
    drill.cluster.start_controller()
    drilled.finish(process)
    assert drill.states() == ["COMPLETED"]


def test_snakemake_is_killed_and_started_again(drill, drilled):
    process = drilled.start(*TO_TABLE)
    left = drill.training()
    drill.cluster.pause(left)
    drilled.kill()
    process.wait()
    assert [left] == [job for (job,) in drill.cluster.jobs("%i", "running")]
    drilled.snakemake("--unlock")
    drilled.snakemake(*TO_TABLE)
    # Had both run to their end, they would have written into one output.
    assert drill.states() == ["CANCELLED", "COMPLETED"]


def test_scratch_is_full(drill, drilled):
    drill.cluster.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(SCRATCH)])
    drilled.snakemake(*TO_TABLE)
    drill.cluster.run(["umount", str(SCRATCH)])
    assert "reading resources/datasets/scenes-few from where it lies" in (drilled.folder / LOG).read_text()
