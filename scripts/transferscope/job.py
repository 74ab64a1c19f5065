"""Interface to Snakemake jobs: logging, locks, device and threads. No other module depends on Snakemake."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TextIO

from transferscope import locks, made_from
from transferscope.errors import InputError
from transferscope.files import disk_full_as_input_error
from transferscope.training.scratch import copied_to_scratch

PATIENCE_S = 2 * locks.LEASE_S  # so that a job killed on another node is known to be dead


@contextmanager
def logged(snakemake) -> Iterator[None]:
    """Run a script in its threads, its output in the rule's log; end on bad input with its one sentence.

    When it is done, each file that it made is told what it was made from (``transferscope.made_from``). The
    message of an InputError goes to the log and the terminal without a traceback. Any other exception is a
    bug and is logged with its traceback. Meanwhile no other job writes the same output (``_alone``).
    """
    path = Path(snakemake.log[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    terminal = sys.stderr
    with _open_log(path) as log, redirect_stdout(log), redirect_stderr(log):
        logging.basicConfig(
            stream=log, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", force=True
        )
        if "SLURM_JOB_ID" in os.environ:
            logging.info(
                "SLURM job %s on %s, GPU %s",
                os.environ["SLURM_JOB_ID"],
                os.environ.get("SLURMD_NODENAME"),
                os.environ.get("CUDA_VISIBLE_DEVICES", "none"),
            )
        logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every glyph of a PDF
        limit_threads(snakemake.threads)
        origin = made_from.describe(dict(snakemake.params.items()), snakemake.input)
        try:
            with disk_full_as_input_error(path), _alone(snakemake):
                yield
                for output in snakemake.output:
                    tell(output, origin)
        except InputError as error:
            logging.error("%s", error)
            print(f"{snakemake.rule}: {error}", file=terminal)
            sys.exit(1)
        except Exception:
            logging.exception("rule %s failed", snakemake.rule)
            raise


@contextmanager
def _open_log(path: Path) -> Iterator[TextIO]:
    """Write a log; a full disk that has no room for its last lines does not hide how the job ends."""
    log = path.open("w", buffering=1, encoding="utf-8")
    try:
        yield log
    finally:
        with suppress(OSError):
            log.close()


@contextmanager
def _alone(snakemake) -> Iterator[None]:
    """Hold the lock of the job's first output, which stands for all.

    For what studies share, in the folder of resources, another one's job is waited for; if it has made the
    output, this job is done and ends. Any other output may be a job's that a killed Snakemake left behind;
    its saved state may be at work too, so this job does not begin beside it.

    Raises:
        InputError: such a job still runs.
    """
    output = Path(snakemake.output[0])
    shared = output.is_relative_to(snakemake.config["pathvars"]["resources"])
    with locks.only_writer(output, patience_s=None if shared else PATIENCE_S):
        # Snakemake removes what is outdated before a job.
        if shared and output.exists():
            logging.info("another study has made %s in the meantime", output)
            sys.exit(0)
        yield


def tell(output: str | Path, origin: dict) -> None:
    """Write into a file or folder what it was made from."""
    if Path(output).suffix == ".safetensors":
        from transferscope.models import canonical  # whoever made one has imported this

        canonical.set_metadata(output, made_from.NAME, json.dumps(origin))
    else:
        made_from.write(output, origin)


def run(snakemake) -> dict:
    """What the job's run is beside model and dataset: keywords of ``results.run.Run``."""
    return {
        **snakemake.params.run,
        "device": device(snakemake.resources),
        "threads": snakemake.threads,
    }


def dataset(snakemake) -> AbstractContextManager[Path]:
    """The job's dataset: its copy on the node's own disk, where the resource ``scratch`` names one."""
    return copied_to_scratch(snakemake.input.dataset, snakemake.resources.get("scratch"))


def device(resources) -> str:
    """``cuda`` if the job requests a GPU, else ``cpu``.

    The environment variable ``TRANSFERSCOPE_DEVICE=cpu`` overrides the request, to test a cluster setup
    without real GPUs.

    Raises:
        InputError: the job requests a GPU but none is visible.
    """
    if not resources.get("gpu", 0) or os.environ.get("TRANSFERSCOPE_DEVICE") == "cpu":
        return "cpu"
    import torch

    if not torch.cuda.is_available():
        raise InputError(
            "this job asked for a GPU (resources: gpu=1) but none is visible in it; check that the partition "
            "has GPUs and that CUDA_VISIBLE_DEVICES is set, or set `gpu: 0` for the rule in the profile"
        )
    return "cuda"


def limit_threads(threads: int) -> None:
    """Limit torch and BLAS to the job's threads; oversubscribed cores slow all jobs down."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
