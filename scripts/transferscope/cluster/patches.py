"""Changes to Snakemake and its SLURM plugin at run time; no other module makes any.

Tried with snakemake 9.27.1 and snakemake-executor-plugin-slurm 2.8.0. ``tests/unit/test_snakemake.py`` fails
with a version that no longer has what is changed here.
"""


def lift_core_limit(workflow) -> None:
    """Let a job on a cluster ask for more cores than this machine has.

    ``profiles/default`` gives a run all cores of this machine; Snakemake cuts each job's threads to them.
    """
    workflow.global_resources["_cores"] = None


def ask_once_for_min_job_age() -> None:
    """Let the SLURM plugin keep SLURM's present answer for ``MinJobAge``.

    It asks before each look at its jobs. Without an answer, while the controller is away, it would turn to
    ``sacct``, and on a cluster without accounts, where that never answers, sit still for an hour.
    """
    import snakemake_executor_plugin_slurm as plugin  # only a run on SLURM has to have it

    age = plugin.get_min_job_age()
    plugin.get_min_job_age = lambda: age
