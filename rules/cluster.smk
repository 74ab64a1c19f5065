"""Snakemake and SLURM: what has to be set right before any job is submitted.

Out: prepare_cluster, which the Snakefile calls at the start of a run.
"""

from transferscope.cluster import slurm

# profiles/default gives a run all cores of this machine. A cluster's jobs are not to be cut to a login node's.
if workflow.nodes:
    workflow.global_resources["_cores"] = None


def prepare_cluster() -> None:
    """Cancel the SLURM jobs that a Snakemake which was killed had submitted for the outputs of this run."""
    slurm.ask_once_for_min_job_age()
    try:
        slurm.cancel_left_over((str(job.benchmark) for job in workflow.dag.needrun_jobs()), Path.cwd())
    except InputError as error:
        raise WorkflowError(str(error))
