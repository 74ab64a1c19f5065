"""A study that was copied or moved: which files are what they should be, although Snakemake cannot know.

Snakemake keeps in ``.snakemake`` how it made a file, by the file's path, and compares times. Both may be lost
on the way, so the files themselves say what they were made from (``transferscope.made_from``). Jobs and their
graph, ``dag``, are Snakemake's.
"""

from collections.abc import Sequence

from transferscope import made_from
from transferscope.errors import InputError

SHOWN = 3
UNKNOWN = [("what it was made from", "unknown", "known")]
"""The change of a file of which nobody knows anything, and which is to be made again."""


def changes(job, quick: Sequence[str]) -> list[tuple[str, object, object]] | None:
    """``made_from.changes`` of a job's outputs.

    ``quick`` are folders of what takes minutes at most and cannot say itself what it was made from, such as
    tables and figures: it is made again where nobody knows.
    """
    found = made_from.changes(job.output, dict(job.params.items()), job.input)
    if found is None and any(path.startswith(tuple(quick)) for path in job.output):
        return UNKNOWN
    return found


def check_times(dag, quick: Sequence[str]) -> None:
    """Refuse, before any job, to compute again what only looks outdated.

    What lies in ``quick`` (see ``changes``) is made again: of tables nobody knows whether they are others.

    Raises:
        InputError: files that are older than their inputs say that they were made from just these.
    """
    again = [
        job
        for job in dag.needrun_jobs()
        if not any(path.startswith(tuple(quick)) for path in job.output) and _only_looks_outdated(job, dag)
    ]
    if again:
        names = ", ".join(job.output[0] for job in again[:SHOWN])
        more = f" and {len(again) - SHOWN} more" if len(again) > SHOWN else ""
        raise InputError(
            f"{names}{more} would be computed again, though made from just the inputs that are there, of "
            "which only the times are later, as after `cp -r`: the same command with --touch sets the times "
            f"right and computes nothing; with --forcerun {again[0].rule.name} it computes again nevertheless"
        )


def _only_looks_outdated(job, dag) -> bool:
    reason = dag.reason(job)
    if not reason.updated_input or reason.missing_output or reason.forced:
        return False
    made_here = set().union(*dag.dependencies[job].values())
    return (
        reason.updated_input <= made_here
        and made_from.changes(job.output, dict(job.params.items()), job.input) == []
    )
